"""What is shown of one run, and of the change between two."""

import math
from dataclasses import replace

import pytest

from nnbench.changes import changes, drift
from nnbench.metrics import METRICS
from nnbench.model import Check, Measurement, Run, Status, check_to_measurement
from nnbench.tables import calibration, lines, training_lines, without_skipped

MIB = 2**20


def row(metric="forward_time", *values, variant="reference", **content):
    made = {"component": "layers.linear", "case": "small", "spec": "abc", "unit": METRICS[metric].unit} | content
    return Measurement(variant=variant, metric=metric, values=values, **made)


def timed(seconds, metric="forward_time", **content):
    """Three rounds of a time."""
    return [row(metric, seconds, seconds * 1.001, round=number, **content) for number in range(3)]


def kernel(seconds, name="matrix_product", **content):
    return row("calibration_time", *seconds, component=f"calibration.{name}", case="default", **content)


def rounds_of(seconds, name="matrix_product"):
    """A kernel's times in three rounds that agree."""
    return [kernel(seconds, name, round=number) for number in range(3)]


def run(rows=(), **machine):
    facts = {"id": "one", "threads": 1} | machine
    if not any(one.metric == "calibration_time" for one in rows):
        rows = [*rows, *(kernel([1.0], round=number) for number in range(3))]
    return Run("20260101T000000Z-000001", "2026-01-01T00:00:00+00:00", "", "", False, facts, measurements=tuple(rows))


def only(rows):
    (line,) = lines(rows)
    return line


def test_a_line_collects_what_was_measured_of_one_variant_in_one_case():
    line = only(
        [
            *timed(0.002),
            *timed(0.003, "forward_wall_time"),
            *timed(0.004, "backward_time"),
            row("parameters", 12.0),
            row("flops", 3e6),
            row("peak_memory", 2.5 * MIB),
        ]
    )
    assert line.key == ("layers.linear", "small", "reference")
    assert {mode: interval.estimate for mode, interval in line.times.items()} == pytest.approx(
        {"forward": 0.002, "backward": 0.004}
    )
    assert line.total.estimate == pytest.approx(0.006)
    assert (line.parameters, line.flops, line.memory) == (12, 3_000_000, 2.5 * MIB)
    assert (line.status, line.note) == ("ok", "")


def test_every_round_counts_once_however_many_samples_it_took():
    rows = [row("forward_time", *([seconds] * count)) for seconds, count in ((1.0, 1), (2.0, 1), (3.0, 500))]
    assert only(rows).times["forward"].estimate == pytest.approx(2.0)


def test_lines_come_in_the_order_of_their_cases_with_the_variants_together():
    keys = [("b", "small", "reference"), ("a", "small", "torch"), ("b", "large", "torch"), ("b", "small", "torch")]
    rows = [row("forward_time", 1.0, component=c, case=case, variant=v) for c, case, v in keys]
    assert [line.key for line in lines(rows)] == [
        ("b", "small", "reference"),
        ("b", "small", "torch"),
        ("a", "small", "torch"),
        ("b", "large", "torch"),
    ]


def test_speed_is_the_time_of_torch_over_ones_own_over_all_modes():
    rows = [
        *timed(0.002),
        *timed(0.004, "backward_time"),
        *timed(0.001, variant="torch"),
        *timed(0.002, "backward_time", variant="torch"),
    ]
    ours, torch = lines(rows)
    assert ours.speed.estimate == pytest.approx(0.5)
    assert ours.speed.low < 0.5 < ours.speed.high
    assert (torch.speed.low, torch.speed.estimate, torch.speed.high) == (1, 1, 1)


@pytest.mark.parametrize(
    "torch",
    [
        [],
        timed(0.001, variant="torch", case="large"),
        timed(0.001, variant="torch", component="layers.conv2d"),
        [row(variant="torch", status=Status.FAILED)],
        [*timed(0.001, variant="torch"), *timed(0.001, "backward_time", variant="torch")],
    ],
    ids=["missing", "another case", "another component", "failed", "more modes"],
)
def test_without_a_like_time_of_torch_there_is_no_speed(torch):
    assert lines([*timed(0.002), *torch])[0].speed is None


def test_a_line_tells_the_first_thing_that_went_wrong():
    rows = [*timed(0.002), row(status=Status.CRASHED, note="SIGSEGV"), row(status=Status.TIMED_OUT, note="60 s")]
    assert (only(rows).status, only(rows).note) == ("crashed", "SIGSEGV")
    assert only(rows).times["forward"].estimate == pytest.approx(0.002)


def test_a_failed_line_has_neither_times_nor_a_total():
    line = only([row(status=Status.WRONG, note="forward_float64: off by 0.1")])
    assert (line.status, line.times, line.total, line.memory) == ("wrong", {}, None, None)


def test_memory_that_cannot_be_measured_here_does_not_make_a_line_skipped():
    line = only([*timed(0.002), row("peak_memory", status=Status.SKIPPED, note="no /proc")])
    assert (line.status, line.memory) == ("ok", None)


def test_a_skipped_component_says_why_and_a_failure_outdoes_it():
    skipped = row(status=Status.SKIPPED, note="cannot be imported: keras")
    assert (only([skipped]).status, only([skipped]).note) == ("skipped", "cannot be imported: keras")
    assert only([skipped, row(status=Status.FAILED, note="raised")]).status == "failed"


def test_checks_trainings_and_kernels_are_no_lines():
    check = check_to_measurement(Check("layers.linear", "reference", "small", "gradcheck", "failed"))
    rows = [
        check,
        kernel([0.001]),
        row("test_accuracy", 0.9, case="mnist,epoch=1", context={"epoch": 1}),
        row("train_loss", 0.9, case="mnist,epoch=1", context={"epoch": 1}),
        row("test_accuracy", status=Status.FAILED),
    ]
    assert lines(rows) == ()


def test_training_has_one_line_an_epoch():
    rows = [
        row(metric, value + epoch, case=f"mnist,epoch={epoch}", context={"data": "mnist", "seed": 3, "epoch": epoch})
        for epoch in (1, 2)
        for metric, value in (("train_loss", 0.5), ("test_accuracy", 0.25))
    ]
    first, second = training_lines([*timed(0.002), *rows])
    assert (first.data, first.seed, first.epoch, first.status) == ("mnist", 3, 1, "ok")
    assert first.values == {"train_loss": 1.5, "test_accuracy": 1.25}
    assert second.values == {"train_loss": 2.5, "test_accuracy": 2.25}


def test_a_training_that_failed_has_a_line_that_says_so():
    (line,) = training_lines([row("test_accuracy", status=Status.SKIPPED, note="mnist is not here")])
    assert (line.status, line.note, line.values) == ("skipped", "mnist is not here", {})


def test_calibration_takes_both_looks_of_a_round_together():
    rows = [kernel([2.0] * 5, round=0), kernel([1.0] * 5, round=0), kernel([4.0] * 10, round=1), kernel([9.0], "copy")]
    found = calibration([*timed(0.002), *rows])
    assert found["calibration.matrix_product"].estimate == pytest.approx(math.sqrt(1.5 * 4.0))
    assert found["calibration.copy"].estimate == pytest.approx(9.0)
    assert len(found) == 2


def test_drift_is_the_largest_change_of_a_kernel_in_either_direction():
    before = run([*rounds_of([1.0]), *rounds_of([1.0], "copy")])
    after = run([*rounds_of([1.05]), *rounds_of([0.8], "copy")])
    assert drift(before, after) == pytest.approx(1.25, rel=0.06)
    assert drift(after, before) == pytest.approx(drift(before, after))
    assert drift(before, before) == 1.0


def test_a_kernel_that_swings_within_each_run_proves_no_drift():
    before = run([kernel([seconds], round=number) for number, seconds in enumerate([1.0, 1.3, 0.9])])
    after = run([kernel([seconds], round=number) for number, seconds in enumerate([1.2, 0.8, 1.1])])
    assert drift(before, after) == 1.0


@pytest.mark.parametrize("machine", [{"id": "two"}, {"threads": 4}])
def test_drift_is_infinite_across_machines_and_thread_counts(machine):
    assert drift(run([kernel([1.0])]), run([kernel([1.0])], **machine)) == math.inf


def change(before, after, metric=None, **machine):
    found = changes(run(before), run(after, **machine))
    if metric is None:
        (one,) = found
        return one
    return next(one for one in found if one.metric == metric)


@pytest.mark.parametrize(
    ("after", "verdict", "is_worse"),
    [(0.003, "slower", True), (0.001, "faster", False), (0.00206, "undecided", False)],
)
def test_times_are_compared_by_their_intervals(after, verdict, is_worse):
    one = change(timed(0.002), timed(after))
    assert (one.metric, one.unit) == ("forward_time", "s")
    assert one.verdict.verdict == verdict
    assert one.verdict.ratio == pytest.approx(after / 0.002)
    assert (one.before.estimate, one.after.estimate) == pytest.approx((0.002, after))
    assert one.is_worse == is_worse


def test_with_enough_rounds_unchanged_times_are_the_same():
    rounds = [row("forward_time", 0.002, round=number) for number in range(30)]
    assert change(rounds, rounds).verdict.verdict == "same"


def test_what_a_gpu_measured_keeps_its_names():
    both = [run([*timed(seconds, "forward_cold_time"), row("cuda_peak_memory", MIB)]) for seconds in (0.001, 0.002)]
    assert {one.metric for one in changes(*both)} == {"forward_cold_time", "cuda_peak_memory"}


def test_a_machine_that_drifted_explains_a_time_away():
    before, after = [*timed(0.002), *rounds_of([1.0])], [*timed(0.0025), *rounds_of([1.3])]
    assert change(before, after).verdict.verdict == "undecided"


def test_times_of_another_machine_are_not_compared_but_counts_are():
    before, after = [*timed(0.002), row("flops", 10.0)], [*timed(0.009), row("flops", 11.0)]
    time = change(before, after, "forward_time", id="two")
    assert (time.verdict.verdict, time.note) == (
        "undecided",
        "another machine or thread count, a run that was too noisy, or no calibration in common",
    )
    assert change(before, after, "flops", id="two").verdict.verdict == "worse"


def test_a_variant_that_no_longer_works_is_broken_and_one_that_works_again_mended():
    bad = [row(status=Status.WRONG, note="forward_float64: off by 0.1")]
    broken = change(timed(0.002), bad)
    assert (broken.verdict.verdict, broken.note, broken.is_worse) == ("broken", "forward_float64: off by 0.1", True)
    mended = change(bad, timed(0.002))
    assert (mended.verdict.verdict, mended.note, mended.is_worse) == ("mended", "forward_float64: off by 0.1", False)


def test_what_is_wrong_in_both_runs_is_no_change():
    bad = [row(status=Status.WRONG, note="off")]
    assert changes(run(bad), run([replace(bad[0], status=Status.CRASHED)])) == ()


def test_a_case_of_one_run_only_is_said_to_be():
    small, large = timed(0.002), timed(0.002, case="large")
    found = changes(run(small), run(large))
    assert [(one.case, one.verdict.verdict, one.is_worse) for one in found] == [
        ("small", "only before", False),
        ("large", "only after", False),
    ]


def test_a_case_whose_specification_changed_is_other_work():
    one = change(timed(0.002), timed(0.9, spec="other"))
    assert (one.metric, one.verdict.verdict, one.is_worse) == ("case", "undecided", False)
    assert one.note == "the case's specification changed: it is other work"


@pytest.mark.parametrize(
    ("metric", "after", "verdict", "is_worse"),
    [
        ("flops", 1_000_000, "same", False),
        ("flops", 1_000_001, "worse", True),
        ("flops", 999_999, "better", False),
        ("parameters", 1_000_001, "changed", False),
    ],
)
def test_counts_are_compared_exactly(metric, after, verdict, is_worse):
    one = change([row(metric, 1e6)], [row(metric, float(after))])
    assert (one.verdict.verdict, one.is_worse) == (verdict, is_worse)
    assert one.verdict.ratio == one.verdict.low == one.verdict.high == after / 1e6


def test_a_count_that_was_zero_has_no_finite_ratio():
    assert change([row("flops", 0.0)], [row("flops", 8.0)]).verdict.ratio == math.inf
    assert change([row("flops", 0.0)], [row("flops", 0.0)]).verdict.verdict == "same"


def counted(metric, **by_operator):
    return [row(metric, float(sum(by_operator.values())), context={"by_operator": by_operator})]


def test_a_line_tells_what_its_counters_are_made_of():
    line = only([*counted("operators", mm=3, add=1), row("parameters", 12.0)])
    assert line.counters == {"operators": 4, "parameters": 12}
    assert line.by_operator == {"operators": {"mm": 3, "add": 1}}


def test_a_changed_count_names_the_operators_that_made_the_difference():
    one = change(counted("operators", mm=2, add=1, t=4), counted("operators", mm=5, t=4, mul=1))
    assert (one.verdict.verdict, one.is_worse) == ("worse", True)
    assert one.note == "mm 5 instead of 2, add gone, mul new (1)"


def test_the_same_number_of_other_operators_is_a_change_but_not_for_the_worse():
    one = change(counted("operators", mm=2, add=1), counted("operators", mm=1, add=2))
    assert (one.verdict.verdict, one.is_worse) == ("changed", False)
    assert one.note == "add 2 instead of 1, mm 1 instead of 2"


def test_a_difference_that_rounding_hides_is_written_out():
    one = change(counted("saved_bytes", mm=2**20), counted("saved_bytes", mm=2**20 + 4))
    assert one.note == "mm 1,048,580 instead of 1,048,576"


def test_only_the_largest_differences_are_named():
    names = {f"op{number}": number for number in range(1, 9)}
    one = change(counted("operators"), counted("operators", **names))
    assert one.note == "op8 new (8), op7 new (7), op6 new (6), op5 new (5), op4 new (4), and 3 more"


def test_equal_counts_of_equal_operators_are_the_same():
    one = change(counted("operators", mm=2), counted("operators", mm=2))
    assert (one.verdict.verdict, one.note) == ("same", "")


def test_flops_of_an_older_run_are_of_the_forward_alone_and_not_compared_with_those_of_the_whole():
    one = change([row("flops", 100.0)], counted("flops", mm=300))
    assert (one.verdict.verdict, one.is_worse) == ("undecided", False)
    assert one.note == "one of the two runs is older and counted the forward alone"
    assert change([row("flops", 0.0)], counted("flops", mm=300)).note == "mm new (300)"


def test_counters_that_were_stored_without_operators_are_compared_all_the_same():
    assert change([row("operators", 3.0)], counted("operators", mm=4)).verdict.verdict == "worse"
    assert change([row("peak_live_bytes", 8.0)], [row("peak_live_bytes", 4.0)]).verdict.verdict == "better"


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (10 * MIB, 10.9 * MIB, "same"),
        (10 * MIB, 11.9 * MIB, "undecided"),
        (10 * MIB, 12.1 * MIB, "worse"),
        (10 * MIB, 7.9 * MIB, "better"),
        (0.0, 0.9 * MIB, "same"),
        (0.0, 1.9 * MIB, "undecided"),
        (0.0, 2.1 * MIB, "worse"),
        (1000 * MIB, 1015 * MIB, "same"),
        (1000 * MIB, 1030 * MIB, "undecided"),
        (1000 * MIB, 1050 * MIB, "worse"),
    ],
)
def test_memory_is_compared_within_what_is_known_of_it(before, after, verdict):
    assert change([row("peak_memory", before)], [row("peak_memory", after)]).verdict.verdict == verdict


def test_each_variant_is_compared_with_itself():
    before = [*timed(0.002), *timed(0.009, variant="torch")]
    after = [*timed(0.009, variant="torch"), *timed(0.002)]
    assert {one.verdict.ratio for one in changes(run(before), run(after))} == {1.0}


def test_without_a_kernel_in_common_no_time_is_called_slower():
    before, after = [*timed(0.002), kernel([1.0])], [*timed(0.009), kernel([1.0], name="copy")]
    assert math.isinf(drift(run(before), run(after)))
    assert change(before, after).verdict.verdict == "undecided"


def test_a_missing_package_is_neither_broken_nor_mended():
    gone = [row(status=Status.SKIPPED, note="cannot be imported: no keras")]
    assert change(timed(0.002), gone).verdict.verdict == "only before"
    assert change(gone, timed(0.002)).verdict.verdict == "only after"


def test_a_mode_that_only_one_run_has_is_told():
    both = [*timed(0.002), *timed(0.001, "backward_time")]
    assert change(both, timed(0.002), "backward_time").verdict.verdict == "only before"


def test_two_seeds_are_two_trainings():
    rows = [row("test_accuracy", 0.9, context={"epoch": 1, "seed": seed, "data": "digits"}) for seed in (0, 1)]
    assert [line.seed for line in training_lines(rows)] == [0, 1]


def trained(accuracy, samples=10_000):
    context = {"data": "mnist", "seed": 0, "epoch": 1, "test_samples": samples}
    return [row("test_accuracy", accuracy, context=context)]


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (0.96, 0.96, "same"),
        (0.96, 0.957, "undecided"),
        (0.96, 0.93, "worse"),
        (0.93, 0.96, "better"),
        (0.96, 0.1, "worse"),
    ],
)
def test_accuracies_are_compared_within_what_the_test_sets_size_can_tell(before, after, verdict):
    found = change(trained(before), trained(after), "test_accuracy")
    assert found.verdict.verdict == verdict
    assert found.is_worse == (verdict == "worse")


def test_few_test_samples_tell_little():
    assert change(trained(0.9, 100), trained(0.85, 100), "test_accuracy").verdict.verdict == "undecided"


def test_throughput_is_an_interval_over_rounds():
    line = only(timed(0.002, "call_wall_time", context={"items": 10}))
    assert line.throughput.estimate == pytest.approx(5000.0, rel=1e-2)
    assert line.throughput.low < 5000.0 < line.throughput.high
    assert only(timed(0.002)).throughput is None


def test_what_was_skipped_whole_is_counted_by_its_reason():
    gone = {"status": Status.SKIPPED, "note": "no keras"}
    rows = [*timed(0.002), *(row(variant="keras", case=case, **gone) for case in ("a", "b"))]
    rows += [
        *timed(0.002, variant="torch"),
        row("peak_memory", variant="torch", status=Status.SKIPPED, note="no /proc"),
    ]
    kept, skipped = without_skipped(lines(rows))
    assert {line.variant for line in kept} == {"reference", "torch"}
    assert skipped == {"no keras": 2}


def floor(value):
    return row("noise_floor", value, component="calibration.run", case="default")


def test_times_of_a_run_that_was_too_noisy_are_not_compared():
    slower = timed(0.004)
    assert verdicts([*timed(0.002), floor(0.01)], [*slower, floor(0.01)])["forward_time"] == "slower"
    assert verdicts([*timed(0.002), floor(0.01)], [*slower, floor(0.06)])["forward_time"] == "undecided"


def verdicts(before, after, **machine):
    return {one.metric: one.verdict.verdict for one in changes(run(before), run(after, **machine))}


@pytest.mark.parametrize(("after", "said"), [(1004.0, "same"), (1006.0, "worse"), (994.0, "better")])
def test_instructions_are_compared_within_what_they_repeat(after, said):
    assert verdicts([row("instructions", 1000.0)], [row("instructions", after)]) == {"instructions": said}


def test_instructions_of_another_machine_are_not_compared():
    assert verdicts([row("instructions", 1000.0)], [row("instructions", 2000.0)], id="two") == {}
