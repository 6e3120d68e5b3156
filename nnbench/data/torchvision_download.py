"""A program of its own: let torchvision download a data set into the current folder, in canonical form.

``python -m nnbench.data.torchvision_download MNIST``. In a process of its own it can be given up on and ended, its
socket time-out is nobody else's, and the process that asked stays free of torch.
"""

from __future__ import annotations

import shutil
import socket
import sys
from pathlib import Path
from typing import Any

from nnbench.data.formats import write_cifar

TIME_OUT = 10.0  # seconds that a server may keep silent, and that connecting to one may take


def main(class_name: str) -> None:
    """Download by ``torchvision.datasets.<class_name>``; what it fetched is checked by its own published md5s."""
    from nnbench.vision import import_torchvision

    socket.setdefaulttimeout(TIME_OUT)
    make = getattr(import_torchvision().datasets, class_name)
    train, test = make("fetched", train=True, download=True), make("fetched", train=False, download=True)
    if hasattr(train, "raw_folder"):
        place_idx(train, Path())
    else:
        place_batches(train, test, Path())


def place_idx(dataset: Any, folder: Path) -> None:
    """Move MNIST's four unpacked files; ``resources`` names them as they are published, packed by gzip."""
    for published, _ in dataset.resources:
        name = published.removesuffix(".gz")
        shutil.move(Path(dataset.raw_folder) / name, folder / name)


def place_batches(train: Any, test: Any, folder: Path) -> None:
    """Write CIFAR-10 as its binary version: torchvision downloads the one made for Python."""
    names = [f"data_batch_{number}.bin" for number in range(1, 6)]
    write_cifar(train.data, train.targets, folder, names)
    write_cifar(test.data, test.targets, folder, ["test_batch.bin"])


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Exception as error:  # noqa: BLE001  one line for the list of what was tried, not a traceback
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")
