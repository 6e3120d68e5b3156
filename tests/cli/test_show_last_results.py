"""``nnbench show``: beside the last numbers stands why newer runs have none."""

import pytest

from nnbench.cli.show import print_vain
from nnbench.history import Vain

SKIPPED, CRASHED = Vain("r3", "skipped", "no data"), Vain("r2", "crashed", "")


@pytest.mark.parametrize(
    ("newer", "said"),
    [
        ((), ""),
        ((SKIPPED,), "\nNewer, but without a number: run r3, skipped: no data\n"),
        ((CRASHED, SKIPPED), "\nNewer, but without a number: run r2, crashed (and 1 more)\n"),
    ],
)
def test_newer_runs_without_a_number_are_told(capsys, newer, said):
    print_vain(newer)
    assert capsys.readouterr().out == said
