"""The Markdown table of a run and its place in a text."""

import pytest
from sample_runs import HOSTILE, checked, ended, run_of, timed

from nnbench.errors import NnbenchError
from nnbench.model import CheckStatus, Measurement, Status
from nnbench.report import markdown_table, splice

GOLDEN = """\
| component | case | variant | forward | backward | memory | speed relative to torch |
| --- | --- | --- | ---: | ---: | ---: | ---: |
| `layers.linear` | `32x784` | `reference` | 1.00 ms | 2.00 ms | 3.00 MiB | 2.00x (1.91 to 2.09) |
| `layers.linear` | `32x784` | `torch` | 2.00 ms | 4.00 ms |  | 1 |
| `layers.linear` | `32x784` | `compiled` | 2.00 ms | 4.00 ms |  | 1.00x (0.95 to 1.05), tie |

Skipped, 1: cannot be imported"""


def both(variant, seconds, **where):
    return [
        *timed(variant, seconds, spread=0, **where),
        *timed(variant, 2 * seconds, mode="backward", spread=0, **where),
    ]


def everything(_line):
    return True


def test_the_table_is_as_it_was():
    memory = Measurement("layers.linear", "reference", "32x784", "peak_memory", "B", (3.0 * 2**20,))
    rows = [*both("reference", 1e-3), memory, *both("torch", 2e-3), *both("compiled", 2e-3)]
    run = run_of(*rows, ended(Status.SKIPPED, "cannot be imported", "keras"), checked(CheckStatus.PASSED))
    assert markdown_table(run, everything) == GOLDEN


def test_only_what_is_kept_is_shown_but_torch_still_measures_it():
    table = markdown_table(run_of(*both("reference", 1e-3), *both("torch", 2e-3)), lambda line: line.variant != "torch")
    assert len(table.splitlines()) == 3
    assert "2.00x" in table


def test_steps_get_a_column_where_there_are_any():
    optimizer = timed("torch", 1e-3, component="optimizers.sgd", mode="step")
    head = markdown_table(run_of(*both("torch", 1e-3), *optimizer), everything).splitlines()[0]
    assert head == "| component | case | variant | forward | backward | step | memory | speed relative to torch |"


def test_an_empty_table_has_its_head():
    assert markdown_table(run_of(), everything).startswith("| component | case | variant | forward | backward | memory")


def test_hostile_text_breaks_neither_table_nor_page():
    run = run_of(*both(HOSTILE, 1e-3, component=HOSTILE), ended(Status.FAILED, HOSTILE * 9, "keras", HOSTILE))
    table = markdown_table(run, everything)
    assert [line.count("|") for line in table.splitlines()] == [8, 8, 8, 8]
    assert "<script" not in table
    assert "http://" not in table


def test_the_table_takes_the_place_between_its_markers():
    text = "before\n<!-- nnbench:layers -->\nold\nolder\n<!-- /nnbench:layers -->\nafter\n"
    assert splice(text, "layers", "| new \\1 |") == (
        "before\n<!-- nnbench:layers -->\n| new \\1 |\n<!-- /nnbench:layers -->\nafter\n"
    )


def test_splicing_twice_changes_nothing_more():
    once = splice("<!-- nnbench:a --><!-- /nnbench:a -->", "a", "| x |")
    assert splice(once, "a", "| x |") == once


def test_other_markers_are_left_alone():
    text = "<!-- nnbench:a -->1<!-- /nnbench:a --><!-- nnbench:b -->2<!-- /nnbench:b -->"
    assert "1<!-- /nnbench:a -->" in splice(text, "b", "new")


@pytest.mark.parametrize(
    "text", ["", "<!-- nnbench:a -->", "<!-- /nnbench:a --><!-- nnbench:a -->", "<!-- nnbench:b --><!-- /nnbench:b -->"]
)
def test_missing_markers_are_explained(text):
    with pytest.raises(NnbenchError, match="<!-- nnbench:a -->"):
        splice(text, "a", "| x |")
