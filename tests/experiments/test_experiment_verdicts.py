import math

import pytest
from made_up import dropout, experiment, plain

from nnbench.experiments.findings import findings, is_vague, margin, sampling
from nnbench.experiments.verdicts import verdict
from nnbench.stats import Interval


def test_those_close_together_and_a_loser_are_told_in_one_sentence():
    said = verdict(experiment())
    assert said.headline.startswith("5 seeds cannot tell adam, rmsprop and momentum apart: 97.")
    assert "; sgd is worse by 2.06 points (99 % interval 1.52 to 2.67)." in said.headline
    assert said.groups == (("adam", "rmsprop", "momentum"), ("sgd",))


def test_tie_says_how_many_seeds_would_settle_it():
    sentence = next(one for one in verdict(experiment()).sentences if "rmsprop" in one)
    assert sentence.startswith("5 seeds cannot tell rmsprop from adam: 0.15 points worse (99 % interval −0.12 to 0.45)")
    assert sentence.endswith(", which about 14 seeds would settle.")


def test_untuned_optimizers_are_said_to_be_so():
    said = verdict(experiment(tuned=False))
    assert said.caveat.startswith("Learning rates were not tuned: each ran at its usual one.")
    assert said.sentences.count(said.caveat) == 1
    for factor in ("schedulers", "batch_size=32,64", "optimizer=Adam,SGD"):
        other = verdict(experiment(tuned=False, factor=factor))
        assert other.caveat.startswith("Learning rates were not tuned: all ran at the same one.")


def test_a_study_of_dropout_that_is_cut_short_says_so():
    made = dropout(epochs=2)
    cut = dropout(epochs=2, protocol=dict(made.protocol) | {"recipe": {"epochs": 20}})
    assert verdict(cut).caveat.startswith("Trained for 2 of the recipe's 20 epochs")
    assert not verdict(made).caveat


def test_what_is_tuned_or_has_nothing_to_do_with_rates_has_no_caveat():
    for other in (experiment(), dropout(), plain({"a": [0.9], "b": [0.8]}, factor="optimizers", outcomes=())):
        assert not verdict(other).caveat
        assert not any("tuned" in one for one in verdict(other).sentences)


def test_more_seeds_settle_the_tie():
    said = verdict(experiment(seeds=20, diverged=""))
    told = next(one for one in said.sentences if "rmsprop" in one)
    assert "rmsprop (0." in told
    assert told.endswith(" equal adam: surely less than 0.38 points apart.")


def test_only_what_surely_is_within_the_margin_ties():
    values = {
        "a": [0.900, 0.902, 0.901, 0.899, 0.900],
        "b": [0.901, 0.900, 0.900, 0.901, 0.899],
        "c": [0.880, 0.915, 0.905, 0.890, 0.895],
    }
    made = plain(values)
    said = verdict(plain(values, protocol=dict(made.protocol) | {"margin": 0.02}))
    assert said.headline == (
        "No difference that 5 seeds could tell: a and b tie at 90.02 to 90.04 % test accuracy; "
        "c (0.34 points behind) cannot be told from them."
    )


def test_failed_trials_are_counted_with_their_cause():
    said = verdict(experiment())
    assert "momentum failed in 1 of 5 trials (seed 1 after epoch 2: diverged: training loss is nan)." in said.sentences


def test_implementation_that_fails_its_checks_does_not_count():
    said = verdict(experiment(wrong="adam"))
    assert "adam" not in said.headline
    assert all("adam" not in group for group in said.groups)
    assert "The implementation of adam fails its checks and is left out of the comparison." in said.sentences


def test_clear_winner_is_named_and_many_losers_are_summed_up():
    values = {name: [place + 0.1, place + 0.2, place + 0.15] for place, name in enumerate("abcdef")}
    said = verdict(plain(values, metric="test_loss", better="less"))
    assert said.headline == "a is best with 0.15 test loss; the other 5 are worse: from b by 1 to f by 5."
    assert any(one.startswith("c is worse than a by 2 (99 % interval") for one in said.sentences)


def test_contender_that_never_finishes_loses():
    said = verdict(plain({"a": [0.9, 0.91, 0.9], "b": [None, None, None]}))
    assert said.headline == "a is best with 90.33 % test accuracy; b never finishes."
    assert any(one.startswith("b failed in 3 of 3 trials") for one in said.sentences)


def test_no_difference_is_an_answer():
    said = verdict(plain({"a": [0.90, 0.91, 0.90], "b": [0.91, 0.90, 0.90]}))
    assert said.headline == "No difference that 3 seeds could tell: a and b are at 90.33 % test accuracy."
    assert said.groups == (("a", "b"),)


def test_what_is_far_behind_and_not_settled_is_no_tie():
    said = verdict(
        plain({"a": [0.97, 0.971, 0.972, 0.97], "b": [0.971, 0.97, 0.971, 0.971], "c": [0.5, 0.97, 0.4, 0.96]})
    )
    behind = "c (26.32 points behind) looks worse, but 4 seeds are too few to be sure."
    assert said.headline == f"4 seeds cannot tell a and b apart: 97.08 % test accuracy; {behind}"


def test_several_that_are_not_settled_are_told_together():
    steady, wild = [0.971, 0.97, 0.972], {"b": [0.9, 0.97, 0.5], "c": [0.97, 0.6, 0.8]}
    said = verdict(plain({"a": steady} | wild))
    assert said.headline.endswith(
        "; b (18.10 points behind) and c (18.10 points behind) look worse, but 3 seeds are too few to be sure."
    )


def test_pair_that_its_own_interval_would_decide_says_why_it_is_open():
    values = {
        "a": [0.918, 0.915, 0.92],
        "b": [0.85, 0.86, 0.83],
        "c": [0.796, 0.833, 0.764],
        "d": [0.808, 0.762, 0.752],
        "e": [0.798, 0.77, 0.803],
        "f": [0.876, 0.756, 0.856],
    }
    told = next(one for one in verdict(plain(values)).sentences if "cannot tell b from a" in one)
    assert "(99 % interval 1.27 to 16.45 by itself, but p 0.035 among all pairs), which about 5 seeds" in told


def test_two_seeds_are_said_to_be_few():
    told = "Two seeds say next to nothing about chance: five or more show how far results scatter."
    assert told in verdict(plain({"a": [0.9, 0.91], "b": [0.8, 0.9]})).sentences
    assert told not in verdict(plain({"a": [0.9, 0.91, 0.9], "b": [0.8, 0.9, 0.85]})).sentences
    assert told not in verdict(plain({"a": [0.9, 0.9001], "b": [0.1, 0.1001]})).sentences  # nothing is open


def test_interval_as_wide_as_half_of_all_shares_says_nothing():
    assert is_vague("test_accuracy", Interval(0.5, 0.1, 0.9))
    assert is_vague("test_accuracy", Interval(0.5, -math.inf, math.inf))
    assert not is_vague("test_accuracy", Interval(0.5, 0.3, 0.7))
    assert is_vague("test_loss", Interval(0.5, -0.1, 1.1))
    assert not is_vague("test_loss", Interval(0.5, 0.1, 0.9))


def test_names_that_hold_a_comma_are_quoted():
    said = verdict(plain({"Xavier, uniform": [0.90, 0.91, 0.90], "b": [0.91, 0.90, 0.90]}))
    assert "“Xavier, uniform” and b are at" in said.headline


def test_those_of_whom_the_same_is_said_are_told_together():
    values = {"a": [0.97, 0.98, 0.9]} | {name: [0.8, 0.97, 0.6] for name in "bcde"}
    sentence = next(one for one in verdict(plain(values)).sentences if "cannot tell these" in one)
    assert sentence.startswith("3 seeds cannot tell these from a: b, c, d and e, 16.00 points worse")


def test_most_that_are_alike_are_told_by_how_many():
    values = {name: [0.9, 0.91, 0.9] for name in "abcdefgh"} | {"z": [0.1, 0.11, 0.1]}
    assert verdict(plain(values)).headline.startswith(
        "3 seeds cannot tell 8 of 9 contenders apart: 90.33 % test accuracy; z is worse by 80.00 points"
    )


def test_losses_that_differ_manifold_are_told_apart_though_the_larger_ones_vary():
    values = {"a": [0.02, 0.022, 0.019, 0.021], "b": [0.5, 0.6, 0.65, 0.45], "c": [0.021, 0.02, 0.02, 0.022]}
    said = verdict(plain(values, metric="test_loss", better="less"))
    assert said.headline.startswith(
        "4 seeds cannot tell a and c apart: 0.0205 to 0.0208 test loss; b is worse by 0.53 (99 % interval 0.3"
    )


def test_one_seed_decides_nothing():
    said = verdict(plain({"a": [0.9], "b": [0.1]}))
    assert said.headline == "One seed cannot tell: a is ahead with 90.00 % test accuracy."
    assert said.groups == (("a", "b"),)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (plain({"a": [None, None], "b": [None, None]}), "no trial came to its end"),
        (plain({"a": [0.5]}, outcomes=()), "no trial took place"),
        (experiment(optimizers={"sgd": (0.9, 0.01, 1.0, 0.0)}, wrong="sgd"), "no implementation passes its checks"),
    ],
)
def test_nothing_to_tell_says_why(made, why):
    assert verdict(made).headline == f"Nothing to tell: {why}."


def test_contender_left_out_by_the_budget_is_named():
    made = plain({"a": [0.9, 0.91], "b": [0.5, 0.51], "c": [0.1, 0.1]})
    cut = plain({"a": [0.9, 0.91], "b": [0.5, 0.51]}, contenders=made.contenders)
    assert "Not compared, for want of trials: c." in verdict(cut).sentences


def test_without_dropout_among_the_best_there_is_no_benefit():
    none_best = verdict(dropout(rates={0.0: 0.98, 0.2: 0.96, 0.5: 0.95}))
    assert none_best.headline.startswith("No benefit here: without dropout 97.9")
    equal = verdict(dropout(rates={0.0: 0.98, 0.2: 0.98, 0.5: 0.97}, seeds=10))
    assert equal.headline.startswith("No benefit here: ")
    unclear = verdict(dropout(rates={0.0: 0.975, 0.2: 0.98, 0.5: 0.96}, deviation=0.006, seeds=3))
    assert unclear.headline.startswith("No benefit shown here: ")
    assert unclear.headline.endswith("which 3 seeds cannot tell from 0.")


def test_dropout_that_helps_names_all_rates_that_do_as_well():
    said = verdict(dropout(rates={0.0: 0.95, 0.1: 0.97, 0.2: 0.9702, 0.5: 0.95}))
    assert said.headline.startswith("Dropout helps: 0.1 and 0.2 tie for the best rate, 2.")
    assert said.headline.endswith("ahead of none.")


def test_margin_is_what_the_test_samples_leave_open():
    made = plain({"a": [0.98, 0.98], "b": [0.9, 0.9]})
    assert margin(made) == pytest.approx(2.576 * (0.98 * 0.02 / 10_000) ** 0.5)
    assert any("gives an accuracy only to ± 0.36 points" in one for one in verdict(made).sentences)


def test_margin_of_a_loss_is_two_deviations_between_seeds():
    made = plain({"a": [1.0, 2.0, 3.0], "b": [5.0, 6.0, 7.0]}, metric="test_loss", better="less")
    assert (margin(made), sampling(made)) == (2.0, 0.0)
    assert margin(plain({"a": [1.0], "b": [2.0]}, metric="test_loss", better="less")) == 0.0


def test_margin_that_was_asked_for_stands_above():
    made = plain({"a": [0.98, 0.98], "b": [0.9, 0.9]})
    assert margin(plain({"a": [0.98], "b": [0.9]}, protocol=dict(made.protocol) | {"margin": 0.01})) == 0.01


def test_what_surely_differs_by_less_than_the_margin_that_was_asked_for_is_equal():
    values = {"a": [0.950, 0.951, 0.949, 0.950, 0.9505], "b": [0.906, 0.907, 0.905, 0.9064, 0.9062]}
    made = plain(values)
    asked = plain(values, protocol=dict(made.protocol) | {"margin": 0.1})
    assert [one.verdict for one in findings(made).pairs] == ["better"]
    assert [one.verdict for one in findings(asked).pairs] == ["equal"]


def test_contenders_that_fail_alike_are_told_in_one_sentence():
    said = verdict(plain({"a": [0.9, 0.91, 0.9], "b": [None, None, None], "c": [None, None, None]}))
    assert next(one for one in said.sentences if "failed" in one).startswith(
        "b and c failed in 3 of 3 trials each (seed 0"
    )


def test_gap_is_how_much_worse_whatever_is_better():
    more = findings(plain({"a": [0.9, 0.91, 0.92], "b": [0.7, 0.72, 0.73]}))
    less = findings(plain({"b": [0.9, 0.91, 0.92], "a": [0.7, 0.72, 0.73]}, metric="test_loss", better="less"))
    for found in (more, less):
        gap = found.gap("b")
        assert gap.by == pytest.approx(0.1933, abs=1e-3)
        assert gap.low < gap.by < gap.high


def test_equal_experiments_give_equal_verdicts():
    assert verdict(experiment(seeds=3)) == verdict(experiment(seeds=3))
