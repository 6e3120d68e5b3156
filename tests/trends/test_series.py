"""Series out of stored runs: one point a run, freed from the machine's moods, and never under another's name."""

import random
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from statistics import median

import numpy as np
import pytest

from nnbench.errors import NnbenchError
from nnbench.model import Measurement, Run, Status
from nnbench.stats import typical
from nnbench.store import runs_folder, write_run
from nnbench.trends.series import Key, read

START = datetime(2026, 1, 1, tzinfo=UTC)
MACHINE = {"id": "m1", "threads": 1}
LINEAR = ("layers.linear", "torch", "32x784")


@dataclass
class Store:
    """A results folder that runs are put into, an hour apart."""

    results: object
    runs: list = field(default_factory=list)

    def put(self, *rows, commit=None, dirty=False, machine=MACHINE, hour=None):
        number = len(self.runs) if hour is None else hour
        when = START + timedelta(hours=number)
        identifier = f"{when:%Y%m%dT%H%M%SZ}-{len(self.runs):06x}"
        commit = f"c{number}" if commit is None else commit
        run = Run(identifier, when.isoformat(), "nnbench run", commit, dirty, machine, measurements=tuple(rows))
        write_run(runs_folder(self.results), run)
        self.runs.append(run)
        return run


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def row(metric="forward_time", *values, names=LINEAR, unit="s", number=0, **content):
    return Measurement(*names, metric, unit, values or (1.0,), spec=content.pop("spec", "s1"), round=number, **content)


def kernels(slow=1.0, number=0):
    names = ("matrix_product", 3e-4), ("copy", 1e-4)
    return [
        Measurement(
            f"calibration.{name}", "reference", "default", "calibration_time", "s", (usual * slow,), round=number
        )
        for name, usual in names
    ]


def one(found, metric="forward_time"):
    (series,) = [series for series in found if series.key.metric == metric and not series.is_kernel]
    return series


def test_a_series_has_one_point_a_run_with_its_commit_and_time(store):
    first = store.put(row("forward_time", 1.0), commit="a" * 40)
    second = store.put(row("forward_time", 2.0), commit="b" * 40, dirty=True)
    series = one(read(store.results))
    assert series.key == Key(*LINEAR, "forward_time", "m1", "s1")
    assert (series.basis, series.unit, len(series)) == ("raw", "s", 2)
    assert series.values.tolist() == [1.0, 2.0]
    assert series.commits.tolist() == ["a" * 40, "b" * 40]
    assert series.dirty.tolist() == [False, True]
    assert series.runs.tolist() == [first.id, second.id]
    assert series.started.tolist() == [datetime(2026, 1, 1), datetime(2026, 1, 1, 1)]


def floor(share):
    return Measurement("calibration.run", "reference", "default", "noise_floor", "1", (share,))


def test_times_of_a_run_with_a_high_noise_floor_are_noisy_and_nothing_else_is(store):
    store.put(row(), row("operators", 3.0, unit="1"), *kernels(), floor(0.04))
    store.put(row(), row("operators", 3.0, unit="1"), *kernels(), floor(0.06))
    found = read(store.results)
    assert one(found).noisy.tolist() == [False, True]
    assert [series.noisy.any() for series in found if series.key.metric != "forward_time"] == [False] * 3


def test_trials_of_an_experiment_are_no_points(store):
    store.put(row("test_accuracy", 0.5, unit="1", context={"trial": "t1", "seed": 0}))
    store.put(row("test_accuracy", 0.5, unit="1", context={"seed": 0, "epoch": 1}))
    assert len(one(read(store.results), "test_accuracy")) == 1


@pytest.mark.parametrize(
    ("pattern", "cases"),
    [
        ("layers", ["10%_!a", "10%x", "8"]),
        ("layers.lin*@t*", ["10%_!a", "10%x", "8"]),
        ("layers.linear[10%*]", ["10%_!a", "10%x"]),
        ("layers.linear[10%_!a]", ["10%_!a"]),
        ("layers.linear[*_*a]", ["10%_!a"]),
        ("*[8]", ["8"]),
    ],
)
def test_patterns_take_the_same_from_the_folder_as_from_names(store, pattern, cases):
    names = [("layers.linear", "torch", case) for case in ("10%_!a", "10%x", "8")]
    store.put(*(row(names=one) for one in [*names, ("losses.mse", "torch", "9")]), *kernels())
    found = read(store.results, [pattern])
    assert [series.key.case for series in found if not series.is_kernel] == cases
    assert sum(series.is_kernel for series in found) == 2


def test_a_pattern_that_takes_nothing_is_told_what_there_is(store):
    store.put(row(), row(names=("losses.mse", "torch", "9")), *kernels())
    with pytest.raises(NnbenchError, match=r"no stored run measured 'layers.lin'.*layers.linear.*and losses.mse"):
        read(store.results, ["losses", "layers.lin"])


@pytest.mark.parametrize("count", [1, 4, 5, 9, 10, 12])
def test_the_point_of_a_run_is_the_median_over_processes_of_what_stats_calls_typical(store, count):
    draw = random.Random(count)
    rounds = [tuple(draw.uniform(1, 2) for _ in range(count)) for _ in range(4)]
    store.put(*(row("forward_time", *samples, number=number) for number, samples in enumerate(rounds)))
    assert one(read(store.results)).values[0] == pytest.approx(median(map(typical, rounds)), rel=1e-12)


def test_times_are_divided_by_the_kernels_of_their_own_process(store):
    """The machine is half as fast in every other process: the kernels say so, and the points stay where they are."""
    for slow in (1.0, 2.0, 1.0, 2.0, 1.0):
        rows = [
            part
            for number in range(3)
            for part in (
                row("forward_time", 0.1 * slow * (1 + number), number=number),
                *kernels(slow * (1 + number), number),
            )
        ]
        store.put(*rows)
    series = one(read(store.results))
    assert series.basis == "calibrated"
    assert np.ptp(series.values) == pytest.approx(0, abs=1e-12)
    slow_again = read(store.results)
    assert [len(kernel) for kernel in slow_again if kernel.is_kernel] == [5, 5]


def test_a_run_without_kernels_has_no_point_in_a_series_that_has_them(store):
    store.put(row("forward_time", 1.0), *kernels())
    store.put(row("forward_time", 9.0))
    store.put(row("forward_time", 9.0), kernels()[0])
    store.put(row("forward_time", 1.0), *kernels())
    series = one(read(store.results))
    assert series.values.tolist() == pytest.approx([1.0, 1.0])


def test_counts_and_memory_are_not_calibrated(store):
    store.put(row("parameters", 100.0, unit="1"), row("peak_memory", 5e6, unit="B"), *kernels(7.0))
    found = read(store.results)
    assert (one(found, "parameters").basis, one(found, "parameters").values.tolist()) == ("exact", [100.0])
    assert (one(found, "peak_memory").basis, one(found, "peak_memory").values.tolist()) == ("raw", [5e6])


def test_anchored_points_are_what_a_series_is_made_of_where_it_has_them(store):
    for number, ratios in enumerate([(1.0, 1.02, 0.98), (1.1, 1.11, 1.12)]):
        store.put(row("forward_time", 7.0 + number), *kernels())
        anchored = row("anchored_forward", *ratios, unit="1", context={"anchor": "a" * 40})
        store.put(anchored, row("forward_time", 3.0), row("before_forward_time", 2.0))
    series = one(read(store.results))
    assert (series.basis, series.unit, series.values.tolist()) == ("anchored", "1", [1.0, 1.11])
    assert series.commits.tolist() == ["c1", "c3"]
    assert not [other for other in read(store.results) if other.key.metric.startswith(("before_", "anchored_"))]


def test_the_samples_of_a_duel_are_no_points(store):
    """They were taken in turn with another side's, in another manner, maybe in a process without kernels."""
    store.put(row("forward_time", 1.0), *kernels())
    store.put(row("forward_time", 9.0, context={"duel": "b"}), *kernels())
    store.put(row("forward_time", 1.0), *kernels())
    assert one(read(store.results)).values.tolist() == [1.0, 1.0]


def test_ratios_to_different_anchors_are_never_mixed(store):
    for anchor, ratio in (("a", 1.0), ("b", 5.0), ("a", 1.01), ("a", 1.02), ("b", 5.1)):
        store.put(row("anchored_forward", ratio, unit="1", context={"anchor": anchor}))
    assert one(read(store.results)).values.tolist() == [1.0, 1.01, 1.02]


def test_points_stand_in_the_order_of_commits_where_that_is_known(store):
    """Measured newest first, as bisecting does; without an order, or with a commit that is not in it, time decides."""
    for value, commit in ((3.0, "newest"), (1.0, "oldest"), (2.0, "middle")):
        store.put(row("forward_time", value), commit=commit)
    order = ("oldest", "middle", "newest")
    assert one(read(store.results, order=order)).values.tolist() == [1.0, 2.0, 3.0]
    assert one(read(store.results)).values.tolist() == [3.0, 1.0, 2.0]
    assert one(read(store.results, order=order[:2])).values.tolist() == [3.0, 1.0, 2.0]
    store.put(row("forward_time", 2.5), commit="middle", dirty=True, hour=9)
    assert one(read(store.results, order=order)).values.tolist() == [1.0, 2.0, 2.5, 3.0]


def test_other_machines_threads_specifications_and_seeds_are_other_series(store):
    store.put(row("forward_time", 1.0))
    store.put(row("forward_time", 2.0), machine={"id": "m2", "threads": 1})
    store.put(row("forward_time", 3.0), machine={"id": "m1", "threads": 4})
    store.put(row("forward_time", 4.0, spec="s2"))
    for seed in (0, 1):
        store.put(row("test_accuracy", 0.9 + seed / 100, unit="1", context={"epoch": 1, "seed": seed}))
    found = read(store.results)
    keys = {(one.key.machine, one.key.threads, one.key.spec): one.values.tolist() for one in found}
    assert keys == {
        ("m1", 1, "s1"): [1.0],
        ("m2", 1, "s1"): [2.0],
        ("m1", 4, "s1"): [3.0],
        ("m1", 1, "s2"): [4.0],
        ("m1", 1, "s1 seed 0, 1 epoch"): [0.9],
        ("m1", 1, "s1 seed 1, 1 epoch"): [0.91],
    }


def test_what_failed_is_not_finite_or_says_nothing_of_a_commit_is_no_point(store):
    store.put(
        row("forward_time", 1.0, status=Status.FAILED),
        row("backward_time", float("nan")),
        row("check.values", 0.1, unit="error"),
        row("duel_forward", 1.1, unit="1"),
        row("flops", 100.0, unit="1"),  # from when the forward alone was counted
        Measurement("calibration.run", "reference", "default", "noise_floor", "1", (0.01,)),
    )
    assert read(store.results) == ()


def test_wall_times_stand_aside_until_they_are_named(store):
    store.put(row("forward_time", 1.0), row("forward_wall_time", 2.0), row("flops", 0.0, unit="1"))
    assert [one.key.metric for one in read(store.results)] == ["flops", "forward_time"]
    assert [one.key.metric for one in read(store.results, metrics=["*_wall_time"])] == ["forward_wall_time"]
    assert [one.key.metric for one in read(store.results, metrics=["f*"])] == [
        "flops",
        "forward_time",
        "forward_wall_time",
    ]


def test_patterns_choose_and_a_wrong_one_gets_a_suggestion(store):
    store.put(row(), row(names=("layers.linear", "reference", "8x8")), row(names=("losses.mse", "torch", "8")))
    assert [one.key.target for one in read(store.results, ["layers.linear@torch"])] == ["layers.linear@torch[32x784]"]
    assert len(read(store.results, ["layers", "losses.*"])) == 3
    with pytest.raises(NnbenchError) as wrong:
        read(store.results, ["layers.linar"])
    assert str(wrong.value) == (
        "no stored run measured 'layers.linar'. Did you mean layers.linear? There are layers.linear and losses.mse."
    )


@pytest.mark.parametrize("name", ["x'; DROP VIEW runs; --", "a@b", "%", "*", "ünï", "[8]", 'so "called"'])
def test_names_are_only_names(store, name):
    store.put(row("forward_time", 1.0, names=(name, name, name)), row(name, 2.0, names=(name, name, name)))
    found = {series.key.metric: series for series in read(store.results)}
    assert {metric: series.values.tolist() for metric, series in found.items()} == {"forward_time": [1.0], name: [2.0]}
    assert {series.key.component for series in found.values()} == {name}


def test_no_runs_are_no_series(tmp_path):
    assert read(tmp_path) == ()


def random_history(draw, runs=12):
    """Runs in which components come, go, are renamed and change places; each number tells whose it is."""
    names = [f"suite.c{number}" for number in range(draw.randint(2, 5))]
    specs = defaultdict(lambda: "s0")
    fresh = iter(range(100, 1000))
    for _ in range(runs):
        match draw.choice(["rename", "remove", "insert", "shuffle", "respecify", "nothing"]):
            case "rename":
                names[draw.randrange(len(names))] = f"suite.c{next(fresh)}"
            case "remove" if len(names) > 1:
                names.pop(draw.randrange(len(names)))
            case "insert":
                names.insert(draw.randrange(len(names) + 1), f"suite.c{next(fresh)}")
            case "shuffle":
                draw.shuffle(names)
            case "respecify":
                specs[draw.choice(names)] = f"s{next(fresh)}"
        variants = draw.sample(["reference", "torch", "fused"], draw.randint(1, 3))
        cases = draw.sample(["small", "large"], draw.randint(1, 2))
        modes = draw.sample(["forward", "backward"], draw.randint(1, 2))
        yield [
            (name, variant, case, f"{mode}_time", specs[name])
            for name in names for variant in variants for case in cases for mode in modes
        ]  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_renaming_reordering_and_removing_never_relabel_a_point(store, seed):
    """Every number stored is unique, so that a point under another's name would show."""
    draw = random.Random(seed)
    whose, expected = iter(range(1, 10**6)), defaultdict(list)
    for identities in random_history(draw):
        machine = {"id": draw.choice(["m1", "m2"]), "threads": draw.choice([1, 1, 2])}
        rows = []
        for identity in identities:
            *names, metric, spec = identity
            value = float(next(whose))
            rows.append(row(metric, value, names=names, spec=spec))
            expected[Key(*names, metric, machine["id"], spec, machine["threads"])].append(value)
        run = store.put(*rows, machine=machine)
        assert len(run.measurements) == len(identities)
    found = {series.key: series.values.tolist() for series in read(store.results)}
    assert found == expected


def test_a_copy_of_a_run_counts_once(store):
    run = store.put(row("forward_time", 1.0))
    copy = replace(run, measurements=run.measurements)
    path = write_run(runs_folder(store.results), copy)
    path.with_name("copied.parquet").write_bytes(path.read_bytes())
    assert one(read(store.results)).values.tolist() == [1.0]
