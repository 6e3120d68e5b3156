"""The pytest plugin, on a small suite in a folder of its own, by pytest itself."""

import json

import pytest
import torch._dynamo  # noqa: F401  pytester forgets what was imported inside, and this cannot be imported twice

import nnbench.measure.all  # noqa: F401
from nnbench.doors.pytest_stored import MOST_VALUES, thinned
from nnbench.doors.pytest_timed import _rounds
from nnbench.history import find_run

TOY = """
import torch
from nnbench import Suite, Variant, case, randn

suite = Suite("toy")


def double(x):
    return x + x


suite.component(
    "double",
    reference=double,
    variants={
        "torch": lambda x: torch.mul(x, 2),
        "wrong": lambda x: 2.1 * x,
        "documented": Variant("documented", lambda x: 3 * x, erratum="E07"),
        "absent": "no_such_package:double",
    },
    cases=[case(randn(4, 8))],
)
suite.component("sgd", kind="optimizer", reference=torch.optim.SGD, cases=[case(randn(8), lr=0.1)])
"""
# The part of the fixture that pytest-codspeed and pytest-benchmark have in common.
CODSPEED = """
import pytest


class Benchmark:
    def __call__(self, target, *args, **kwargs):
        print("called", target(*args, **kwargs) is not None)

    def pedantic(self, target, *, teardown, rounds, iterations):
        for _ in range(rounds):
            for _ in range(iterations):
                target()
            teardown()
        print("stepped", rounds, iterations)


@pytest.fixture
def benchmark():
    return Benchmark()


def pytest_configure(config):
    config.addinivalue_line("markers", "benchmark: of the stand-in")
"""


@pytest.fixture
def project(pytester, monkeypatch):
    """A folder with a suite and a test, and no trace of the session that this test runs in."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.delenv("NNBENCH_RESULTS", raising=False)
    pytester.makeini("[pytest]\naddopts = --strict-markers --strict-config -p no:cacheprovider\n")
    pytester.makepyfile(toy=TOY, test_of_the_project="def test_something():\n    pass\n")
    return pytester


def of_toy(project, *arguments):
    """Benchmarks of the suite, quick ones, of what needs no check."""
    quick = ("--benchmark-max-time=0.002", "--benchmark-min-rounds=1", "--nnbench-checks=none")
    return project.runpytest("--nnbench-suite=toy.py", *quick, *arguments)


def names(result):
    return [line.partition("::")[2] for line in result.outlines if line.startswith("toy.py::")]


def test_there_is_a_benchmark_for_each_variant_case_and_mode(project):
    variants = ("reference", "torch", "wrong", "documented", "absent")
    both = [f"{mode}[toy.double@{variant}-4x8]" for variant in variants for mode in ("forward", "backward")]
    assert names(of_toy(project, "--collect-only", "-q")) == [*both, "step[toy.sgd@reference-8,lr=0.1]"]


@pytest.mark.parametrize(
    ("selection", "kept"),
    [
        (["-k", "double and torch"], ["forward[toy.double@torch-4x8]", "backward[toy.double@torch-4x8]"]),
        (["-m", "toy and step"], ["step[toy.sgd@reference-8,lr=0.1]"]),
        (["-m", "optimizer"], ["step[toy.sgd@reference-8,lr=0.1]"]),
        (["toy.py::backward[toy.double@torch-4x8]"], ["backward[toy.double@torch-4x8]"]),
    ],
    ids=["-k", "mode", "kind", "name"],
)
def test_they_are_selected_as_tests_are(project, selection, kept):
    assert names(of_toy(project, "--collect-only", "-q", *selection)) == kept


def test_what_is_wrong_fails_and_errata_are_skipped(project):
    result = project.runpytest("--nnbench-suite=toy.py", "--benchmark-only", "-k", "forward", "-rs", "-v")
    result.assert_outcomes(passed=2, failed=1, skipped=2, deselected=7)
    result.stdout.fnmatch_lines(["*toy.double@wrong*forward_float64 failed: off by*", "  repeat: nnbench check*"])
    result.stdout.fnmatch_lines(["*E07 shows here*"])
    result.stdout.fnmatch_lines(["*no_such_package*"])
    result.stdout.no_fnmatch_line("*PytestBenchmarkWarning*")
    run = find_run(project.path / "results", "latest")
    assert {row.variant for row in run.measurements if row.metric == "forward_time" and row.status == "ok"} == {
        "reference",
        "torch",
    }
    (wrong,) = [row for row in run.measurements if row.status == "wrong"]
    assert (wrong.component, wrong.variant) == ("toy.double", "wrong")


def test_times_become_a_run_of_the_history(project):
    of_toy(project, "-k", "torch or sgd", "--benchmark-json=out.json").assert_outcomes(passed=3, deselected=9)
    run = find_run(project.path / "results", "latest")
    assert run.ended == "complete"
    assert run.command.startswith("pytest --nnbench-suite=toy.py")
    assert run.machine["threads"] == 1
    rows = {(row.component, row.metric): row for row in run.measurements}
    times = {key for key in rows if key[0].startswith("toy.")}
    assert times == {("toy.double", "forward_time"), ("toy.double", "backward_time"), ("toy.sgd", "step_time")}
    for key in times:
        row = rows[key]
        assert (row.unit, row.round, row.status) == ("s", 0, "ok")
        assert all(value >= 0 for value in row.values)
        assert row.values
        assert row.context["tool"].startswith("pytest-benchmark ")
        assert row.context["calibration"].keys() == {"matrix_product", "copy"}
    assert ("calibration.copy", "calibration_time") in rows
    assert ("calibration.run", "noise_floor") in rows
    stored = json.loads((project.path / "out.json").read_text())["benchmarks"]
    assert [row["name"] for row in stored] == [
        "forward[toy.double@torch-4x8]",
        "backward[toy.double@torch-4x8]",
        "step[toy.sgd@reference-8,lr=0.1]",
    ]
    assert {row["extra_info"]["nnbench"]["spec"] for row in stored} == {row.spec for row in map(rows.get, times)}
    assert not [row for row in stored if "data" in row["stats"]]


def test_no_run_is_kept_unless_wanted_and_samples_are_kept_on_request(project):
    of_toy(project, "-k", "torch", "--no-nnbench-results", "--benchmark-save-data", "--benchmark-json=out.json")
    assert not (project.path / "results").exists()
    stored = json.loads((project.path / "out.json").read_text())["benchmarks"]
    assert all(row["stats"]["data"] for row in stored)


def test_results_that_cannot_be_written_end_the_session(project):
    (project.path / "occupied").write_text("a file where a folder is wanted")
    result = of_toy(project, "--nnbench-results=occupied", "-k", "torch")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*cannot write results to*occupied*--nnbench-results*"])


@pytest.mark.parametrize("arguments", [["--benchmark-only"], ["--benchmark-only", "."]], ids=["all", "a folder"])
def test_suites_of_the_project_are_timed_when_benchmarks_alone_are_asked_for(project, arguments):
    project.makepyprojecttoml('[tool.nnbench]\nsuites = ["toy.py"]\n')
    (project.path / "tox.ini").unlink()
    result = project.runpytest(*arguments, "--collect-only", "-q")
    assert len(names(result)) == 11
    result.assert_outcomes(deselected=1)
    plain = project.runpytest("--collect-only", "-q")
    assert (names(plain), plain.parseoutcomes()) == ([], {"test": 1})


def test_a_suite_that_cannot_be_imported_is_a_collection_error(project):
    project.makepyfile(broken="import no_such_package_of_mine\n")
    result = project.runpytest("--nnbench-suite=broken.py")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*suite broken.py:*broken.py:1: ModuleNotFoundError: *no_such_package_of_mine*"])


@pytest.mark.parametrize("name", ["nonesuch.py", "no_such_module_of_mine"])
def test_a_suite_that_does_not_exist_is_told(project, name):
    result = project.runpytest(f"--nnbench-suite={name}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --nnbench-suite names {name}, but there is no *"])


def test_without_pytest_benchmark_it_says_what_to_install(project):
    result = project.runpytest("-p", "no:benchmark", "--nnbench-suite=toy.py")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*pip install pytest-benchmark*"])


def test_beside_xdist_nothing_is_timed_and_one_line_says_so(project):
    result = of_toy(project, "--benchmark-only", "-n1")
    result.assert_outcomes(passed=7, skipped=4)  # errata and what is not installed; the project's test is left out
    assert len([line for line in result.outlines if line.startswith("nnbench: no times beside pytest-xdist")]) == 1
    assert not (project.path / "results").exists()


def test_another_fixture_of_the_same_name_is_asked_for_no_more_than_both_have(project):
    package = project.mkpydir("pytest_codspeed")
    (package / "plugin.py").write_text(CODSPEED)
    project.syspathinsert()
    plugins = ("-p", "no:benchmark", "-p", "no:xdist", "-p", "pytest_codspeed.plugin")
    arguments = ("--nnbench-suite=toy.py", "--nnbench-checks=none", "-k", "torch or sgd", "-rP")
    result = project.runpytest(*plugins, *arguments)
    result.assert_outcomes(passed=3, deselected=9)
    assert result.outlines.count("called True") == 2
    result.stdout.fnmatch_lines(["stepped 5 1"])


def test_other_projects_do_not_notice_it(pytester, monkeypatch):
    """No module of torch or of a columnar store is imported for a test of a project that has no suites."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # it would switch the other pytest's benchmarks off
    heavy = {"torch", "pyarrow", "scipy", "nnbench.doors.pytest_door"}
    pytester.makepyfile(f"import sys\n\n\ndef test_it():\n    assert not {heavy} & set(sys.modules)\n")
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "--benchmark-only").assert_outcomes(skipped=1)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_a_round_is_long_against_the_clock_and_there_are_enough_of_them():
    assert _rounds(1e-5, 0.05) == (100, 50)
    assert _rounds(0.25, 0.05) == (5, 1)
    assert _rounds(0.0, 0.05) == (5, 1)


def test_samples_are_thinned_from_the_first_to_the_last():
    assert thinned([3.0, 1.0]) == (3.0, 1.0)
    many = thinned(list(range(10 * MOST_VALUES)))
    assert len(many) == MOST_VALUES
    assert (many[0], many[-1]) == (0.0, 10 * MOST_VALUES - 10)
