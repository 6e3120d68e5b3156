"""``nnbench trend``: rows, sparklines, dates with commits, and what is chosen."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from histories import Past, kernels, row

from nnbench.cli import output
from nnbench.cli.trend import command
from nnbench.errors import NnbenchError
from nnbench.model import Measurement, Status
from nnbench.trends.series import Key
from nnbench.trends.series_words import change, sparkline, two_values, value


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """Thirty commits: with the sixteenth a time and a counter get a fifth more, measured newest first."""
    made = Past(tmp_path_factory.mktemp("trend"))
    made.commit(30)
    for number in reversed(range(30)):
        level = 1.2 if number >= 15 else 1.0
        noise = 1 + 0.002 * (number % 5)
        rows = [
            row("forward_time", 1e-3 * level * noise),
            row("flops", 1000 * level, unit="1", context={"by_operator": {}}),
        ]
        made.run(*rows, row("forward_wall_time", 2e-3), *kernels(), commit=made.commits[number])
    return made


@pytest.fixture
def asked(past, monkeypatch):
    monkeypatch.chdir(past.root)
    monkeypatch.setattr(output, "PIPE_WIDTH", 300)

    def ask(*arguments):
        answer = CliRunner().invoke(command, [*arguments, "--results", str(past.results)], standalone_mode=False)
        if answer.exception:
            raise answer.exception
        return answer.stdout

    return ask


def test_a_row_a_series_with_first_last_change_and_the_dated_change(asked, past):
    lines = [line.split() for line in asked().splitlines()]
    rows = {line[3]: line for line in lines if line[:1] == ["layers.linear"]}
    assert list(rows) == ["flops", "forward_time"]
    flops = " ".join(rows["flops"])
    assert flops.startswith("layers.linear [8] torch flops 30 ▁▁▁▁▁▁▁▁▁▁▁▁")
    assert flops.endswith(f"██ 1.00 k 1.20 k +20.0 % {past.commits[15][:8]} +20.0 %")
    assert f"1.00 ms 1.21 ms +21.0 % {past.commits[15][:8]}" in " ".join(rows["forward_time"])


def test_noisy_runs_are_marked(tmp_path, monkeypatch):
    monkeypatch.setattr(output, "PIPE_WIDTH", 300)
    made = Past(tmp_path)
    for share in (0.01, 0.09, 0.08):
        floor = Measurement("calibration.run", "reference", "default", "noise_floor", "1", (share,))
        made.run(row("forward_time", 1e-3), floor, *kernels())
    answer = CliRunner().invoke(command, ["--results", str(made.results)], standalone_mode=False)
    assert "forward_time 3, 2 noisy" in " ".join(answer.stdout.split())
    assert "differed by more than 5 % from itself: such times decide nothing" in answer.stdout


def test_json_has_every_point_in_the_order_of_commits(asked, past):
    rows = {one["metric"]: one for one in json.loads(asked("--json"))}
    flops = rows["flops"]
    assert flops["values"] == [1000.0] * 15 + [1200.0] * 15
    assert flops["commits"] == past.commits
    assert flops["runs"] == past.runs[::-1]
    assert (flops["component"], flops["variant"], flops["case"], flops["basis"], flops["unit"]) == (
        "layers.linear", "torch", "8", "exact", "1",
    )  # fmt: skip
    (one,) = flops["changes"]
    assert (one["previous"], one["commit"], one["before"], one["after"]) == (*past.commits[14:16], 1000.0, 1200.0)
    assert [one["commit"] for one in rows["forward_time"]["changes"]] == [past.commits[15]]


def test_since_leaves_out_what_came_before(asked, past):
    flops = json.loads(asked("--json", "--since", past.commits[20], "--metric", "flops"))[0]
    assert (flops["commits"], flops["changes"]) == (past.commits[20:], [])
    (flops,) = json.loads(asked("--json", "--since", "HEAD~15", "--metric", "flops"))
    assert (flops["commits"], len(flops["changes"])) == (past.commits[14:], 1)
    (flops,) = json.loads(asked("--json", "--since", "2026-01-02", "--metric", "flops"))
    assert flops["commits"] == past.commits[:6]  # measured last
    assert "▁" not in asked("--since", past.commits[20], "--metric", "flops")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["layers.linar"], "Did you mean layers.linear?"),
        (["--metric", "nope"], "--metric nope keeps nothing"),
        (["-k", "conv"], "-k conv keeps nothing"),
        (["--since", "nope"], "--since nope: there is no such commit here, and it is no date"),
        (["--since", "2026-13-01"], "there is no such day"),
        (["@torch"], "is no pattern"),
    ],
)
def test_what_cannot_be_chosen_is_told(asked, arguments, said):
    with pytest.raises(NnbenchError) as wrong:
        asked(*arguments)
    assert said in str(wrong.value)


def test_metrics_and_expressions_choose(asked):
    assert [one["metric"] for one in json.loads(asked("--json", "--metric", "*_wall_time"))] == ["forward_wall_time"]
    assert len(json.loads(asked("--json", "-k", "linear and torch"))) == 2


def test_an_empty_folder_is_told_how_to_fill_it(tmp_path):
    answer = CliRunner().invoke(command, ["--results", str(tmp_path)], standalone_mode=False)
    assert "holds no measurements. `nnbench run` makes some" in str(answer.exception)


@pytest.mark.parametrize(
    ("values", "drawn"),
    [([1, 2, 3, 8], "▁▂▃█"), ([5, 5, 5], "▄▄▄"), ([], ""), ([0, -1], "█▁"), ([1] * 50 + [2] * 50, "▁" * 12 + "█" * 12)],
)
def test_sparklines(values, drawn):
    assert sparkline(np.array(values, dtype=float)) == drawn


def test_numbers_are_written_in_their_units():
    time, accuracy, count = (
        Key("a", "b", "c", metric, "m", "") for metric in ("forward_time", "test_accuracy", "flops")
    )
    assert value(1.5e-3, time, "s", "raw") == "1.50 ms"
    assert value(1.0211, time, "1", "anchored") == "1.021"
    assert two_values(1e6, 1e6 + 1, count, "1", "exact") == ("1,000,000", "1,000,001")
    assert change(0.95, 0.96, accuracy) == "+1.00 points"
    assert [change(*ends, count) for ends in ((0, 5), (5, 0), (1, 40), (3, 3))] == [
        "inf times",
        "-100.0 %",
        "40 times",
        "0.0 %",
    ]


def trained(epoch, accuracy, seed=0, asked=20, **more):
    about = {"epoch": epoch, "seed": seed, "data": "points"} | ({"epochs": asked} if asked else {}) | more
    names = ("mine.net", "reference", f"points,epoch={epoch}", "test_accuracy")
    return Measurement(*names, "1", (accuracy,), context=about)


def stopped(epoch, accuracy, **more):
    """The last epochs of a training that early stopping ended, and what was measured of it then."""
    return trained(epoch - 1, accuracy / 2, **more), trained(epoch, accuracy, stopped="stopped early", **more)


def crashed(epoch=0, seed=0, asked=20, metric="train_loss"):
    about = {"epoch": epoch, "seed": seed, "data": "points", "epochs": asked}
    names = ("mine.net", "reference", "points", metric, "1")
    return Measurement(*names, status=Status.CRASHED, note="gone", context=about)


@pytest.fixture
def told(tmp_path, monkeypatch):
    """What `nnbench trend` says of a history of trainings: the cells of each of its rows, or JSON."""
    monkeypatch.setattr(output, "PIPE_WIDTH", 300)

    def tell(made, *arguments):
        asked = ["mine.net", "--results", str(made.results), *arguments]
        answer = CliRunner().invoke(command, asked, standalone_mode=False)
        assert answer.exception is None
        lines = [line for line in answer.stdout.splitlines() if line.startswith("mine.net")]
        return json.loads(answer.stdout) if "--json" in arguments else [re.split("  +", line) for line in lines]

    return tell


def test_the_value_of_a_training_is_that_of_its_last_epoch(tmp_path, told):
    made = Past(tmp_path)
    for better in (0.0, 0.1):
        made.run(*(trained(epoch, 0.4 + epoch / 10 + better, asked=3) for epoch in (1, 2, 3)), *stopped(2, 0.4, seed=9))
    assert [row[:7] for row in told(made)] == [
        ["mine.net [points] seed 0, 3 epochs", "reference", "test_accuracy", "2", "▁█", "70.00 %", "80.00 %"],
        ["mine.net [points] seed 9, 20 epochs", "reference", "test_accuracy", "2", "▄▄", "40.00 %", "40.00 %"],
    ]


def test_trainings_of_one_command_that_stopped_at_different_epochs_are_one_series(tmp_path, told):
    made = Past(tmp_path)
    made.run(*stopped(17, 0.5))
    made.run(*stopped(28, 0.6))
    (row,) = told(made)
    assert row[3:8] == ["2", "▁█", "50.00 % at epoch 17", "60.00 % at epoch 28", "+10.00 points"]
    (series,) = told(made, "--json")
    assert (series["values"], series["epochs"], series["lost"]) == ([0.5, 0.6], [17, 28], [])


def test_of_older_trainings_the_command_says_how_many_epochs_were_asked_for(tmp_path, told):
    made = Past(tmp_path)
    for command_line in ("nnbench train net --epochs 3", "nnbench train net --epochs=3", "nnbench train net"):
        made.run(trained(2, 0.1, asked=0), trained(3, 0.5, asked=0), command=command_line)
    made.run(trained(1, 0.1, asked=0), command="nnbench run architectures")
    assert [(row[0], row[3]) for row in told(made)] == [
        ("mine.net [points] seed 0", "1"),
        ("mine.net [points] seed 0, 1 epoch", "1"),
        ("mine.net [points] seed 0, 3 epochs", "2"),
    ]


def diverged(epoch):
    return replace(trained(epoch, 0.1, stopped="the loss is no longer finite"), status=Status.FAILED, note="not finite")


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ((trained(1, 0.9), diverged(2)), "diverged"),
        ((trained(1, 0.9), crashed(1)), "crashed"),
        ((crashed(),), "crashed"),
        ((trained(1, 0.9), trained(2, 0.9)), "interrupted"),
    ],
)
def test_a_training_that_ended_badly_is_a_mark_and_no_number(tmp_path, told, rows, why):
    made = Past(tmp_path)
    made.run(*stopped(17, 0.5))
    lost = made.run(*rows)
    (row,) = told(made)
    assert row[3:7] == [f"2, 1 {why}", "▄", "50.00 %", why]
    (series,) = told(made, "--json")
    assert (series["values"], [(one["why"], one["run"]) for one in series["lost"]]) == ([0.5], [(why, lost)])
    made.run(*stopped(17, 0.5))
    assert told(made)[0][3:8] == [f"3, 1 {why}", "▄▄", "50.00 %", "50.00 %", "+0.00 points"]


def test_trainings_that_never_gave_a_number_are_told_too(tmp_path, told):
    made = Past(tmp_path)
    made.run(crashed())
    made.run(*stopped(3, 0.5, seed=1))
    lost = ["mine.net [points] seed 0, 20 epochs", "reference", "train_loss", "1, 1 crashed", "crashed"]
    assert told(made)[-1][:5] == lost


def test_a_training_with_nothing_left_and_one_whose_data_is_not_here_are_none(tmp_path, told):
    made = Past(tmp_path)
    made.run(*stopped(17, 0.5))
    made.run(replace(trained(17, 0.1), metric="calibration_error"))
    made.run(replace(crashed(), status=Status.SKIPPED, note="no data"))
    assert [row[3] for row in told(made, "--metric", "test_accuracy")] == ["1"]
