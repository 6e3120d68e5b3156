"""The report's column that says how far from the machine's limit a component is; runs without ceilings have none."""

from sample_runs import MACHINE, run_of, timed

from nnbench.model import Measurement, Status
from nnbench.report import run_page
from nnbench.report.grids import LIMIT, NOTHING, lines_grid, machine_grid
from nnbench.report.verdicts import judged
from nnbench.roofline import shares

CEILINGS = {"1": {"arithmetic": {"float32": 100e9}, "moving": [[8192, 100e9], [2**28, 10e9]]}}
WITH_CEILINGS = MACHINE | {"ceilings": CEILINGS}


def counted(variant, flops):
    return Measurement("layers.linear", variant, "32x784", "flops", "1", (float(flops),))


def limit_cells(run):
    found = judged(run)
    grid = lines_grid(found, limits=shares(found, run.machine))
    place = [column.title for column in grid.columns].index(LIMIT) - 1  # the first column is the row's header
    return [row.cells[place] for group in grid.groups for row in group.rows]


def test_each_line_tells_its_share_and_the_nearer_ceiling():
    rows = [*timed("torch", 0.02), *timed("reference", 0.05), *timed("keras", 0.1)]
    run = run_of(*rows, counted("torch", 10**9), counted("reference", 10**9), machine=WITH_CEILINGS)
    first, second, third = limit_cells(run)
    assert (first.detail, second.detail, third) == ("arithmetic", "arithmetic", NOTHING)
    assert 0.45 < first.value < 0.5
    assert first.text.endswith(" %")
    assert "Of the limit</strong>" in run_page(run)


def test_a_run_without_ceilings_has_no_such_column():
    run = run_of(*timed("torch", 0.02), counted("torch", 10**9))
    assert LIMIT not in [column.title for column in lines_grid(judged(run), limits={}).columns]
    assert "Of the limit" not in run_page(run)


def test_an_impossible_time_is_told_as_a_failure():
    run = run_of(*timed("torch", 1e-4), counted("torch", 10**9), machine=WITH_CEILINGS)
    (line,) = judged(run)
    assert line.status == Status.FAILED
    assert "faster than this machine can be: a measuring error" in run_page(run)


def test_ceilings_are_no_fact_of_one_line():
    run = run_of(*timed("torch", 0.02), machine=WITH_CEILINGS)
    assert machine_grid(run) == machine_grid(run_of(*timed("torch", 0.02)))
