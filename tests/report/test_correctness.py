"""Checks folded into component against check: the worst counts, what does not apply says why, words are said once."""

import math

import pytest

from nnbench.model import Check, CheckStatus, Status
from nnbench.report.correctness import column_of, counted, fold, gaps, of_seeds
from nnbench.report.failures import Failure, also_in, failures, repeat

PASSED, FAILED, MISTRUSTED, SKIPPED, EXPECTED = (
    CheckStatus.PASSED,
    CheckStatus.FAILED,
    CheckStatus.MISTRUSTED,
    CheckStatus.SKIPPED,
    CheckStatus.EXPECTED,
)


def row(status=PASSED, check="forward_float64", variant="torch", case="4x3", component="layers.linear", **facts):
    return Check(component, variant, case, check, status, **({"seed": 7} | facts))


def verdict(*rows):
    table = fold(rows)
    return table.verdicts["layers.linear", "torch"]["forward_float64"]


def test_the_worst_case_counts():
    from_worst = [FAILED, MISTRUSTED, EXPECTED, PASSED, SKIPPED]
    for place, worst in enumerate(from_worst):
        rows = [row(status) for status in from_worst[place:]]
        assert verdict(*rows).status == worst
        assert verdict(*rows[::-1]).status == worst


def test_of_equal_ends_the_nearest_to_its_allowance_is_shown():
    near, far = row(error=1e-7, allowance=2e-7, case="near"), row(error=1e-3, allowance=1.0, case="far")
    assert verdict(far, near).worst == near
    assert verdict(near, far).worst == near


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ({"error": math.nan, "allowance": 1.0}, {"error": 5.0, "allowance": 1.0}),
        ({"error": 1.0, "allowance": 0.0}, {"error": 5.0, "allowance": 1.0}),
        ({"error": 0.5, "allowance": 1.0}, {"error": 0.0, "allowance": 0.0}),
        ({"error": 0.0, "allowance": 0.0}, {"error": None, "allowance": None}),
    ],
)
def test_sizes_that_are_none_have_their_place(worse, better):
    assert verdict(row(**better), row(**worse)).worst == row(**worse)


def test_how_many_were_made_and_how_many_applied():
    found = verdict(row(), row(SKIPPED, note="too large"), row(SKIPPED, note="too large"), row(SKIPPED, note="empty"))
    assert (found.made, found.applied, found.reasons) == (4, 1, ("too large", "empty"))


KINDS = [
    ("module", ["answers", "forward_float64", "mode", "inputs_unchanged"]),
    ("procedure", ["outcome_float64", "inputs_unchanged", "repeats"]),
    ("another module", ["answers", "forward_float64", "forward_bfloat16", "mode", "evidence_E01"]),
    ("a third", ["answers", "sizes", "inputs_unchanged"]),
    ("optimizer", ["steps_float64", "resume"]),
]


def test_columns_stand_kind_by_kind_in_the_order_of_the_checks():
    columns = fold(row(check=name, component=component) for component, names in KINDS for name in names).columns
    modules = ["answers", "sizes", "forward_float64", "forward_bfloat16", "mode", "inputs_unchanged"]
    assert columns == [*modules, "outcome_float64", "repeats", "steps_float64", "resume", "evidence"]
    assert column_of("evidence_E17") == column_of("evidence_E01")


def test_only_what_is_not_right_is_kept():
    table = fold([row(), row(FAILED), row(SKIPPED), row(MISTRUSTED), row(EXPECTED, erratum="E01")])
    assert [one.status for one in table.wrong] == [FAILED, MISTRUSTED]
    assert [one.status for one in table.expected] == [EXPECTED]
    assert not table.is_right
    assert fold([row(), row(SKIPPED), row(EXPECTED)]).is_right


def test_what_was_skipped_whole_is_no_verdict():
    table = fold([row(SKIPPED, variant="keras", note="no Keras", cause=Status.SKIPPED), row()])
    assert table.unavailable == {("layers.linear", "keras"): "no Keras"}
    assert table.missing == {"no Keras": 1}
    assert ("layers.linear", "keras") not in table.verdicts
    assert table.people == [("layers.linear", "keras"), ("layers.linear", "torch")]


def test_a_variant_seen_in_one_case_is_not_unavailable():
    rows = [row(SKIPPED, note="no such argument", cause=Status.SKIPPED), row(case="5x3")]
    for some in (rows, rows[::-1]):
        table = fold(some)
        assert table.unavailable == {}
        assert table.missing == {"no such argument": 1}


def test_a_check_that_cannot_be_made_after_others_does_not_apply():
    table = fold([row(), row(SKIPPED, check="gradcheck", note="no gradients", cause=Status.SKIPPED)])
    assert table.missing == {}
    assert table.verdicts["layers.linear", "torch"]["gradcheck"].reasons == ("no gradients",)


def test_reasons_are_grouped_with_their_checks_and_variants():
    rows = [row(SKIPPED, check, variant, note="a function has none") for variant in ("torch", "keras")
            for check in ("mode", "saved_state")]  # fmt: skip
    rows += [row(check="sizes"), row(SKIPPED, "sizes", case="big", note="too large")]
    (reason, (whole,)), (other, (partial,)) = gaps(fold(rows))
    assert (reason, other) == ("a function has none", "too large")
    assert whole.checks == ("mode", "saved_state")
    assert whole.to == (("layers.linear", "torch"), ("layers.linear", "keras"))
    assert not whole.is_partial
    assert (partial.checks, partial.is_partial) == (("sizes",), True)


def test_the_counts_speak_of_what_does_not_apply():
    assert counted(fold([row(), row(), row(SKIPPED), row(FAILED)]).totals) == "2 passed, 1 failed, 1 does not apply"
    assert counted(fold([row(SKIPPED), row(SKIPPED)]).totals) == "2 do not apply"


def test_false_alarms_are_counted_with_their_seeds():
    rows = [row(FAILED if seed in (3, 5) else PASSED, seed=seed, check=check) for seed in range(8)
            for check in ("mode", "sizes")]  # fmt: skip
    told = of_seeds(fold([*rows, row(SKIPPED, seed=3)]))
    assert told.startswith("4 of 16 checks failed, under 2 of 8 seeds (3, 5). Where the component is right")
    assert "0.25 of the checks" in told
    assert of_seeds(fold(row(seed=seed) for seed in range(8))) == "0 of 8 checks failed under 8 seeds: no false alarm."


def test_what_fails_under_every_seed_is_no_false_alarm():
    rows = [row(FAILED, seed=seed) for seed in range(4)]
    told = of_seeds(fold(rows))
    assert told.endswith("seeds (0, 1, 2, 3). layers.linear@torch failed under every seed: it is wrong.")
    by_chance = [row(FAILED if seed == 2 else PASSED, seed=seed, variant="keras") for seed in range(4)]
    assert "it is wrong. Where the others are right, theirs are false alarms: 0.12 of" in of_seeds(
        fold(rows + by_chance)
    )
    assert "they are wrong." in of_seeds(fold(rows + [row(FAILED, seed=seed, variant="keras") for seed in range(4)]))
    assert "false alarms" in of_seeds(fold(row(MISTRUSTED, seed=seed) for seed in range(4)))


def test_many_seeds_are_not_all_named():
    assert "10, 11 and 88 more)" in of_seeds(fold(row(FAILED, seed=seed) for seed in range(100)))


def test_what_is_said_in_the_same_words_is_said_once():
    rows = [row(FAILED, check, note=f"shape ({size},) where ({size}, 3) is right", case=f"{size}x3")
            for size in (4, 5) for check in ("forward_float64", "sizes", "mode")]  # fmt: skip
    (only,) = failures(rows)
    assert only.row == rows[0]
    assert also_in(only) == "also in: sizes, mode, [5x3] (3 checks)"


@pytest.mark.parametrize(
    "change", [{"variant": "keras"}, {"component": "layers.conv2d"}, {"note": "other words"}, {"status": MISTRUSTED}]
)
def test_other_words_and_variants_stay_apart(change):
    assert len(failures([row(**({"status": FAILED, "note": "it is wrong"} | some)) for some in ({}, change)])) == 2


def test_sizes_stay_apart_by_check_and_the_worst_stands_for_them():
    rows = [row(FAILED, check, case=case, note=f"off by {error}", error=error, allowance=1e-9)
            for check in ("sizes", "mode") for case, error in (("4x3", 1e-3), ("5x3", 2e-2))]  # fmt: skip
    found = failures(rows)
    assert [(one.row.check, one.row.error) for one in found] == [("sizes", 2e-2), ("mode", 2e-2)]
    assert also_in(found[0]) == "also in: [4x3] (error 0.001)"


def test_other_seeds_are_named():
    (only,) = failures([row(FAILED, seed=seed, note="wrong") for seed in (3, 4, 4, 9)])
    assert also_in(only) == "also under seeds: 4, 9"
    assert also_in(failures([row(FAILED)])[0]) == ""


def test_the_command_that_repeats_a_check():
    failed, only = Failure(row(FAILED)), "--only forward_float64"
    assert repeat(failed) == f"nnbench check 'layers.linear@torch[4x3]' {only} --seed 7"
    assert repeat(failed, ["--suite", "my suite.py"]).endswith(f"[4x3]' {only} --suite 'my suite.py' --seed 7")
    assert repeat(failed, candidate="a.py:B") == f"nnbench check a.py:B --like 'layers.linear[4x3]' {only} --seed 7"


def test_what_is_told_once_is_repeated_together():
    rows = [row(FAILED, check, note="wrong", case=case, seed=seed)
            for seed in (7, 8) for case in ("4x3", "5x3") for check in ("sizes", "mode", case)]  # fmt: skip
    (only,) = failures(rows)
    repeated = repeat(only, asked=["saved_state"])
    assert repeated == "nnbench check 'layers.linear@torch[4x3]' --only sizes --only mode --only 4x3 --seed 7"


@pytest.mark.parametrize("check", ["completed", "erratum"])
def test_what_is_no_one_checks_is_repeated_as_it_was_asked_for(check):
    told = Failure(row(FAILED, check))
    assert repeat(told) == "nnbench check 'layers.linear@torch[4x3]' --seed 7"
    assert repeat(told, asked=["mode", "sizes"]).endswith("[4x3]' --only mode --only sizes --seed 7")
