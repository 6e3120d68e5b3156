"""What is told of series: directions, dates, suspicions, duels, and a machine that changed."""

from dataclasses import replace

import numpy as np
import pytest

from nnbench.trends.evidence import Duel
from nnbench.trends.regressions import regressions
from nnbench.trends.series import Key, Series

HOUR = np.timedelta64(1, "h")
START = np.datetime64("2026-01-01T00:00:00")


def series(values, metric="forward_time", basis="calibrated", unit="s", commits=None, dirty=(), noisy=(), **names):
    """A series of an hour a run, each of a commit of its own: c0, c1 and so on."""
    count = len(values)
    key = Key(
        **({"component": "layers.linear", "variant": "torch", "case": "8", "machine": "m", "spec": "s"} | names),
        metric=metric,
    )
    return Series(
        key=key,
        basis=basis,
        unit=unit,
        values=np.array(values, dtype=float),
        commits=np.array(commits or [f"c{number}" for number in range(count)], dtype=object),
        runs=np.array([f"run{number}" for number in range(count)], dtype=object),
        started=START + HOUR * np.arange(count),
        dirty=np.array([number in dirty for number in range(count)], dtype=bool),
        noisy=np.array([number in noisy for number in range(count)], dtype=bool),
    )


def count(values, metric="flops", **more):
    return series(values, metric, "exact", "1", **more)


def noisy(levels, seed=0, share=0.005, **more):
    """Levels of a number of points each, with some noise."""
    draw = np.random.default_rng(seed)
    values = np.concatenate([np.full(length, level) for level, length in levels])
    return series(values * np.exp(draw.normal(0, share, len(values))), **more)


def told(*found, **more):
    return [(one.verdict, one.previous, one.commit) for one in regressions(found, **more)]


@pytest.mark.parametrize(
    ("metric", "values", "verdict"),
    [
        ("flops", (100, 101), "worse"),
        ("flops", (100, 99), "better"),
        ("saved_bytes", (0, 8), "worse"),
        ("parameters", (10**9, 10**9 + 1), "changed"),
        ("parameters", (8, 0), "changed"),
    ],
)
def test_counts_are_compared_exactly_by_their_metrics_direction(metric, values, verdict):
    (one,) = regressions([count(values, metric)])
    assert (one.verdict, one.before, one.after, one.commit, one.evidence) == (verdict, *values, "c1", "count")
    assert one.fails == (verdict == "worse")


def test_every_change_of_a_count_is_told_with_the_commits_between_which_it_lies():
    assert told(count([5, 5, 6, 6, 7, 7])) == [("worse", "c1", "c2"), ("worse", "c3", "c4")]
    assert told(count([5, 5, 5])) == []


def test_what_was_undone_stands_no_more():
    first, second = regressions([count([5, 6, 5])])
    assert (first.verdict, first.stands, first.fails, first.note) == ("worse", False, False, "undone since")
    assert (second.verdict, second.stands) == ("better", True)
    first, second = regressions([count([5, 8, 6])])
    assert first.fails
    assert second.verdict == "better"


def test_instructions_may_differ_by_a_few_in_a_thousand():
    made = {"metric": "instructions", "basis": "raw", "unit": "1"}
    assert told(series([1000, 1002, 999, 1001], **made)) == []
    assert told(series([1000, 1002, 1010, 1012], **made)) == [("worse", "c1", "c2")]


@pytest.mark.parametrize(("after", "verdict"), [(1.1, "worse"), (0.9, "better")])
@pytest.mark.parametrize("basis", ["calibrated", "anchored", "raw"])
def test_a_lasting_change_of_a_time_is_dated(basis, after, verdict):
    (one,) = regressions([noisy([(1.0, 20), (after, 20)], basis=basis, unit="1" if basis == "anchored" else "s")])
    assert (one.verdict, one.previous, one.commit, one.run) == (verdict, "c19", "c20", "run20")
    assert one.ratio == pytest.approx(after, rel=0.01)
    assert one.evidence == "change point"


@pytest.mark.parametrize("change", [1, -1])
def test_accuracies_are_better_with_more_and_are_judged_by_what_is_wrong(change):
    """From 98 to 97 % is a hundredth of what is right, and half as much again of what is wrong."""
    draw = np.random.default_rng(1)
    levels = np.repeat([0.98, 0.98 + 0.01 * change], 15) + draw.normal(0, 0.0005, 30)
    (one,) = regressions([series(levels, "test_accuracy", "raw", "1")])
    assert one.verdict == ("better" if change > 0 else "worse")
    assert (one.commit, one.before) == ("c15", pytest.approx(0.98, abs=0.001))


@pytest.mark.parametrize("change", [0.8, 1.25])
def test_losses_are_better_with_less(change):
    made = {"metric": "train_loss", "basis": "raw", "unit": "1"}
    assert told(noisy([(0.3, 15), (0.3 * change, 15)], **made)) == [("worse" if change > 1 else "better", "c14", "c15")]


def test_a_metric_of_others_is_judged_by_its_unit():
    assert told(noisy([(1, 15), (2, 15)], metric="theirs", basis="raw")) == [("worse", "c14", "c15")]
    assert told(noisy([(1, 15), (2, 15)], metric="theirs", basis="raw", unit="1")) == [("changed", "c14", "c15")]


def test_memory_may_be_nothing_and_is_known_to_a_mebibyte():
    made = {"metric": "peak_memory", "basis": "raw", "unit": "B"}
    assert told(series([0, 1000, 0, 5000, 0, 0, 3000, 0] * 3, **made)) == []
    grown = series([0] * 12 + [2**24] * 12, **made)
    assert told(grown) == [("worse", "c11", "c12")]


def test_identical_noise_is_no_change():
    """The newest of forty runs may be off by chance, which is no more than a suspicion."""
    found = [noisy([(1.0, 60)], seed=seed, case=str(seed)) for seed in range(40)]
    assert [verdict for verdict, *_ in told(*found) if verdict != "suspicion"] == []


def test_a_date_goes_to_where_the_commit_changes():
    """Three runs a commit: the change cannot lie between two runs of one."""
    commits = [f"c{number // 3}" for number in range(30)]
    shifted = noisy([(1.0, 16), (1.2, 14)], commits=commits)  # the first run of c5 was still fast, by chance
    assert told(shifted) == [("worse", "c4", "c5")]


def test_a_change_between_runs_of_one_commit_is_not_the_codes():
    (one,) = regressions([noisy([(1.0, 15), (1.2, 15)], commits=["c0"] * 30)])
    assert (one.verdict, one.fails) == ("changed", False)
    assert "it is not the code" in one.note
    (one,) = regressions([count([1, 2], commits=["c0", "c0"])])
    assert one.verdict == "changed"
    assert told(count([1, 2], commits=["c0", "c0"], dirty={1})) == [("worse", "c0", "c0")]


NEWEST = [(1.0, 20), (1.1, 1)]


def test_what_the_newest_run_alone_says_is_a_suspicion_and_does_not_fail():
    (one,) = regressions([noisy(NEWEST)])
    assert (one.verdict, one.fails, one.commit, one.note) == ("suspicion", False, "c20", "looks worse")


def test_many_runs_of_the_newest_commit_are_as_one():
    commits = [f"c{number}" for number in range(20)] + ["c20"] * 3
    (one,) = regressions([noisy([(1.0, 20), (1.1, 3)], commits=commits)])
    assert (one.previous, one.commit) == ("c19", "c20")


def test_the_first_few_runs_are_suspicious_only_when_they_are_far_off():
    assert told(series([1.0, 1.1])) == []
    assert told(series([1.0, 1.3])) == [("suspicion", "c0", "c1")]
    assert told(series([1.0])) == []
    assert told(series([1.0, 1.3], commits=["c0", "c0"])) == []


def duel(before, after, verdict, ratio=1.1, run="duel1", **names):
    facts = {
        "component": "layers.linear",
        "variant": "torch",
        "case": "8",
        "metric": "forward_time",
        "machine": "m",
        "spec": "s",
    }
    return Duel(
        **(facts | names),
        before=before,
        after=after,
        verdict=verdict,
        ratio=ratio,
        seconds=1e-3,
        run=run,
        started="2026-02-01T00:00:00",
    )


def test_a_duel_decides_a_suspicion():
    suspicious = noisy(NEWEST)
    (one,) = regressions([suspicious], [duel("c19", "c20", "slower", 1.07)])
    assert one.ratio == pytest.approx(1.07)  # the duel's, which knows better than one run
    assert (one.verdict, one.fails, one.evidence) == ("worse", True, "duel")
    assert one.note == "the duel duel1 says slower: 1.070 times"
    assert told(suspicious, duels=[duel("c19", "c20", "same", 1.0)]) == []
    (one,) = regressions([noisy([(1.0, 20), (0.9, 1)])], [duel("c19", "c20", "faster", 0.9)])
    assert one.verdict == "better"


def test_a_duel_that_says_the_opposite_leaves_a_suspicion_one():
    (one,) = regressions([noisy(NEWEST)], [duel("c19", "c20", "faster", 0.9)])
    assert (one.verdict, one.fails) == ("suspicion", False)


def anchored(levels, spread=0.004, seed=1):
    """An anchored series, and the ratios of the four pairs that each of its points is the median of."""
    draw = np.random.default_rng(seed)
    pairs = [level * np.exp(draw.normal(0, spread, 4)) for level in levels]
    one = series([np.median(four) for four in pairs], basis="anchored", unit="1")
    return one, {(one.key, f"run{number}"): tuple(four) for number, four in enumerate(pairs)}


@pytest.mark.parametrize("commits_after", [1, 3])
def test_pairs_beside_an_anchor_confirm_what_is_beyond_doubt(commits_after):
    one, ratios = anchored([1.0] * 3 + [1.3] * commits_after)
    assert told(one) == [("suspicion", "c2", "c3")]
    (found,) = regressions([one], ratios=ratios)
    assert (found.verdict, found.fails, found.evidence) == ("worse", True, "pairs beside the anchor")
    assert found.note.endswith("times, beside the anchor")
    low, high = (float(word) for word in found.note.split(" times")[0].split(" to "))
    assert low < 1.3 < high
    assert told(one, ratios=ratios, duels=[duel("c2", "c3", "same", 1.0)]) == []  # a duel knows better


def test_pairs_beside_an_anchor_tell_faster_from_slower():
    one, ratios = anchored([1.0] * 3 + [0.7])
    (found,) = regressions([one], ratios=ratios)
    assert (found.verdict, found.fails) == ("better", False)


def test_pairs_that_differ_among_themselves_leave_a_suspicion_one():
    one, ratios = anchored([1.0] * 3 + [1.5], spread=0.3)
    assert told(one, ratios=ratios) == [("suspicion", "c2", "c3")]


def test_pairs_of_unchanged_code_hardly_ever_confirm_what_looked_suspicious():
    found = [anchored([1.0] * 9, spread=0.05, seed=seed) for seed in range(300)]
    verdicts = [said for one, ratios in found for said, _, _ in told(one, ratios=ratios)]
    assert len(verdicts) > 5
    assert verdicts.count("worse") + verdicts.count("better") <= 1


def test_an_anchored_point_whose_pairs_are_not_stored_is_a_suspicion():
    one, ratios = anchored([1.0] * 3 + [1.5])
    del ratios[one.key, "run3"]
    assert told(one, ratios=ratios) == [("suspicion", "c2", "c3")]


def test_times_of_noisy_runs_decide_nothing():
    assert told(noisy(NEWEST, noisy=[20])) == []
    jump = [(1.0, 20), (1.3, 20)]
    assert told(noisy(jump, noisy=range(20, 40))) == []
    assert told(noisy(jump, noisy=[18, 19, 20])) == [("worse", "c17", "c21")]
    (one,) = regressions([noisy(jump, noisy=[0, 1, 2])])
    assert (one.commit, one.place) == ("c20", 20)  # the place among all runs


def test_the_newest_duel_of_two_commits_counts():
    both = [duel("c19", "c20", "slower"), duel("c19", "c20", "same", 1.0, run="duel2")]
    assert told(noisy(NEWEST), duels=both) == []
    assert told(noisy(NEWEST), duels=both[::-1]) == [("worse", "c19", "c20")]


@pytest.mark.parametrize("other", [{"case": "9"}, {"metric": "backward_time"}, {"machine": "n"}, {"spec": "t"}])
def test_a_duel_of_something_else_decides_nothing(other):
    assert told(noisy(NEWEST), duels=[duel("c19", "c20", "same", **other)]) == [("suspicion", "c19", "c20")]


def test_a_duel_across_a_dated_change_agrees_or_makes_it_a_suspicion():
    dated = noisy([(1.0, 20), (1.1, 20)])
    (one,) = regressions([dated], [duel("c10", "c30", "slower")])
    assert (one.verdict, one.evidence, one.note[:14]) == ("worse", "change point", "the duel duel1")
    (one,) = regressions([dated], [duel("c10", "c30", "same", 1.0)])
    assert (one.verdict, one.fails) == ("suspicion", False)
    (one,) = regressions([replace(dated, basis="anchored")], [duel("c10", "c30", "same", 1.0)])
    assert one.verdict == "worse"
    assert told(dated, duels=[duel("c20", "c30", "same", 1.0)]) == [("worse", "c19", "c20")]


def test_what_only_a_duel_says_is_told_of_commits_that_are_known():
    (one,) = regressions([noisy([(1.0, 20)])], [duel("c9", "c10", "slower", 1.2)])
    assert (one.verdict, one.previous, one.commit, one.fails) == ("worse", "c9", "c10", True)
    assert (one.before, one.after) == (1e-3, pytest.approx(1.2e-3))
    assert told(noisy([(1.0, 20)]), duels=[duel("c9", "elsewhere", "slower")]) == []
    assert told(noisy([(1.0, 20)]), duels=[duel("c9", "h", "slower")], commits={"h"}) == [("worse", "c9", "h")]
    assert told(noisy([(1.0, 20)]), duels=[duel("c9", "c10", "same")]) == []


def machine(slow_from, by, count=40, kernels=2):
    """The calibration kernels of a machine that became slower."""
    levels = [(3e-4, slow_from), (3e-4 * by, count - slow_from)]
    names = [f"calibration.{name}" for name in ("copy", "matrix_product")][:kernels]
    return [
        noisy(levels, seed=9, component=name, metric="calibration_time", basis="raw", variant="reference")
        for name in names
    ]


def test_a_change_of_the_machine_is_told_once():
    """All but one of ten series move with the kernels, by more than the kernels can explain."""
    moved = [noisy([(1.0, 20), (1.15, 20)], seed=number, case=str(number)) for number in range(9)]
    stayed = noisy([(1.0, 40)], seed=50, case="stayed")
    (one,) = regressions([*moved, stayed, *machine(20, 1.4)])
    assert (one.verdict, one.fails, one.key.component.partition(".")[0]) == ("changed", False, "calibration")
    assert one.note == "change of machine: 9 of 10 series moved with the calibration kernels"
    assert (one.commit, one.ratio) == ("c20", pytest.approx(1.4, rel=0.01))


def test_a_machine_that_changes_between_runs_of_one_commit_is_told_once_too():
    commits = ["c0"] * 40
    moved = [noisy([(1.0, 20), (1.15, 20)], seed=n, case=str(n), commits=commits) for n in range(6)]
    kernels = [replace(one, commits=np.array(commits, dtype=object)) for one in machine(20, 1.4)]
    (one,) = regressions([*moved, *kernels])
    assert one.note.startswith("change of machine: 6 of 6")


def test_the_same_moves_with_steady_kernels_are_the_codes():
    moved = [noisy([(1.0, 20), (1.15, 20)], seed=number, case=str(number)) for number in range(9)]
    assert told(*moved, *machine(20, 1.0)) == [("worse", "c19", "c20")] * 9


def test_one_series_that_moves_with_the_machine_is_told_beside_it():
    few = [noisy([(1.0, 20), (1.3, 20)], case="a"), *(noisy([(1.0, 40)], seed=n, case=str(n)) for n in range(5))]
    told_of = regressions([*few, *machine(20, 1.4)])
    assert [(one.key.case, one.verdict) for one in told_of if one.verdict != "suspicion"] == [
        ("8", "changed"),
        ("a", "worse"),
    ]
    assert "they moved no further" in told_of[0].note


def test_counts_and_anchored_ratios_are_no_matter_of_the_machine():
    anchored = [noisy([(1.0, 20), (1.15, 20)], seed=n, case=str(n), basis="anchored", unit="1") for n in range(5)]
    counts = [count([1] * 20 + [2] * 20, case=str(number)) for number in range(5)]
    found = regressions([*anchored, *counts, *machine(20, 1.4)])
    assert sum(one.verdict == "worse" for one in found) == 10


def test_the_newest_run_on_a_machine_that_slowed_down_is_told_once():
    moved = [noisy(NEWEST, seed=number, case=str(number)) for number in range(6)]
    (one,) = regressions([*moved, *machine(20, 1.4, count=21)])
    assert one.verdict == "changed"
    assert one.note.startswith("change of machine: 6 of 6")
    assert told(*machine(20, 1.4, count=21)) == []


def test_another_machines_kernels_explain_nothing():
    moved = [noisy([(1.0, 20), (1.15, 20)], seed=number, case=str(number)) for number in range(4)]
    others = [replace(one, key=replace(one.key, machine="other")) for one in machine(20, 1.4)]
    assert sum(verdict == "worse" for verdict, *_ in told(*moved, *others)) == 4


def test_a_suspicion_names_the_commits_between_which_the_level_moved():
    found = noisy([(1.0, 7), (1.3, 4)])
    assert told(found) == [("suspicion", "c6", "c7")]
    assert told(noisy([(1.0, 10), (1.3, 1)])) == [("suspicion", "c9", "c10")]
