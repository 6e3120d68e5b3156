import json
from dataclasses import replace

import pytest
from made_up import dropout, experiment, plain

from nnbench.cli import compare_told
from nnbench.report.comparison.sensitivity import edges


def told(capsys, made, as_json=False):
    compare_told.tell(made, as_json)
    return capsys.readouterr().out


def test_table_puts_the_best_first_and_the_verdict_below(capsys):
    lines = told(capsys, experiment(left_out=("The budget of 3 min 00 s was spent.",))).splitlines()
    assert [line.split()[0] for line in lines[1:5]] == ["adam", "rmsprop", "momentum", "sgd"]
    assert "97.90 %" in lines[1]
    assert "4 of 5" in lines[3]
    assert lines[6].startswith("5 seeds cannot tell adam, rmsprop and momentum apart")
    assert lines[-1] == "  The budget of 3 min 00 s was spent."


def test_table_of_rates_is_in_the_order_of_the_rates(capsys):
    lines = told(capsys, dropout()).splitlines()
    assert [line.split()[0] for line in lines[1:7]] == [
        f"dropout={rate}" for rate in ("0", "0.1", "0.2", "0.3", "0.5", "0.8")
    ]


def test_wrong_implementation_has_no_number(capsys):
    line = next(line for line in told(capsys, experiment(wrong="adam")).splitlines() if line.startswith("adam"))
    assert "–" in line
    assert line.rstrip().endswith("checks fail")


def test_interval_of_a_share_stays_a_share(capsys):
    lines = told(capsys, plain({"a": [0.99, 0.98, 0.999], "b": [0.5, 0.6, 0.55]})).splitlines()
    assert "to 100.00 %" in lines[1]


@pytest.mark.parametrize(
    ("values", "metric", "better"),
    [({"a": [0.9, 0.1], "b": [0.5, 0.6]}, "test_accuracy", "more"), ({"a": [1.2, 0.9]}, "test_loss", "less")],
)
def test_interval_that_says_nothing_is_not_told(capsys, values, metric, better):
    lines = told(capsys, plain(values, metric, better)).splitlines()[1 : 1 + len(values)]
    assert all("too few seeds" in line and " to " not in line for line in lines)


def test_training_is_the_median_of_the_seeds(capsys):
    made = plain({"a": [0.9, 0.91, 0.92]})
    slow = replace(made.outcomes[0], epochs=(replace(made.outcomes[0].epochs[0], seconds=500.0),))
    line = told(capsys, replace(made, outcomes=(slow, *made.outcomes[1:]))).splitlines()[1]
    assert "2.00 s" in line


def test_best_rate_at_the_end_of_the_grid_is_told_as_on_the_page(capsys):
    made = experiment()
    cut = replace(made, tuning=tuple(one for one in made.tuning if one.trial.changes["lr"] <= 1e-3))
    said = edges(cut)
    assert "best at the upper end" in said[0]
    assert told(capsys, cut).splitlines()[-1] == f"  {said[0]}"
    assert json.loads(told(capsys, cut, as_json=True))["warnings"] == said
    assert json.loads(told(capsys, made, as_json=True))["warnings"] == []


def test_json_holds_the_trials_of_tuning_and_of_shares(capsys):
    made = plain({"a": [0.9, 0.91]})
    short = replace(made.outcomes[0], trial=replace(made.outcomes[0].trial, changes={"train_share": 0.1}))
    content = json.loads(told(capsys, replace(experiment(), beside=(short,)), as_json=True))
    assert len(content["tuning"]) == len(experiment().tuning)
    first, diverged = content["tuning"][0], content["tuning"][3]
    assert (first["contender"], first["seed"], first["learning_rate"]) == ("adam", 0, 1e-4)
    assert (first["metric"], first["status"]) == ("validation_accuracy", "ok")
    assert first["value"] == experiment().tuning[0].last("validation_accuracy")
    assert (diverged["learning_rate"], diverged["status"], diverged["value"]) == (0.1, "failed", None)
    assert [(one["train_share"], one["value"]) for one in content["beside"]] == [(0.1, 0.9)]


def test_names_are_no_markup(capsys):
    assert "[red]a[/red]" in told(capsys, plain({"[red]a[/red]": [0.9, 0.91], "b": [0.5, 0.6]}))


def test_json_holds_verdict_pairs_and_every_value(capsys):
    content = json.loads(told(capsys, plain({"a": [0.9, 0.91, None], "b": [0.5, 0.6, 0.55]}), as_json=True))
    assert content["headline"].endswith("b (35.50 points behind) looks worse, but 3 seeds are too few to be sure.")
    assert content["contenders"][0]["values"] == [0.9, 0.91, None]
    assert [one["status"] for one in content["contenders"][0]["trials"]] == ["ok", "ok", "failed"]
    assert (content["pairs"][0]["a"], content["pairs"][0]["b"]) == ("a", "b")
    assert content["groups"]
