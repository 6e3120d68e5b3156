"""`nnbench import` and `nnbench export` as a user runs them."""

import json

import pandas


def write_history(folder):
    """asv's results of two commits, and a file that is broken."""
    (folder / "results" / "laptop").mkdir(parents=True)
    for number in range(2):
        content = {
            "commit_hash": f"{number}" * 40,
            "date": 1500000000000 + number,
            "params": {"machine": "laptop"},
            "python": "3.11",
            "requirements": {},
            "results": {"sums.time_sum": 0.5 + number, "sums.time_<b>_[red]": 0.25},
            "version": 1,
        }
        (folder / "results" / "laptop" / f"{number:08d}-env.json").write_text(json.dumps(content))
    (folder / "results" / "laptop" / "broken.json").write_text('{"results": ')


def test_a_history_comes_in_once_and_goes_out(user):
    write_history(user.folder)
    answer = user.run("import", "results", "--results", "store")
    assert answer.code == 1  # of the broken file
    assert answer.err.splitlines() == [
        "nnbench: results/laptop/broken.json is skipped: it is no JSON (Expecting value: line 1 column 13 (char 12))"
    ]
    assert "2 runs with 4 measurements came in, 1 file unreadable." in answer.out
    (user.folder / "results" / "laptop" / "broken.json").unlink()

    again = user.run("import", "results", "--results", "store", "--json")
    assert again.code == 0
    assert [one["status"] for one in again.rows] == ["already there"] * 2

    table = user.run("export", "--format", "json", "asv.sums.time_sum", "latest", "--results", "store")
    assert [(one["metric"], one["value"]) for one in table.rows] == [("time", 1.5)]
    assert table.err == ""
    written = user.run("export", "--format", "csv", "--output", "all.csv", "--results", "store")
    assert (written.code, written.out) == (0, "")
    assert len(pandas.read_csv(user.folder / "all.csv")) == 4
    assert not list(user.folder.glob(".*.partial"))

    asv = user.run("export", "--format", "asv", "--output", "asv", "--results", "store")
    assert (asv.code, len(list((user.folder / "asv").glob("*/*-*.json")))) == (0, 2)


def test_what_is_asked_for_wrongly_is_told_in_a_line(user):
    (user.folder / "notes.json").write_text("[1, 2]")
    for arguments, hint in {
        ("import", "nowhere"): "there is no file or folder nowhere",
        ("import", "notes.json", "--as", "My Suite"): "lower-case",
        ("export", "--format", "asv"): "--output",
        ("export", "--format", "csv"): "holds no runs",
    }.items():
        answer = user.run(*arguments)
        assert (answer.code, answer.out, len(answer.err.splitlines())) == (2, "", 1)
        assert hint in answer.err
    foreign = user.run("import", "notes.json")
    assert foreign.code == 1
    assert "notes.json is no result file" in foreign.err
