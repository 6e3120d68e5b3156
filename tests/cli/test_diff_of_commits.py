"""``nnbench diff REV REV`` takes a commit's newest run on this machine; `nnbench show` takes a run."""

import json

import pytest
from click.testing import CliRunner
from histories import Past, row

from nnbench.cli import named_run
from nnbench.cli.diff import command
from nnbench.cli.show import command as show
from nnbench.errors import ResultsError


@pytest.fixture
def past(tmp_path, monkeypatch):
    """Two commits: of the first an old, a new, a dirty and a duel's run."""
    made = Past(tmp_path, "here")
    made.commit(2)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(named_run, "fingerprint", lambda: {"id": "here"})
    counted = {"unit": "1", "context": {"by_operator": {}}}
    made.run(row("flops", 90, **counted), commit=made.commits[0])
    made.run(row("flops", 100, **counted), commit=made.commits[0])
    made.run(row("flops", 60, **counted), commit=made.commits[0], dirty=True)
    made.run(row("forward_time", 1e-3), commit=made.commits[0], command="nnbench duel --rev a --rev b")
    made.run(row("flops", 110, **counted), commit=made.commits[1])
    return made


def find(past, text):
    return named_run.find(past.results, text, past.root).id


def test_a_commit_stands_for_its_newest_clean_run(past):
    assert find(past, "HEAD~1") == past.runs[1]
    assert find(past, "main") == find(past, past.commits[1][:9]) == past.runs[4]
    assert find(past, "latest~4") == find(past, past.runs[0]) == past.runs[0]


@pytest.mark.parametrize("text", ["HEAD~1", "v1.0", "{commit}"])
def test_show_takes_a_commit_too(past, text):
    past.git("tag", "v1.0", "HEAD~1")
    name = text.format(commit=past.commits[0])
    answer = CliRunner().invoke(show, [name, "--json", "--results", str(past.results)], standalone_mode=False)
    assert {one["run"] for one in json.loads(answer.stdout)} == {past.runs[1]}


def test_where_there_is_only_a_duel_it_is_taken(past):
    past.commit()
    name = past.run(row("forward_time", 1e-3), commit=past.commits[2], command="nnbench duel --rev a")
    assert find(past, "main") == name


def test_two_commits_are_compared(past):
    answer = CliRunner().invoke(
        command, ["HEAD~1", "HEAD", "--json", "--results", str(past.results)], standalone_mode=False
    )
    assert answer.return_value == 1
    (one,) = json.loads(answer.stdout)
    assert (one["metric"], one["verdict"], one["ratio"]) == ("flops", "worse", pytest.approx(1.1))


def test_without_git_the_digits_of_a_measured_commit_will_do(past, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert named_run.find(past.results, past.commits[1][:7], elsewhere).id == past.runs[4]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nope", "no run is called 'nope'. There are 5 runs"),
        ("nope", "Nor is it a commit"),
        ("2026", "5 runs start with '2026'"),
    ],
)
def test_what_is_neither_is_told(past, text, said):
    with pytest.raises(ResultsError) as wrong:
        find(past, text)
    assert said in str(wrong.value)


def test_what_is_both_is_told(past):
    past.git("tag", past.runs[0][:15])
    with pytest.raises(ResultsError, match=f"names the run {past.runs[0]} and the commit {past.commits[1][:10]}"):
        find(past, past.runs[0][:15])
    assert find(past, past.runs[0]) == past.runs[0]


def test_a_commit_without_a_run_on_this_machine_is_told(past, monkeypatch):
    past.commit()
    with pytest.raises(ResultsError, match="no run on this machine, and none on any other"):
        find(past, "main")
    monkeypatch.setattr(named_run, "fingerprint", lambda: {"id": "another"})
    with pytest.raises(ResultsError, match="no run on this machine, and 3 on other machines"):
        find(past, "HEAD~2")


def test_show_leaves_out_times_that_the_machine_cannot_reach(tmp_path):
    ceilings = {"1": {"arithmetic": {"float32": 100e9}, "moving": [[8192, 100e9], [2**28, 10e9]]}}
    past = Past(tmp_path)
    flops = row("flops", 10**9, unit="1", context={"by_operator": {"mm": 10**9}})
    past.run(row("forward_time", 1e-4), flops, commit="c", ceilings=ceilings)
    for what in ("layers.linear", "latest"):
        answer = CliRunner().invoke(show, [what, "--json", "--results", str(past.results)], standalone_mode=False)
        rows = {one["metric"]: one for one in json.loads(answer.stdout)}
        assert (rows["forward_time"]["values"], rows["forward_time"]["status"]) == ([], "failed")
        assert "faster than this machine can be" in rows["forward_time"]["note"]
        assert (rows["flops"]["values"], rows["flops"]["status"]) == ([1e9], "ok")


def test_show_prints_a_run(past):
    answer = CliRunner().invoke(show, ["latest", "--results", str(past.results)], standalone_mode=False)
    assert f"{past.runs[4]}, made by: nnbench run" in answer.stdout
    assert past.commits[1][:10] in answer.stdout
    answer = CliRunner().invoke(show, [past.runs[0], "--json", "--results", str(past.results)], standalone_mode=False)
    assert [(one["metric"], one["values"], one["run"]) for one in json.loads(answer.stdout)] == [
        ("flops", [90.0], past.runs[0])
    ]
