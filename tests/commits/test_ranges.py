"""Which commit is measured next, and which commits a range has."""

import subprocess
from random import Random

import pytest

from nnbench.commits import log, worktrees
from nnbench.commits.ranges import Level, difference, next_place
from nnbench.errors import NnbenchError

ERROR = 0.003


def levels(**series):
    return {name: Level(value, ERROR) for name, value in series.items()}


def order(number, measured, most=None):
    """The places in the order in which they are measured, until so many are known."""
    known, found = {}, []
    while len(found) < (most or number) and (place := next_place(number, known)) is not None:
        known[place] = measured(place)
        found.append(place)
    return found


def test_ends_come_first_the_newest_before_the_oldest():
    assert order(20, lambda place: levels(a=0.0), most=2) == [19, 0]


@pytest.mark.parametrize("step", [1, 2, 50, 77, 99])
def test_change_is_found_by_halving(step):
    places = order(100, lambda place: levels(still=0.0, moving=0.1 * (place >= step)))
    assert max(places.index(step - 1), places.index(step)) <= 2 + 7, "two ends and log2(100) more"


def test_larger_of_two_changes_is_looked_into_first():
    def measured(place):
        return levels(small=0.05 * (place >= 20), large=0.3 * (place >= 80))

    places = order(100, measured)
    assert max(places.index(79), places.index(80)) < max(places.index(19), places.index(20)) <= 2 + 2 * 7


def test_difference_counts_in_units_of_its_uncertainty():
    def measured(place):
        noisy = Level(0.3 * (place >= 20), 0.06)
        return {"noisy": noisy, "quiet": Level(0.1 * (place >= 80), 0.001)}

    places = order(100, measured)
    assert max(places.index(79), places.index(80)) < max(places.index(19), places.index(20))


def test_exact_counts_that_differ_are_looked_into_however_little_it_is():
    places = order(64, lambda place: {"operators": Level(9.0 + 1e-4 * (place >= 5))})
    assert max(places.index(4), places.index(5)) <= 2 + 6


def test_without_a_visible_difference_the_widest_gap_is_halved_the_newer_of_two():
    assert order(9, lambda place: levels(a=0.001 * (place % 2)))[:5] == [8, 0, 4, 6, 2]


def test_commits_that_cannot_run_do_not_hide_a_change():
    broken = {31, 15, 47, 48, 50}

    def measured(place):
        return {} if place in broken else levels(a=0.2 * (place >= 49))

    places = order(64, measured)
    assert max(places.index(46), places.index(49)) <= 18, "more than halving would take, and no search one by one"


def test_what_tells_nothing_comes_last():
    places = order(33, lambda place: levels(a=0.0) if place >= 16 else {})
    assert set(places[-10:]) <= set(range(17))


def test_every_commit_is_measured_once_whatever_comes_out():
    luck = Random(7)
    for number in range(40):
        places = order(number, lambda place: luck.choice([{}, levels(a=luck.random()), levels(b=luck.random())]))
        assert sorted(places) == list(range(number))


def test_series_of_one_side_alone_tell_no_difference():
    assert difference(levels(a=0.0), levels(b=1.0)) == 0
    assert difference(levels(a=0.0), levels(a=0.1)) == pytest.approx(0.1 / (2**0.5 * ERROR))
    assert difference(levels(a=0.0), levels(a=0.009)) == 0, "under one per cent"


def git(folder, *arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """One, two (tagged), a branch with "aside" that is merged, four."""
    root = tmp_path_factory.mktemp("ranges")
    git(root, "init", "--quiet")
    for step in ("one", "two", "aside", "three", "merge", "four"):
        if step == "aside":
            git(root, "checkout", "--quiet", "-b", "topic")
        if step == "three":
            git(root, "checkout", "--quiet", "main")
        if step == "merge":
            git(root, "merge", "--quiet", "--no-ff", "--message", "merge", "topic")
        else:
            git(root, "commit", "--quiet", "--allow-empty", "--message", step)
        if step == "two":
            git(root, "tag", "v1")
    return root.resolve()


def subjects(root, text, **options):
    return [one.subject for one in log.commits(root, log.span(root, text), **options)]


def test_range_is_its_first_parents_and_its_older_end(root):
    assert subjects(root, "v1..HEAD") == ["two", "three", "merge", "four"]
    assert subjects(root, "HEAD~2..") == ["three", "merge", "four"]


def test_commits_of_merged_branches_are_there_on_request(root):
    assert sorted(subjects(root, "v1..main", every_parent=True)) == ["aside", "four", "merge", "three", "two"]


def test_older_end_that_is_no_ancestor_is_not_measured(root):
    assert subjects(root, "topic~0..main~2") == ["three"]


def test_each_nth_commit_is_counted_from_the_newest_and_the_oldest_is_kept(root):
    found = log.commits(root, log.span(root, "main~4.."))
    assert [one.subject for one in found] == ["one", "two", "three", "merge", "four"]
    assert [one.subject for one in log.thinned(found, 3)] == ["one", "two", "four"]
    assert log.thinned(found, 1) == found


@pytest.mark.parametrize("text", ["HEAD", "..HEAD", "v1...HEAD", ""])
def test_what_is_no_range_says_how_one_looks(root, text):
    with pytest.raises(NnbenchError, match=r"A range is A\.\.B"):
        log.span(root, text)


def test_empty_range_says_which_end_comes_first(root):
    with pytest.raises(NnbenchError, match=r"holds no commit.*older end comes first"):
        log.commits(root, log.span(root, "HEAD..v1"))


def test_unknown_end_is_an_error(root):
    with pytest.raises(NnbenchError, match="the range's end v2: there is no such commit"):
        log.span(root, "v2..HEAD")


def test_nearest_tag_is_found_and_none_where_there_is_none(root):
    head, first = (worktrees.resolve(root, text).commit for text in ("HEAD", "v1~1"))
    found = log.newest_tag(root, head)
    assert (found.text, log.newest_tag(root, first)) == ("v1", None)
    assert log.tagged(root, found.commit).name == f"v1 ({found.commit[:8]})"
    assert log.tagged(root, first).name == first[:8]
