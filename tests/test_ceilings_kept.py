"""What is to be measured of a machine, and how it is kept for later runs on the same machine and torch."""

import json

import pytest

from nnbench import ceilings, machine
from nnbench.ceilings import ARITHMETIC, MOVING, Point, Rate
from nnbench.errors import NnbenchError

HERE = ("1a2b3c4d", "2.13.0")
POINTS = tuple(Point(kind, 1) for kind in ARITHMETIC) + tuple(Point(kind, 1, size=8192) for kind in MOVING)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NNBENCH_CEILINGS", str(tmp_path / "ceilings"))
    monkeypatch.setattr(ceilings, "plan_here", lambda: POINTS)
    return tmp_path / "ceilings"


def rates(*values, points=POINTS):
    return [Rate(point, value, value) for point, value in zip(points, values, strict=True)]


def test_every_power_of_two_of_threads_up_to_the_cores_is_measured():
    assert {point.threads for point in ceilings.plan(12)} == {1, 2, 4, 8}
    assert {point.threads for point in ceilings.plan(1)} == {1}
    assert ceilings.plan(4)[0].threads == 1


def test_passes_go_from_the_first_cache_to_far_beyond_the_last_one():
    sizes = {point.size for point in ceilings.plan(1) if point.kind == "copy"}
    assert (min(sizes), max(sizes)) == (2**13, 2**28)
    large = {point.size for point in ceilings.plan(1, last_caches=2**28) if point.kind == "update"}
    assert max(large) == 2**31
    small = {point.size for point in ceilings.plan(1, last_caches=2**28, memory=2**31) if point.kind == "update"}
    assert max(small) == 2**27


def test_last_caches_are_counted_once_each(tmp_path):
    for cpu, shared in enumerate(["0-1", "0-1", "2-3", "2-3"]):
        for index, (level, size) in enumerate([(1, "32K"), (1, "32K"), (2, "1024K"), (3, "16384K")]):
            cache = tmp_path / f"cpu{cpu}/cache/index{index}"
            cache.mkdir(parents=True)
            (cache / "level").write_text(f"{level}\n")
            (cache / "size").write_text(f"{size}\n")
            (cache / "shared_cpu_list").write_text(f"{shared}\n")
    assert ceilings.last_caches(tmp_path) == 2 * 16 * 2**20


def test_a_system_that_does_not_tell_its_caches_has_none(tmp_path):
    assert ceilings.last_caches(tmp_path) == 0


def test_what_is_kept_comes_back():
    assert ceilings.kept(*HERE) == ()
    ceilings.keep(*HERE, rates(1.0, 2.0, 3.0, 4.0))
    assert ceilings.kept(*HERE) == tuple(rates(1.0, 2.0, 3.0, 4.0))


def test_of_two_measurements_the_better_is_kept():
    ceilings.keep(*HERE, rates(1.0, 9.0, 3.0, 4.0))
    ceilings.keep(*HERE, [Rate(POINTS[0], 2.0, 0.5), Rate(POINTS[1], 8.0, 10.0), Rate(POINTS[2], note="crashed")])
    assert ceilings.kept(*HERE)[:3] == (
        Rate(POINTS[0], 2.0, 1.0),
        Rate(POINTS[1], 9.0, 10.0),
        Rate(POINTS[2], 3.0, 3.0),
    )


@pytest.mark.parametrize("other", [("ffffffff", "2.13.0"), ("1a2b3c4d", "2.14.0")])
def test_another_machine_or_torch_has_ceilings_of_its_own(other):
    path = ceilings.keep(*HERE, rates(1.0, 2.0, 3.0, 4.0))
    assert ceilings.kept(*other) == ()
    ceilings.file_of(*other).write_text(path.read_text())  # copied under another name
    assert ceilings.kept(*other) == ()
    assert ceilings.valid(*other) == {}


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"format": 99}', '{"rates": 3}'])
def test_a_file_that_is_none_of_ours_is_as_if_never_measured(content):
    path = ceilings.file_of(*HERE)
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert ceilings.kept(*HERE) == ()
    ceilings.keep(*HERE, rates(1.0, 2.0, 3.0, 4.0))
    assert len(ceilings.kept(*HERE)) == 4


def test_a_folder_that_cannot_be_written_to_is_said_with_a_way_out(folder):
    folder.write_text("a file where the folder should be")
    with pytest.raises(NnbenchError, match=r"cannot be kept in .*NNBENCH_CEILINGS"):
        ceilings.keep(*HERE, rates(1.0, 2.0, 3.0, 4.0))


def test_a_summary_holds_the_best_of_each_dtype_and_size_as_plain_data():
    found = ceilings.summary(rates(1.0, 2.0, 3.0, 4.0))
    assert found == {"1": {"arithmetic": {"float32": 2.0}, "moving": [[8192, 4.0]]}}
    made = ceilings.of_run(json.loads(json.dumps({"ceilings": found})))
    assert made == ceilings.Ceilings({1: {"float32": 2.0}}, {1: ((8192, 4.0),)})
    assert made.threads == (1,)


def test_one_thread_is_told_by_its_cpu_time_and_several_by_wall_time():
    two = [Rate(Point(point.kind, 2, size=point.size), 7.0, 5.0) for point in POINTS]
    one = [Rate(point, 3.0, 2.0) for point in POINTS]
    found = ceilings.of_run({"ceilings": ceilings.summary([*one, *two])})
    assert found.arithmetic == {1: {"float32": 3.0}, 2: {"float32": 5.0}}


@pytest.mark.parametrize(("rate", "counts"), [(3.0, {1, 2}), (2.0, {1, 2}), (1.9, {1})])
@pytest.mark.parametrize("place", range(4))
def test_threads_that_other_programs_kept_from_the_cores_are_left_out(place, rate, counts):
    two = [Rate(Point(point.kind, 2, size=point.size), 8.0, 8.0) for point in POINTS]
    twin = place ^ 1  # of each two kinds the better one counts
    two[place], two[twin] = (Rate(two[one].point, 8.0, rate) for one in (place, twin))
    found = [*rates(4.0, 4.0, 4.0, 4.0), *two]
    assert set(map(int, ceilings.summary(found))) == counts
    assert set(ceilings.disturbed(found)) == {1, 2} - counts


@pytest.mark.parametrize("place", range(4))
def test_half_of_the_ceilings_are_none(place):
    """A component against half of what the machine can do would come out too good, or be refused."""
    ceilings.keep(*HERE, [one for one in rates(1.0, 2.0, 3.0, 4.0) if one.point != POINTS[place]])
    assert ceilings.valid(*HERE) == {}
    assert ceilings.missing(POINTS, ceilings.kept(*HERE)) == (POINTS[place],)


def test_a_dtype_that_torch_cannot_multiply_here_is_left_out_and_not_asked_again():
    half = Point("product", 1, "float16"), Point("convolution", 1, "float16")
    found = [*rates(1.0, 2.0, 3.0, 4.0), *(Rate(point, note="not implemented for 'Half'") for point in half)]
    assert ceilings.summary(found)["1"]["arithmetic"] == {"float32": 2.0}
    assert ceilings.missing([*POINTS, *half], found) == ()


def test_a_fingerprint_carries_the_ceilings_without_becoming_another_machine():
    before = machine.fingerprint()
    assert "ceilings" not in before
    ceilings.keep(before["id"], before["torch"], rates(1.0, 2.0, 3.0, 4.0))
    after = machine.fingerprint()
    assert after["ceilings"] == ceilings.valid(before["id"], before["torch"]) != {}
    assert after["id"] == before["id"]
