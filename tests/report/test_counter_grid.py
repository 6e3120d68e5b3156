"""The report's table of exact counters."""

from nnbench.report.counter_grid import counter_grid
from nnbench.tables import Line


def line(variant, **counters):
    return Line("layers.linear", "small", variant, counters=counters)


def test_there_is_a_column_for_each_counter_that_was_taken_and_is_not_shown_elsewhere():
    grid = counter_grid([line("reference", operators=12, peak_live_bytes=2048, flops=9), line("torch", operators=3)])
    assert [column.title for column in grid.columns] == [
        "Variant and case",
        "Peak of live tensors",
        "Operators dispatched",
    ]
    (group,) = grid.groups
    assert [[cell.text for cell in row.cells] for row in group.rows] == [["2.00 KiB", "12"], ["–", "3"]]
    assert group.title == "layers.linear"


def test_lines_without_counters_have_no_row():
    (group,) = counter_grid([line("reference", operators=12), line("torch")]).groups
    assert [row.header.text for row in group.rows] == ["reference"]


def test_runs_that_counted_nothing_more_have_no_such_table():
    assert counter_grid([line("reference", flops=1, parameters=2)]) is None
    assert counter_grid([]) is None
