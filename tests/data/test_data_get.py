"""Getting a data set: the order of sources, verification, what an interruption leaves, what an error says."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_data import CONTENTS, GOOD, INTERRUPTED, UNREACHABLE, WRONG, good, write

import nnbench.data as data
from nnbench.data import catalog
from nnbench.errors import DataUnavailable, NnbenchError


def partial(cache):
    """What is left of work in progress, beside the file that is there to be locked."""
    return [path.name for path in (cache / ".partial").iterdir() if path.name != "lock"]


def must_not_run(dataset, folder, tell):
    raise AssertionError("nothing had to be downloaded")


def test_a_good_source_fills_the_cache(tiny, cache):
    assert not data.is_available(tiny)
    assert data.get(tiny, sources=[GOOD]) == cache / "tiny"
    assert data.is_available(tiny)
    assert {path.name: path.read_bytes() for path in (cache / "tiny").iterdir()} == CONTENTS
    assert partial(cache) == []


def test_what_is_there_is_not_downloaded_again(tiny):
    data.get(tiny, sources=[GOOD])
    data.get(tiny, sources=[data.Source("never", must_not_run)])


def test_sources_are_tried_in_order_until_one_gives_the_right_bytes(tiny):
    heard = []
    data.get(tiny, lambda *told: heard.append(told), sources=[UNREACHABLE, WRONG, GOOD])
    assert [told[0] for told in heard] == ["unreachable", "wrong", "good"]
    assert heard[0] == ("unreachable", 0, None, "failed: the server does not answer")
    assert heard[2] == ("good", 10, 20, "downloading")


def test_wrong_bytes_never_reach_the_cache(tiny, cache):
    with pytest.raises(DataUnavailable, match="not the published ones: train-labels-idx1-ubyte has md5"):
        data.get(tiny, sources=[WRONG])
    assert not (cache / "tiny").exists()
    assert partial(cache) == []


def test_a_source_that_breaks_costs_only_itself(tiny):
    def broken(dataset, folder, tell):
        raise EOFError("compressed file ended too early")

    with pytest.raises(DataUnavailable, match="broken: EOFError: compressed file ended too early"):
        data.get(tiny, sources=[data.Source("broken", broken)])
    data.get(tiny, sources=[data.Source("broken", broken), GOOD])


def test_an_interruption_leaves_nothing(tiny, cache):
    with pytest.raises(KeyboardInterrupt):
        data.get(tiny, sources=[INTERRUPTED, GOOD])
    assert not (cache / "tiny").exists()
    assert partial(cache) == []


def test_a_killed_process_leaves_nothing_that_counts_and_the_next_get_removes_it(tiny, cache):
    script = (
        "import os, signal, nnbench.data as data\n"
        "def killed(dataset, folder, tell):\n"
        "    (folder / dataset.files[0].name).write_bytes(b'half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "data.get('mnist', sources=[data.Source('killed', killed)])\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], env=os.environ, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not data.is_available("mnist")
    assert [name.partition("-")[0] for name in partial(cache)] == ["mnist"]
    data.get(tiny, sources=[GOOD])
    assert partial(cache) == []


def test_two_gets_at_once_do_not_disturb_each_other(tiny, cache):
    def overtaken(dataset, folder, tell):
        (folder / "started").touch()
        data.get(tiny, sources=[GOOD])  # another one starts, cleans up and finishes while this one downloads
        assert (folder / "started").exists()
        write(folder)

    assert data.get(tiny, sources=[data.Source("overtaken", overtaken)]) == cache / "tiny"
    assert data.load(tiny).train_labels.tolist() == [0, 1, 2]
    assert partial(cache) == []


def test_a_damaged_file_is_reported_with_what_to_type(tiny, cache):
    data.get(tiny, sources=[GOOD])
    path = cache / "tiny" / "t10k-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    assert data.is_available(tiny)  # sizes alone do not show it
    for read in (data.load, data.verify, data.get):
        with pytest.raises(DataUnavailable, match=r"damaged.*nnbench data get tiny --force"):
            read(tiny)
    data.get(tiny, sources=[GOOD], force=True)
    assert data.load(tiny).test_labels.tolist() == [2]


def test_a_failed_force_keeps_what_was_there(tiny):
    data.get(tiny, sources=[GOOD])
    with pytest.raises(DataUnavailable):
        data.get(tiny, sources=[UNREACHABLE, WRONG], force=True)
    data.verify(tiny)


def test_an_incomplete_data_set_is_completed(tiny, cache):
    write(cache / "tiny")
    (cache / "tiny" / "t10k-labels-idx1-ubyte").unlink()
    (cache / "tiny" / "notes.txt").write_text("somebody's own")
    with pytest.raises(DataUnavailable, match="incomplete: no t10k-labels-idx1-ubyte"):
        data.load(tiny)
    data.get(tiny, sources=[GOOD])
    data.verify(tiny)
    assert (cache / "tiny" / "notes.txt").exists()


def test_the_error_lists_every_source_every_reason_and_what_to_do(tiny, cache):
    with pytest.raises(DataUnavailable) as caught:
        data.get(tiny, sources=[UNREACHABLE, WRONG])
    said = str(caught.value)
    assert "  unreachable: the server does not answer\n" in said
    assert "  wrong: its bytes are not the published ones" in said
    assert "nnbench data get tiny" in said
    assert f"into {cache / 'tiny'}" in said
    assert "NNBENCH_DATA" in said


def test_a_folder_that_cannot_be_written_is_named(tiny, cache):
    cache.write_text("a file where the folder should be")
    with pytest.raises(NnbenchError, match=f"cannot write to the data folder {cache}.*Set NNBENCH_DATA"):
        data.get(tiny, sources=[GOOD])


def test_embedded_data_needs_no_download(cache):
    assert data.get("digits", sources=[data.Source("never", must_not_run)]).is_dir()
    assert not cache.exists()


def test_an_unknown_name_gets_a_suggestion():
    with pytest.raises(
        NnbenchError, match=r"no data set named 'mnits'. Did you mean mnist\?.*digits, .* and mauna_loa_co2"
    ):
        data.get("mnits")


def test_every_data_set_that_is_not_embedded_has_offers_and_says_how_to_bring_it_by_hand():
    for dataset in catalog.DATASETS.values():
        assert dataset.embedded or (len(dataset.offers) >= 2 and dataset.by_hand)
        first = "torchvision" if dataset.kind == "images" else "installed"
        assert dataset.embedded or dataset.offers[0].source == first


@pytest.mark.parametrize("name", ["mnist", "movie_reviews"])
def test_only_images_have_digits_to_do_without(name):
    with pytest.raises(DataUnavailable, match=f"nnbench data get {name}") as caught:
        data.load(name)
    assert ("digits is always there" in str(caught.value)) == (name == "mnist")


def test_get_works_in_a_folder_that_is_given_relatively(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NNBENCH_DATA", "here")
    seen = []

    def noting(dataset, folder, tell):
        seen.append(folder)
        good(dataset, folder, tell)

    data.get(tiny, sources=[data.Source("noting", noting)])
    assert seen[0].is_absolute()
    assert Path("here/tiny").is_dir()
