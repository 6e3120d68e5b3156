"""The five ways, with clients that are small scripts: what is called, what is unpacked, what goes wrong."""

import gzip
import os
import tarfile
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from tiny_data import CONTENTS, TINY_YEARLY, YEARLY, records, write_sprites

import nnbench.data as data
from nnbench.data import catalog, formats, sources
from nnbench.data.catalog import Offer
from nnbench.data.clients import SourceFailed
from nnbench.errors import DataUnavailable


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Put a shell script in front of the PATH, under the name of a client."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def install(name, script):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return install


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "work"
    made.mkdir()
    return made


TINY = replace(catalog.MNIST, name="tiny", files=records(CONTENTS))


def told_to(heard):
    return lambda *told: heard.append(told)


def pack(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, file in files.items():
            archive.add(file, f"package/{name}")


def contents_of(folder):
    return {name: (folder / name).read_bytes() for name in CONTENTS}


def test_npm_packages_are_packed_and_taken_apart(tmp_path, folder, program):
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    pack(tmp_path / "tiny.tgz", {f"data/{name}": tmp_path / name for name in CONTENTS})
    program("npm", f'echo "$@" > arguments; cp {tmp_path}/tiny.tgz .')
    heard = []
    sources.from_npm(Offer("npm", "tiny@1", 1000, "idx"), TINY, folder, told_to(heard))
    assert (folder / "arguments").read_text().startswith("pack tiny@1 --cache=npm-cache --ignore-scripts")
    assert contents_of(folder) == CONTENTS
    assert heard[-1] == (1000, 1000, "unpacking")


def test_sprites_of_an_npm_package_become_binary_batches(tmp_path, folder, program):
    images = np.random.RandomState(1).randint(0, 256, (12, 32, 32, 3)).astype(np.uint8)
    labels = [*range(10), 3, 4]
    (tmp_path / "sprites").mkdir()
    write_sprites(tmp_path / "sprites", images, labels)
    pack(tmp_path / "photos.tgz", {path.name: path for path in (tmp_path / "sprites").iterdir()})
    program("npm", f"cp {tmp_path}/photos.tgz .")
    sources.from_npm(Offer("npm", "photos@1", 1000, "sprites"), catalog.CIFAR10, folder, told_to([]))
    read, read_labels = formats.read_cifar([folder / file.name for file in catalog.CIFAR10.files])
    assert (read == images).all()
    assert read_labels.tolist() == labels


def test_an_npm_package_that_lacks_a_file_is_told(tmp_path, folder, program, tiny):
    (tmp_path / "readme").write_text("nothing here")
    pack(tmp_path / "empty.tgz", {"readme": tmp_path / "readme"})
    program("npm", f"cp {tmp_path}/empty.tgz .")
    offer = Offer("npm", "empty@1", 1000, "idx")
    source = data.Source("npm", lambda *rest: sources.from_npm(offer, *rest))
    with pytest.raises(DataUnavailable, match="train-images-idx3-ubyte' not found"):
        data.get(tiny, sources=[source])


def test_a_client_that_leaves_nothing_is_told(folder, program):
    program("npm", "true")
    with pytest.raises(SourceFailed, match=r"left 0 files \*.tgz"):
        sources.from_npm(Offer("npm", "tiny@1", 1000, "idx"), TINY, folder, told_to([]))


@pytest.fixture
def debian(tmp_path, program):
    """dpkg-deb that unpacks a prepared tree."""
    share = tmp_path / "tree" / "usr" / "share" / "datasets" / "tiny"
    share.mkdir(parents=True)
    for name, content in CONTENTS.items():
        (share / f"{name}.gz").write_bytes(gzip.compress(content))
    program("dpkg-deb", f'cp -r {tmp_path}/tree "$3"')
    return Offer("debian", "dataset-tiny", 1000, "idx.gz")


def test_debian_packages_are_unpacked_without_installing(folder, program, debian):
    program("apt-get", '[ "$1" = download ] && touch dataset-tiny_1_all.deb')
    sources.from_debian(debian, TINY, folder, told_to([]))
    assert contents_of(folder) == CONTENTS
    assert not (folder / "lists").exists()


def test_an_unknown_debian_package_is_looked_up_in_lists_of_our_own(folder, program, debian):
    program(
        "apt-get",
        'case "$*" in\n'
        f"update*Dir::State::lists={folder}/lists*) echo list > lists/stable ;;\n"
        f"download*Dir::State::lists={folder}/lists*) touch dataset-tiny_1_all.deb ;;\n"
        '*) echo "E: Unable to locate package"; exit 100 ;;\nesac',
    )
    heard = []
    sources.from_debian(debian, TINY, folder, told_to(heard))
    assert contents_of(folder) == CONTENTS
    assert "reading package lists" in [message for _, _, message in heard]


def test_lists_that_cannot_be_read_are_the_reason(folder, program, debian):
    program("apt-get", '[ "$1" = update ]')  # which says that all is well
    with pytest.raises(SourceFailed, match="read no package lists"):
        sources.from_debian(debian, TINY, folder, told_to([]))


@pytest.mark.parametrize(("way", "missing"), [("from_npm", "npm"), ("from_debian", "apt-get")])
def test_a_missing_client_is_an_understandable_reason(folder, monkeypatch, way, missing):
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(SourceFailed, match=f"the program {missing} is not installed"):
        getattr(sources, way)(Offer("npm", "tiny@1", 1000, "idx"), TINY, folder, told_to([]))


FAKE_TORCHVISION = """
import pathlib
from types import SimpleNamespace
import numpy

class MNIST:
    resources = [(f"{name}.gz", "md5") for name in %(names)r]
    def __init__(self, root, train, download):
        self.raw_folder = pathlib.Path(root) / "MNIST" / "raw"
        self.raw_folder.mkdir(parents=True, exist_ok=True)
        for packed, _ in self.resources:
            (self.raw_folder / packed).write_bytes(bytes(30))
            name = packed.removesuffix(".gz")
            (self.raw_folder / name).write_text(name)

class CIFAR10:
    def __init__(self, root, train, download):
        count = 10 if train else 2
        self.data = numpy.full((count, 32, 32, 3), 5, dtype=numpy.uint8)
        self.targets = list(range(count))

class Closed:
    def __init__(self, root, train, download):
        raise RuntimeError("Error downloading\\n  nobody there")

datasets = SimpleNamespace(MNIST=MNIST, CIFAR10=CIFAR10, Closed=Closed)
"""


@pytest.fixture
def torchvision(tmp_path, monkeypatch):
    """A torchvision that makes its files up; it runs in a process of its own, as the real one does."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "torchvision.py").write_text(FAKE_TORCHVISION % {"names": list(CONTENTS)})
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    return lambda class_name: Offer("torchvision", class_name, 1000, "canonical")


def test_torchvision_leaves_unpacked_files(folder, torchvision):
    heard = []
    sources.from_torchvision(torchvision("MNIST"), TINY, folder, told_to(heard))
    assert {name: (folder / name).read_text() for name in CONTENTS} == {name: name for name in CONTENTS}
    assert heard[-1] == (4 * 30, 1000, "downloading")  # the packed files are what was downloaded


def test_torchvisions_cifar_becomes_binary_batches(folder, torchvision):
    sources.from_torchvision(torchvision("CIFAR10"), catalog.CIFAR10, folder, told_to([]))
    images, labels = formats.read_cifar([folder / file.name for file in catalog.CIFAR10.files])
    assert images.shape == (12, 32, 32, 3)
    assert labels.tolist() == [*range(10), 0, 1]


def test_torchvision_that_fails_gives_its_reason_in_one_line(folder, torchvision):
    with pytest.raises(SourceFailed, match=r"failed: RuntimeError: Error downloading nobody there$"):
        sources.from_torchvision(torchvision("Closed"), TINY, folder, told_to([]))


FAKE_PIP = """
import os, pathlib, shutil, sys
pathlib.Path("arguments").write_text(" ".join(sys.argv[1:]))
temporary = pathlib.Path(os.environ["TMPDIR"])
shutil.copy(%(wheel)r, temporary / "half.whl")
(temporary / "half.whl").rename("tiny-1-py3-none-any.whl")
"""
WHEEL = Offer("pip", "tiny==1", 1000, "wheel", "tiny/datasets")


@pytest.fixture
def pip(tmp_path, monkeypatch):
    """A pip that finds one wheel, with the given members."""

    def install(members, script=FAKE_PIP):
        with zipfile.ZipFile(tmp_path / "tiny.whl", "w") as wheel:
            for name, text in members.items():
                wheel.writestr(name, text)
        (tmp_path / "modules").mkdir()
        (tmp_path / "modules" / "pip.py").write_text(script % {"wheel": str(tmp_path / "tiny.whl")})
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))

    return install


def test_wheels_are_downloaded_and_their_data_taken_out(folder, pip):
    pip({"tiny/__init__.py": "raise SystemExit", "tiny/datasets/yearly.csv": YEARLY})
    heard = []
    sources.from_pip(WHEEL, TINY_YEARLY, folder, told_to(heard))
    assert (folder / "yearly.csv").read_text() == YEARLY
    said = (folder / "arguments").read_text()
    assert said.startswith("download tiny==1 --dest=. --no-deps --only-binary=:all:")
    assert "--no-cache-dir" in said
    assert heard[-1] == (1000, 1000, "unpacking")
    assert not list((folder / "pip").iterdir())


def test_a_wheel_that_lacks_a_file_is_told(folder, pip, monkeypatch):
    pip({"tiny/elsewhere/yearly.csv": YEARLY})
    monkeypatch.setattr(catalog, "DATASETS", {**catalog.DATASETS, "tiny_yearly": TINY_YEARLY})
    source = data.Source("pip", lambda *rest: sources.from_pip(WHEEL, *rest))
    with pytest.raises(DataUnavailable, match=r"no item named 'tiny/datasets/yearly\.csv'"):
        data.get("tiny_yearly", sources=[source])


def test_a_pip_that_fails_gives_its_reason(folder, pip):
    pip({}, "import sys; print('WARNING: x %(wheel)s'); sys.exit('ERROR: No matching distribution found for tiny==1')")
    with pytest.raises(SourceFailed, match=r"failed: ERROR: No matching distribution found for tiny==1$"):
        sources.from_pip(WHEEL, TINY_YEARLY, folder, told_to([]))


def test_a_python_without_pip_is_an_understandable_reason(folder, monkeypatch):
    monkeypatch.setattr(sources.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SourceFailed, match="pip is not installed in this Python"):
        sources.from_pip(WHEEL, TINY_YEARLY, folder, told_to([]))


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package with data that must not be imported, and a data set that it offers."""
    (tmp_path / "packages" / "tiny_package" / "datasets").mkdir(parents=True)
    (tmp_path / "packages" / "tiny_package" / "__init__.py").write_text("raise RuntimeError('imported')")
    (tmp_path / "packages" / "tiny_package" / "datasets" / "yearly.csv").write_text(YEARLY)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    offer = Offer("installed", "tiny_package", 0, "canonical", "datasets")
    return replace(TINY_YEARLY, offers=(replace(offer, package="no_such_package"), offer, WHEEL))


def test_installed_packages_are_sources_and_others_are_not(installed):
    assert [source.name for source in data.sources_of(installed)] == ["installed tiny_package", "pip tiny==1"]


def test_the_file_of_an_installed_package_is_copied(installed, folder):
    data.sources_of(installed)[0].fetch(installed, folder, told_to([]))
    assert (folder / "yearly.csv").read_text() == YEARLY


def test_a_package_that_is_not_there_or_no_package_is_told(folder):
    for name in ("no_such_package", "this"):
        with pytest.raises(SourceFailed, match=f"the Python package {name} is not installed"):
            sources.from_installed(Offer("installed", name, 0, "canonical"), TINY_YEARLY, folder, told_to([]))
