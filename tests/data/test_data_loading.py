"""Where data lies, what loading gives, and that none of it needs torch."""

import subprocess
import sys

import numpy as np
import pytest
from tiny_data import CONTENTS, GOOD, write

import nnbench.data as data
from nnbench.data import cache as cache_module
from nnbench.errors import DataUnavailable


def test_importing_and_loading_do_not_import_torch():
    script = (
        "import sys, nnbench.data as data\n"
        "data.load('digits'), data.best_available('mnist'), data.sources_of(data.find('mnist'))\n"
        "assert 'torch' not in sys.modules and 'torchvision' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_the_cache_is_where_the_variable_says_or_in_the_users_cache(cache, monkeypatch):
    assert data.cache_folder() == cache
    monkeypatch.delenv("NNBENCH_DATA")
    assert data.cache_folder().parts[-2:] == ("nnbench", "data")


def test_a_loaded_data_set_has_typed_arrays(tiny):
    data.get(tiny, sources=[GOOD])
    loaded = data.load(tiny)
    assert loaded.train_images.dtype == np.uint8
    assert loaded.train_labels.dtype == np.int64
    assert loaded.train_images.tolist() == np.arange(12).reshape(3, 2, 2).tolist()
    assert loaded.test_images.tolist() == [[[255, 254], [253, 252]]]
    assert loaded.test_labels.tolist() == [2]
    assert loaded.train_images.flags.writeable  # torch.from_numpy warns otherwise
    assert loaded.scale == 255


def test_files_brought_by_hand_are_found(tiny, cache):
    write(cache / "tiny")
    assert data.load(tiny).name == "tiny"


def test_a_folder_that_is_only_readable_is_enough(tiny, cache):
    write(cache / "tiny")
    data.load(tiny)
    assert [path.name for path in cache.iterdir()] == ["tiny"]  # loading writes nothing


def test_a_missing_data_set_says_what_to_type(tiny):
    with pytest.raises(DataUnavailable, match="is not there") as caught:
        data.load(tiny)
    assert "nnbench data get tiny" in str(caught.value)


def test_a_file_is_read_once_for_its_md5_until_it_changes(tiny, cache):
    write(cache / "tiny")
    cache_module._md5.cache_clear()
    data.verify(tiny)
    data.verify(tiny)
    assert cache_module._md5.cache_info().misses == len(CONTENTS)
    (cache / "tiny" / "t10k-labels-idx1-ubyte").write_bytes(b"short")
    with pytest.raises(DataUnavailable, match="has 5 bytes instead of 9"):
        data.load(tiny)


def test_the_checksum_tells_contents_apart(tiny):
    data.get(tiny, sources=[GOOD])
    assert data.load(tiny).checksum == data.load(tiny).checksum
    assert data.load(tiny).checksum != data.load("digits").checksum


def test_digits_are_split_evenly_and_always_the_same_way():
    digits = data.load("digits")
    record = data.DATASETS["digits"]
    assert digits.train_images.shape == (record.train_samples, 8, 8)
    assert digits.test_images.shape == (record.test_samples, 8, 8)
    assert np.bincount(digits.test_labels).tolist() == [36] * 10
    assert np.bincount(digits.train_labels).min() == 138
    assert digits.checksum == "b098ba46fdd8415f2711d64eed11d0c5"


def test_digits_keep_their_values_and_say_their_scale():
    digits = data.load("digits")
    assert (digits.train_images.min(), digits.train_images.max(), digits.scale) == (0, 16, 16)


def test_no_digit_is_lost_or_in_both_parts():
    from sklearn.datasets import load_digits

    digits = data.load("digits")
    together = np.concatenate([digits.train_images, digits.test_images]).reshape(-1, 64)
    original = load_digits().data.astype(np.uint8)
    assert sorted(map(bytes, together)) == sorted(map(bytes, original))


def test_the_best_available_is_the_preferred_one_only_when_it_is_there(tiny):
    assert data.best_available(tiny) == "digits"
    data.get(tiny, sources=[GOOD])
    assert data.best_available(tiny) == "tiny"


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_the_catalogue_agrees_with_itself(name):
    record = data.DATASETS[name]
    samples = record.train_samples + record.test_samples
    overhead = 48 if record.format == "idx" else 0  # headers of two files of 16 bytes and two of 8
    assert record.bytes == samples * (1 + int(np.prod(record.image_shape))) + overhead
    assert len(record.classes) == 10
    assert all(len(file.md5) == 32 for file in record.files)
