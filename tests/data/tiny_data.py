"""A data set of a few bytes, and sources that need no network."""

import hashlib
import json
import struct
from dataclasses import replace

import nnbench.data as data
from nnbench.data import catalog


def idx_bytes(shape, values):
    return struct.pack(f">I{len(shape)}I", 0x0800 + len(shape), *shape) + bytes(values)


CONTENTS = {
    "train-images-idx3-ubyte": idx_bytes((3, 2, 2), range(12)),
    "train-labels-idx1-ubyte": idx_bytes((3,), [0, 1, 2]),
    "t10k-images-idx3-ubyte": idx_bytes((1, 2, 2), [255, 254, 253, 252]),
    "t10k-labels-idx1-ubyte": idx_bytes((1,), [2]),
}


def records(contents):
    return tuple(
        data.DataFile(name, len(content), hashlib.md5(content).hexdigest()) for name, content in contents.items()
    )


def write(folder, contents=CONTENTS):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def good(dataset, folder, tell):
    tell(10, 20, "downloading")
    write(folder)


def unreachable(dataset, folder, tell):
    raise data.SourceFailed("the server does not answer")


def wrong(dataset, folder, tell):
    write(folder, CONTENTS | {"train-labels-idx1-ubyte": idx_bytes((3,), [0, 1, 9])})


def interrupted(dataset, folder, tell):
    (folder / "train-images-idx3-ubyte").write_bytes(b"half of i")
    raise KeyboardInterrupt


GOOD = data.Source("good", good)
UNREACHABLE = data.Source("unreachable", unreachable)
WRONG = data.Source("wrong", wrong)
INTERRUPTED = data.Source("interrupted", interrupted)


def write_sprites(folder, images, labels):
    """The package's files: each image a row of 1,024 pixels, labels as two lists."""
    from PIL import Image

    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    for k, name in enumerate(names):
        Image.fromarray(images[2 * k : 2 * k + 2].reshape(2, 1024, 3)).save(folder / f"{name}.png")
    (folder / "train_lables.json").write_text(json.dumps(labels[:10]))
    (folder / "test_lables.json").write_text(json.dumps(labels[10:]))


def file_of(name, text):
    content = text.encode()
    return data.DataFile(name, len(content), hashlib.md5(content).hexdigest())


REVIEWS = "text,label,source\n" + "".join(
    f'"{word}, said ""{place}"" .\nand more",{label},{source}\n'
    for place, (word, label, source) in enumerate(
        [
            ("long", 1, "imdb"),
            *[("good", 1, "rotten_tomatoes")] * 5,
            *[("café", 0, "rotten_tomatoes")] * 5,
            ("long", 0, "imdb"),
        ]
    )
)
WEEKLY = "date,co2\n19991225,4\n20000101,\n20000108,\n20000115,10\n20000122,8.5\n20000129,\n20000205,9.5\n"
YEARLY = '"YEAR","SUNACTIVITY"\n1700,5\n1701,11.5\n1702,16\n1703,7\n'

TINY_REVIEWS = replace(
    catalog.MOVIE_REVIEWS,
    name="tiny_reviews",
    train_samples=4,
    validation_samples=4,
    test_samples=2,
    files=(file_of("reviews.csv", REVIEWS),),
)
TINY_WEEKLY = replace(
    catalog.MAUNA_LOA_CO2,
    name="tiny_weekly",
    train_samples=4,
    validation_samples=2,
    test_samples=1,
    files=(file_of("weekly.csv", WEEKLY),),
)
TINY_YEARLY = replace(TINY_WEEKLY, name="tiny_yearly", train_samples=1, files=(file_of("yearly.csv", YEARLY),))
