import json

from made_up import dropout, experiment, plain

from nnbench.cli import compare_told


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
    line = told(capsys, plain({"a": [0.9, 0.1], "b": [0.5, 0.6]})).splitlines()[2]
    assert "0.00 % to 100.00 %" in line


def test_names_are_no_markup(capsys):
    assert "[red]a[/red]" in told(capsys, plain({"[red]a[/red]": [0.9, 0.91], "b": [0.5, 0.6]}))


def test_json_holds_verdict_pairs_and_every_value(capsys):
    content = json.loads(told(capsys, plain({"a": [0.9, 0.91, None], "b": [0.5, 0.6, 0.55]}), as_json=True))
    assert content["headline"].endswith("b (35.50 points behind) looks worse, but 3 seeds are too few to be sure.")
    assert content["contenders"][0]["values"] == [0.9, 0.91, None]
    assert [one["status"] for one in content["contenders"][0]["trials"]] == ["ok", "ok", "failed"]
    assert (content["pairs"][0]["a"], content["pairs"][0]["b"]) == ("a", "b")
    assert content["groups"]
