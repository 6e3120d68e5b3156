"""``nnbench report --site`` over a stored history: runs, components, an experiment; every link leads somewhere."""

import json
import re
from dataclasses import replace
from pathlib import Path

import made_up
import pytest
from click.testing import CliRunner
from histories import Past, kernels, row

from nnbench.cli.report import command
from nnbench.experiments import ledger
from nnbench.model import Check, Measurement, check_to_measurement

LINK = re.compile(r'<a [^>]*href="([^"#]+)[^"]*"')
TASK = made_up.TASK


def epoch_rows(outcome):
    """An outcome's numbers as a worker would have told them."""
    trial = outcome.trial
    context = {"data": trial.data, "seed": trial.seed}
    for epoch in outcome.epochs:
        case = f"{trial.data},{trial.contender},epoch={epoch.number}"
        for metric, value in epoch.values.items():
            about = context | {"epoch": epoch.number}
            yield Measurement(TASK, "reference", case, metric, "1", (value,), context=about)
    for metric, values in outcome.final.items():
        about = context | {"epoch": len(outcome.epochs)}
        yield Measurement(TASK, "reference", f"{trial.data},{trial.contender}", metric, "1", values, context=about)


def experiment_rows(experiment):
    for one in experiment.outcomes:
        yield from ledger.rows_of(ledger.Kept(one), list(epoch_rows(one)))
    yield ledger.row_of(experiment, {})


def trained(epoch, accuracy):
    context = {"data": "mnist", "seed": 0, "epoch": epoch}
    return Measurement(TASK, "reference", f"mnist,epoch={epoch}", "test_accuracy", "1", (accuracy,), context=context)


def curves():
    for metric in ("curve_value", "curve_derivative"):
        context = {"low": -5.0, "high": 5.0}
        yield Measurement("activations.relu", "reference", "8", metric, "1", (0.0, 1.0, 2.0), context=context)


def reported(results, folder, *arguments):
    given = ["--site", str(folder), "--results", str(results), *arguments]
    return CliRunner(catch_exceptions=False).invoke(command, given, standalone_mode=False)


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """Four runs of components, a training, and an experiment that was made twice."""
    made = Past(tmp_path_factory.mktemp("site"))
    check = check_to_measurement(Check("layers.linear", "torch", "8", "forward", "passed", 0.0, 1.0))
    adam = row("step_time", 1e-4, names=("optimizers.adam", "torch", "8"))
    made.run(*curves(), row("forward_time", 1e-3), adam, commit="a" * 40)
    for operators, commit in ((3, "b"), (3, "c"), (4, "d")):
        made.run(
            *kernels(), row("forward_time", 1e-3), row("operators", operators, unit="1"), check, commit=commit * 40
        )
    made.run(trained(1, 0.9), trained(2, 0.95))
    for seeds in (2, 3):
        experiment = made_up.experiment(seeds=seeds, epochs=2, tuned=False, diverged="")
        stored = made.run(*experiment_rows(experiment))
        assert stored
    return made


@pytest.fixture(scope="module")
def site(past):
    folder = past.root / "site"
    answer = reported(past.results, folder, "--json", "--runs", "4")
    assert answer.return_value == 0
    pages = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.html")}
    assert sorted(json.loads(answer.stdout)["pages"]) == sorted(pages)
    return pages


def test_there_is_a_page_for_everything(site):
    assert {"index.html", "history.html", "components/activations.relu.html", f"components/{TASK}.html"} <= set(site)
    assert len([name for name in site if name.startswith("runs/")]) == 4
    assert len([name for name in site if name.startswith("comparisons/")]) == 1  # that of the last time


def test_every_link_leads_to_a_page(site):
    for name, page in site.items():
        for link in LINK.findall(page):
            if not link.startswith("data:"):
                target = (Path("/") / Path(name).parent / link).as_posix()
                parts = []
                for part in Path(target).parts[1:]:
                    parts = parts[:-1] if part == ".." else [*parts, part]
                assert "/".join(parts) in site, f"{link} in {name}"


def test_every_page_leads_home_and_home_leads_to_every_page(site):
    assert all("../index.html" in LINK.findall(page) for name, page in site.items() if "/" in name)
    assert set(site) - {"index.html"} <= set(LINK.findall(site["index.html"]))


def test_no_page_needs_a_network(site):
    for name, page in site.items():
        assert "default-src 'none'" in page, name
        assert not re.search(r'(src|href)="(https?:)?//', page), name


def test_the_index_tells_the_verdict_of_the_comparison(site):
    assert "1 number got worse" in site["index.html"]
    assert "optimizers, architectures.mnist_mlp on mnist" in site["index.html"]
    assert "4 contenders, 3 seeds, 2 epochs" in site["index.html"]


def test_what_a_component_is_told_of_comes_from_its_newest_runs(site, past):
    linear = site["components/layers.linear.html"]
    assert past.runs[3] in linear
    assert past.runs[0] not in linear.partition("Where this comes from")[2]
    assert "accuracy by epoch" in site[f"components/{TASK}.html"]


def test_a_contender_links_to_the_comparison_that_it_took_part_in(site):
    (comparison,) = [name for name in site if name.startswith("comparisons/")]
    for name in ("optimizers.adam", TASK):
        assert f"../{comparison}" in LINK.findall(site[f"components/{name}.html"])
    assert f"../{comparison}" not in LINK.findall(site["components/layers.linear.html"])


def test_a_run_of_trials_leads_to_their_comparison(site, past):
    (comparison,) = [name for name in site if name.startswith("comparisons/")]
    assert f"../{comparison}" in LINK.findall(site[f"runs/{past.runs[-1]}.html"])
    assert f"../{comparison}" not in LINK.findall(site[f"runs/{past.runs[3]}.html"])


def test_contenders_that_nothing_else_is_stored_of_have_pages_too(site):
    page = site["components/optimizers.sgd.html"]
    assert "as sgd: " in page
    assert "41 checks passed" in page


def test_the_trials_of_a_comparison_are_drawn_in_their_run(site, past):
    page = site[f"runs/{past.runs[-1]}.html"]
    assert "mnist, adam: accuracy by epoch" in page
    assert "mnist, adam: confusion matrix" in page
    assert 'id="lines-table"' not in page  # a trial is no line of times


def test_the_same_store_gives_the_same_bytes(site, past):
    folder = past.root / "again"
    reported(past.results, folder, "--runs", "4")
    again = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.html")}
    assert {name: page for name, page in again.items() if name != "index.html"} == {
        name: page for name, page in site.items() if name != "index.html"
    }
    assert again["index.html"] == site["index.html"].replace("/site ", "/again ")


def test_an_empty_folder_has_a_site_that_says_so(tmp_path):
    answer = reported(tmp_path / "nothing", tmp_path / "site")
    assert answer.return_value == 0
    assert "Nothing was measured" in (tmp_path / "site" / "index.html").read_text()


def test_a_site_takes_no_run(tmp_path):
    answer = CliRunner().invoke(command, ["latest~1", "--site", str(tmp_path)])
    assert answer.exit_code == 2
    assert "--site is of all that is stored" in answer.output


def test_a_folder_that_cannot_be_written_is_told(past, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "runs").write_text("in the way")
    answer = CliRunner().invoke(command, ["--site", str(tmp_path / "site"), "--results", str(past.results)])
    assert "Name another folder with --site" in str(answer.exception)


def test_hostile_components_stay_text_and_inside_the_folder(tmp_path):
    past, hostile = Past(tmp_path / "past"), '../../evil"><script>alert(1)</script>'
    names = (hostile, hostile, hostile)
    past.run(row("forward_time", 1e-3, names=names), row("operators", 3, names=names, unit="1"), command=hostile)
    failed = row("forward_time", names=names, status="failed", note=hostile)
    past.run(row("operators", 4, names=names, unit="1"), failed, command=hostile)
    reported(past.results, tmp_path / "site", "--runs", "1")
    written = [path for path in tmp_path.rglob("*.html") if path.is_file()]
    assert len(written) == 4  # the index, history, one run, one component
    assert all(path.is_relative_to(tmp_path / "site") for path in written)
    for path in written:
        page = path.read_text()
        assert page.count("<script") == 1, path
        assert "alert(1)&lt;/script" in page, path


def test_a_diverged_trial_does_not_stop_the_site(tmp_path):
    past = Past(tmp_path)
    experiment = made_up.experiment(seeds=2, epochs=2, tuned=False)
    past.run(*experiment_rows(replace(experiment, left_out=("Time ran out.",))))
    assert reported(past.results, tmp_path / "site").return_value == 0
