"""docs/correctness.md: every check that a component is asked stands there."""

import re
from pathlib import Path

from nnbench import components
from nnbench.checks.battery import checkers

PAGE = (Path(__file__).parent.parent / "docs" / "correctness.md").read_text()


def test_every_check_is_explained():
    asked = {name for one in components() for case in one.cases for name in checkers(one, case)}
    missing = [name for name in sorted(asked) if f"`{name}`" not in PAGE]
    assert missing == []


def test_no_check_is_explained_that_is_not_made():
    asked = {name for one in components() for case in one.cases for name in checkers(one, case)}
    first_cells = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    named = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert named <= asked
    assert len(named) > 40
