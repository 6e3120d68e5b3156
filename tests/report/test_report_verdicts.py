"""The report's sentences: what is wrong, what is fastest, and what was measured where."""

from dataclasses import replace

import pytest
from sample_runs import MACHINE, checked, ended, run_of, timed, trained

from nnbench.model import CheckStatus, Measurement, Status
from nnbench.report import races, verdicts
from nnbench.report.page import run_page
from nnbench.tables import lines, training_lines


def races_of(*rows):
    return races.races(lines(run_of(*rows).measurements))


def race_of(*rows):
    (race,) = races_of(*rows)
    return race


def finding_of(*rows):
    (finding,) = verdicts.findings(run_of(*rows))
    return finding


def test_the_fastest_is_said_with_its_factor_over_torch():
    race = race_of(*timed("reference", 1e-3), *timed("torch", 2e-3))
    assert (race.outcome, race.winner) == ("won", "reference")
    assert race.sentence.startswith("reference is fastest, 2.00x (1.9")
    assert race.sentence.endswith("the speed of torch")


def test_torch_is_compared_with_the_next_when_it_is_fastest():
    race = race_of(*timed("reference", 3e-3), *timed("torch", 1e-3), *timed("compiled", 2e-3))
    assert race.winner == "torch"
    assert "2.00x" in race.sentence
    assert race.sentence.endswith("the speed of compiled")


def test_overlapping_intervals_are_a_tie():
    race = race_of(*timed("reference", 1.00e-3), *timed("torch", 1.03e-3))
    assert (race.outcome, race.winner) == ("tie", "")
    assert race.sentence.startswith("tie: reference 1.03x (0.9")
    assert "fastest" not in race.sentence


@pytest.mark.parametrize("percent", [0, 1, 2, 4, 6, 8, 10, 15, 30])
def test_nothing_is_called_fastest_while_intervals_overlap(percent):
    rows = (*timed("reference", 1e-3), *timed("torch", 1e-3 * (1 + percent / 100)))
    first, second = (line.total for line in lines(run_of(*rows).measurements))
    assert race_of(*rows).outcome == "tie" or not first.overlaps(second)


def test_a_tie_of_two_ahead_of_torch_names_them():
    race = race_of(*timed("reference", 1e-3), *timed("fused", 1.01e-3), *timed("torch", 3e-3))
    assert race.sentence.startswith("tie of fused and reference: reference 3.00x (")
    assert "and fused 2.97x (" in race.sentence


def test_without_torch_the_reference_is_the_measure():
    race = race_of(*timed("reference", 2e-3), *timed("documented", 1e-3))
    assert race.sentence.endswith("the speed of reference")


def test_a_lone_variant_is_not_called_fastest():
    race = race_of(*timed("reference", 1e-3))
    assert race.sentence == "reference has nothing to be compared with"


def test_a_wrong_variant_takes_no_part():
    race = race_of(*timed("reference", 1e-6), ended(Status.WRONG, "values: no"), *timed("torch", 1e-3))
    assert race.outcome == "alone"
    assert race.lead == "torch"


def test_a_wrong_torch_is_no_measure():
    rows = (*timed("reference", 1e-3), *timed("torch", 2e-3), ended(Status.WRONG, "values: no", "torch"))
    assert races.speeds(lines(run_of(*rows).measurements)) == {}


def test_other_modes_are_not_compared():
    race = race_of(
        *timed("reference", 1e-6), *timed("torch", 1e-3), *timed("torch", 1e-3, mode="backward"),
        *timed("compiled", 9e-3), *timed("compiled", 9e-3, mode="backward"),
    )  # fmt: skip
    assert race.winner == "torch"
    assert race.sentence.endswith("; left out, as measured in other modes: reference")


def test_a_case_without_times_is_said():
    assert race_of(ended(Status.CRASHED, "signal 11")).sentence == "no variant got a time"


def test_the_tally_counts_wins_ties_and_the_rest():
    rows = [
        *timed("reference", 1e-3, case="a"), *timed("torch", 2e-3, case="a"),
        *timed("reference", 2e-3, case="b"), *timed("torch", 1e-3, case="b"),
        *timed("reference", 2e-3, case="c"), *timed("torch", 1e-3, case="c"),
        *timed("reference", 1e-3, case="d"), *timed("torch", 1e-3, case="d"),
        *timed("torch", 1e-3, case="e"),
        ended(Status.FAILED, "no", case="f"),
    ]  # fmt: skip
    assert races.tally(races_of(*rows)) == (
        "Of 6 cases, torch is fastest in 2 and reference in 1; 1 is a tie, 1 had nothing to compare and 1 got no time."
    )


def test_speeds_say_faster_slower_or_tie():
    rows = (*timed("torch", 2e-3), *timed("a", 1e-3), *timed("b", 4e-3), *timed("c", 2.02e-3))
    found = races.speeds(lines(run_of(*rows).measurements))
    assert {key[2]: speed.word for key, speed in found.items()} == {
        "torch": "torch", "a": "faster", "b": "slower", "c": "tie",
    }  # fmt: skip


@pytest.mark.parametrize("status", [Status.FAILED, Status.CRASHED, Status.TIMED_OUT, Status.OUT_OF_MEMORY])
def test_whatever_ended_badly_is_wrong_with_its_reason(status):
    finding = finding_of(ended(status, "because"))
    assert (finding.weight, finding.status, finding.reason) == (verdicts.WRONG, status, "because")


def test_a_failed_check_is_told_once():
    finding = finding_of(checked(CheckStatus.FAILED, note="off"), ended(Status.WRONG, "values: off"))
    assert (finding.weight, finding.status, finding.reason) == (verdicts.WRONG, "wrong", "values: off")


def test_a_failed_check_counts_without_a_line():
    assert finding_of(checked(CheckStatus.FAILED, note="off")).reason == "values: off"


def test_a_failed_check_counts_beside_times_and_they_are_not_compared():
    rows = (checked(CheckStatus.FAILED, note="off"), *timed("reference", 1e-3), *timed("torch", 2e-3))
    assert finding_of(*rows).reason == "values: off"
    (race,) = races.races(verdicts.judged(run_of(*rows)))
    assert race.sentence == "torch has nothing to be compared with"


def test_a_case_that_could_not_fail_is_mistrusted():
    finding = finding_of(checked(CheckStatus.MISTRUSTED, note="zeros pass"), ended(Status.WRONG, "values: zeros pass"))
    assert (finding.weight, finding.status) == (verdicts.WRONG, "mistrusted")


def test_a_crash_in_a_check_is_a_crash():
    finding = finding_of(
        checked(CheckStatus.FAILED, name="completed", note="timed out: no answer for 60 s", cause=Status.TIMED_OUT),
        ended(Status.TIMED_OUT, "completed: timed out: no answer for 60 s"),
    )
    assert (finding.status, finding.reason) == ("timed out", "no answer for 60 s")


def test_an_erratum_shown_is_no_alarm():
    rows = (
        checked(CheckStatus.EXPECTED, note="E03: wrong sign", erratum="E03"),
        ended(Status.WRONG, "as documented: E03: wrong sign"),
    )
    finding = finding_of(*rows)
    assert finding.weight == verdicts.ERRATUM
    assert verdicts.headline(run_of(*rows), [finding]) == "Nothing is wrong"


def test_a_known_difference_is_neither_an_alarm_nor_an_erratum():
    rows = (*timed("keras", 1e-3), checked(CheckStatus.EXPECTED, "keras", note="known difference, another epsilon"))
    finding = finding_of(*rows)
    assert (finding.weight, finding.status) == (verdicts.DIFFERENT, "different")
    assert verdicts.headline(run_of(*rows), [finding]) == "Nothing is wrong"
    assert [line.status for line in verdicts.judged(run_of(*rows))] == ["ok"]


def test_what_was_skipped_is_no_alarm():
    assert finding_of(ended(Status.SKIPPED, "no keras")).weight == verdicts.SKIPPED


def test_a_failed_training_is_wrong():
    finding = finding_of(replace(trained()[2], status=Status.CRASHED, note="signal 9"))
    assert (finding.case, finding.status) == ("training on mnist, epoch 1", "crashed")


def test_a_training_that_diverged_is_wrong_and_its_accuracy_is_not_praised():
    rows = trained(float("nan"))
    assert finding_of(*rows).reason == "test accuracy is not finite"
    assert verdicts.trained(training_lines(rows)) == ()


def test_only_the_last_epoch_is_told():
    rows = [*trained(0.90, epoch=1), *trained(0.95, epoch=2)]
    assert verdicts.trained(training_lines(rows)) == (
        "architectures.mlp@reference reached 95.00 % test accuracy on mnist after 2 epochs, with one seed (3).",
    )


def test_nothing_wrong_is_said():
    run = run_of(*timed("torch", 1e-3), checked(CheckStatus.PASSED, "torch"))
    assert verdicts.headline(run, verdicts.findings(run)) == "Nothing is wrong"


def test_a_run_cut_short_says_so():
    run = run_of(*timed("torch", 1e-3), ended="interrupted")
    assert verdicts.headline(run, ()) == "Nothing is wrong so far"
    assert "interrupted" in verdicts.ending(run)


def test_what_was_measured_is_said_with_machine_and_commit():
    run = run_of(*timed("reference", 1e-3), *timed("torch", 1e-3), *timed("torch", 1e-3, case="2x2"), dirty=True)
    assert verdicts.measured(run) == (
        "1 component was measured in 2 cases, 3 variants in all, on AMD EPYC 7763 64-Core Processor (2 cores, no GPU), "
        "at commit deaa030123 with uncommitted changes, on 2026-03-01, 12:30 UTC."
    )


def test_a_run_that_only_trained_says_so():
    assert verdicts.measured(run_of(*trained())).startswith("An architecture was trained on AMD EPYC")


def test_gpus_are_named():
    assert verdicts.machine(MACHINE | {"gpus": [{"name": "NVIDIA H200"}]}).endswith("(2 cores, NVIDIA H200)")


def test_the_checks_are_counted_by_how_they_ended():
    run = run_of(checked(CheckStatus.PASSED), checked(CheckStatus.PASSED, name="mode"), checked(CheckStatus.FAILED))
    assert verdicts.check_counts(run) == "3 checks: 2 passed and 1 failed."


def with_floor(value):
    row = Measurement(
        "calibration.run", "reference", "default", "noise_floor", "1", (value,), context={"load_before": [3.5]}
    )
    return run_of(row)


def test_noisy_machine_is_said_above_everything():
    assert "7.00 % (the noise floor)" in verdicts.noise(with_floor(0.07))
    assert "decide nothing" in run_page(with_floor(0.07))
    assert verdicts.noise(with_floor(0.04)) == verdicts.noise(run_of()) == ""


def test_the_run_s_own_account_stands_among_its_facts():
    page = run_page(with_floor(0.04))
    assert "the same code against itself" in page
    assert "3.5" in page
