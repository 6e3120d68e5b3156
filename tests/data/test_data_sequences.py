"""Sentences and series: what is read, which part each belongs to, and words as numbers."""

from types import MappingProxyType

import numpy as np
import pytest
from tiny_data import REVIEWS, TINY_REVIEWS, TINY_WEEKLY, TINY_YEARLY, WEEKLY, YEARLY

import nnbench.data as data
from nnbench.data import catalog
from nnbench.data.sequences import SPLITS, balanced
from nnbench.errors import DataUnavailable, NnbenchError

TEXTS = {"tiny_reviews": REVIEWS, "tiny_weekly": WEEKLY, "tiny_yearly": YEARLY}


@pytest.fixture(autouse=True)
def tiny_sequences(cache, monkeypatch):
    """Three small data sets in the catalogue and in the cache."""
    records = {record.name: record for record in (TINY_REVIEWS, TINY_WEEKLY, TINY_YEARLY)}
    monkeypatch.setattr(catalog, "DATASETS", MappingProxyType({**catalog.DATASETS, **records}))
    for name, record in records.items():
        (cache / name).mkdir(parents=True)
        (cache / name / record.files[0].name).write_bytes(TEXTS[name].encode())


def test_sentences_are_read_and_whole_reviews_left_out():
    reviews = data.load("tiny_reviews")
    assert isinstance(reviews, data.TextData)
    assert len(reviews.sentences) == 10
    assert reviews.sentences[0] == 'good, said "1" .\nand more'
    assert reviews.sentences[-1] == 'café, said "10" .\nand more'
    assert reviews.labels.tolist() == [1] * 5 + [0] * 5
    assert reviews.labels.dtype == np.int64
    assert reviews.classes == ("negative", "positive")


def test_sentences_are_split_evenly_and_none_is_lost():
    reviews = data.load("tiny_reviews")
    parts = {name: reviews.part(name) for name in SPLITS}
    assert {name: np.bincount(labels).tolist() for name, (_, labels) in parts.items()} == {
        "train": [2, 2],
        "validation": [2, 2],
        "test": [1, 1],
    }
    assert sorted(sum((sentences for sentences, _ in parts.values()), ())) == sorted(reviews.sentences)
    for sentences, labels in parts.values():
        assert [sentence.startswith("good") for sentence in sentences] == labels.astype(bool).tolist()


def test_the_split_of_the_sentences_is_always_the_same():
    """Held by a checksum over labels like the file's: 4,265 of one class, then as many of the other."""
    import hashlib

    labels = np.repeat([1, 0], 4_265)
    split = balanced(labels, catalog.MOVIE_REVIEWS)
    assert {name: int((split == name).sum()) for name in SPLITS} == {"train": 6_826, "validation": 852, "test": 852}
    assert hashlib.md5("".join(split).encode()).hexdigest() == "56d2799093fddeb57358653abfd5a882"


def test_a_series_is_read_in_order_of_time_and_gaps_are_filled_on_a_line():
    weekly = data.load("tiny_weekly")
    assert isinstance(weekly, data.SeriesData)
    assert weekly.values.tolist() == [4, 6, 8, 10, 8.5, 9, 9.5]
    assert weekly.measured.tolist() == [True, False, False, True, True, False, True]
    assert weekly.times[[0, -1]].astype(str).tolist() == ["1999-12-25", "2000-02-05"]
    assert weekly.unit == "ppm"


def test_years_are_times_too():
    yearly = data.load("tiny_yearly")
    assert yearly.times.astype(str).tolist() == ["1700", "1701", "1702", "1703"]
    assert yearly.values.tolist() == [5, 11.5, 16, 7]
    assert yearly.split.tolist() == ["train", "validation", "validation", "test"]


def test_a_series_is_split_in_order_of_time():
    weekly = data.load("tiny_weekly")
    assert [weekly.part(name).tolist() for name in SPLITS] == [[4, 6, 8, 10], [8.5, 9], [9.5]]


def test_windows_hold_the_values_before_and_reach_back_into_earlier_splits():
    weekly = data.load("tiny_weekly")
    inputs, targets = weekly.windows("train", 2)
    assert inputs.tolist() == [[4, 6], [6, 8]]
    assert targets.tolist() == [8, 10]
    inputs, targets = weekly.windows("test", 3)
    assert inputs.tolist() == [[10, 8.5, 9]]
    assert targets.tolist() == [9.5]
    assert weekly.windows("train", 4)[0].shape == (0, 4)
    inputs[:] = 0  # a copy: the series stays as it is
    assert weekly.values.min() == 4


@pytest.mark.parametrize("length", [0, 7, -1])
def test_a_window_that_no_value_has_is_refused(length):
    with pytest.raises(NnbenchError, match=f"1 to 6 values of tiny_weekly, not {length}"):
        data.load("tiny_weekly").windows("train", length)


@pytest.mark.parametrize("name", ["tiny_reviews", "tiny_weekly"])
def test_a_misspelt_split_gets_a_suggestion(name):
    with pytest.raises(NnbenchError, match=r"no split named 'trian'. Did you mean train\? There are train, validation"):
        data.load(name).part("trian")


def test_checksums_tell_contents_apart_and_damage_is_refused(cache):
    assert data.load("tiny_weekly").checksum == data.load("tiny_weekly").checksum != data.load("tiny_yearly").checksum
    (cache / "tiny_yearly" / "yearly.csv").write_text(YEARLY.replace("16", "61"))
    with pytest.raises(DataUnavailable, match=r"yearly\.csv has md5"):
        data.load("tiny_yearly")


@pytest.mark.parametrize("name", ["movie_reviews", "sunspots", "mauna_loa_co2"])
def test_the_records_of_sequences_agree_with_themselves(name):
    record = catalog.DATASETS[name]
    assert record.image_shape == ()
    assert record.bytes > record.train_samples
    assert all(len(file.md5) == 32 for file in record.files)
    assert bool(record.classes) == (record.kind == "sentences")
    assert bool(record.unit) == (record.kind == "series")


def test_a_vocabulary_has_the_most_frequent_words_and_ties_as_first_seen():
    words = data.vocabulary(["b a b c", "c d a b"], size=5)
    assert words == {"b": 2, "a": 3, "c": 4}
    assert data.vocabulary(["b a"], size=2) == {}


def test_sentences_are_cut_and_padded_to_one_length():
    ids = data.encode(["b x a", "", "a b a b"], {"b": 2, "a": 3}, length=3)
    assert ids.dtype == np.int64
    assert ids.tolist() == [[2, 1, 3], [0, 0, 0], [3, 2, 3]]
