"""The tables of ``nnbench check`` on a terminal: they fit it, and every sign is explained below."""

import io
import re

import pytest
from rich.console import Console

from nnbench.cli.check_table import print_table
from nnbench.model import Check, CheckStatus, Status
from nnbench.report.correctness import fold

CHECKS = [f"check_number_{number}" for number in range(1, 61)]


def printed(rows, width=160, colours=False):
    text = io.StringIO()
    system = "standard" if colours else None
    print_table(fold(rows), Console(file=text, width=width, force_terminal=colours, color_system=system))
    return text.getvalue()


def row(status=CheckStatus.PASSED, check="mode", variant="torch", component="layers.linear", **facts):
    return Check(component, variant, "4x3", check, status, **facts)


def catalogue(components=12):
    """Many components, each with checks of its own among sixty, and one end of each kind."""
    rows = [row(check=check, component=f"suite.component_number_{number}", variant=variant)
            for number in range(components) for variant in ("reference", "torch")
            for check in CHECKS[number : number + 12]]  # fmt: skip
    ends = [
        row(status, "check_number_1", variant, note="why") for variant, status in zip("abcde", CheckStatus, strict=True)
    ]
    return rows + ends


@pytest.mark.parametrize("width", [100, 120, 140, 160])
@pytest.mark.parametrize("components", [12, 48])
def test_many_components_fit_the_terminal(width, components):
    table = printed(catalogue(components), width).partition("\n\n")[0].splitlines()
    assert max(map(len, table)) <= width
    lines = [line for line in table if line.partition(" ")[0].endswith("_3@torch")]
    assert [line.count("✓") for line in lines] == [12]


def test_signs_stand_below_the_number_of_their_check():
    text = printed(catalogue()).splitlines()
    legend = dict(re.findall(r"(\d+) (check_number_\d+)", "\n".join(text)))
    assert len(legend) == 23
    assert all(name == f"check_number_{number}" for number, name in legend.items())
    (line,) = (line for line in text if "suite.component_number_3@torch" in line)
    columns = enumerate(zip(*text[:2], strict=False))
    numbers = [int("".join(pair)) for place, pair in columns if line[place : place + 1] == "✓"]
    assert numbers == list(range(4, 16))


def test_each_end_has_its_sign_and_the_legend_names_it():
    text = printed(catalogue())
    signs = [re.search(rf"layers.linear@{variant} +(\S)", text)[1] for variant in "abcde"]
    assert len(set(signs)) == 5
    for sign, word in zip(signs, ("passed", "failed", "mistrusted", "does not apply", "expected"), strict=True):
        assert f"{sign} {word}" in text


def test_colours_only_on_a_terminal():
    assert "\x1b[32m✓" in printed(catalogue(), colours=True)
    assert "\x1b" not in printed(catalogue())


def test_counts_stand_beside_the_signs_where_there_is_room():
    wide, narrow = (printed(catalogue(), width) for width in (160, 76))
    assert re.search(r"suite.component_number_3@torch .*✓ +12$", wide, re.MULTILINE)
    assert not re.search(r"suite.component_number_3@torch .* 12$", narrow, re.MULTILINE)


def test_long_names_give_way_in_the_middle():
    rows = [row(component=f"suite.{'long' * 30}_{name}", check=check) for name in "ab" for check in CHECKS]
    text = printed(rows, 100)
    assert re.search(r"^suite\.long\w*…\w*_b@torch", text, re.MULTILINE)


SINGLE = [
    row(variant="reference", check="forward", error=2.1e-16, allowance=1.8e-15),
    row(check="forward", error=0.5, allowance=1e-6, status=CheckStatus.FAILED),
    row(variant="reference", check="mode"),
    row(CheckStatus.SKIPPED, note="a function has no mode"),
    row(CheckStatus.SKIPPED, "saved_state", note="a function has no mode"),
    row(CheckStatus.SKIPPED, "forward", "keras", note="no Keras", cause=Status.SKIPPED),
]


def test_one_component_shows_errors_beside_their_allowances():
    lines = [re.split(r"\s{2,}", line) for line in printed(SINGLE).splitlines()]
    assert lines[0] == ["layers.linear", "reference", "torch", "keras"]
    assert lines[1] == ["forward", "✓ 2.1e-16 of 1.8e-15", "✗ 0.5 of 1e-06", "skipped whole"]
    assert lines[2] == ["mode", "✓ passed", "· does not apply"]


def test_one_component_says_below_what_does_not_apply_and_why():
    assert "\nmode, saved_state do not apply to torch: a function has no mode\n" in printed(SINGLE)
    rows = [*SINGLE, row(CheckStatus.SKIPPED, variant="reference", note="too large")]
    assert "\nmode does not apply to reference in some cases: too large\n" in printed(rows)


def test_one_component_with_many_variants_becomes_a_matrix():
    rows = [row(variant=f"variant_{number}", error=1.5e-9, allowance=1e-8) for number in range(12)]
    assert re.search(r"layers.linear@variant_7 +✓", printed(rows, 100))


def test_reasons_that_many_share_are_counted():
    rows = [row(CheckStatus.SKIPPED, variant=variant, component=f"a.{name}", note="no mode")
            for name in "bc" for variant in ("reference", "torch")]  # fmt: skip
    assert "mode does not apply to 4 variants: no mode" in printed(rows)
    assert "mode does not apply to a.b@reference, a.c@reference: no mode" in printed(rows[::2])


def test_nothing_but_what_was_skipped_whole():
    rows = [row(CheckStatus.SKIPPED, variant="keras", component=f"a.{name}", note="no Keras", cause=Status.SKIPPED)
            for name in "bc"]  # fmt: skip
    assert "a.b@keras  skipped whole" in printed(rows)
    assert "a.b@keras  skipped whole" in printed(rows[:1])


def test_no_rows_are_no_error():
    assert printed([]).strip() == "blank: not asked, as its kind has no such check or it gave no answer"
