"""Attention, normalization, recurrence and a residual block, wrong as people get them wrong: the battery sees each."""

import pytest
from wrong_attention import RIGHT_ATTENTION, WRONG_ATTENTION
from wrong_normalization import RIGHT_NORMALIZATION, WRONG_NORMALIZATION
from wrong_recurrence import RIGHT_RECURRENCE, WRONG_RECURRENCE
from wrong_versions import failures, right_rows_of, rows_of

from nnbench.model import Status

# Of batches of one, and from torch's own projections.
pytestmark = [
    pytest.mark.filterwarnings("ignore:var.*degrees of freedom"),
    pytest.mark.filterwarnings("ignore:LSTM with projections"),
]

RIGHT = RIGHT_ATTENTION | RIGHT_NORMALIZATION | RIGHT_RECURRENCE
WRONG = WRONG_ATTENTION | WRONG_NORMALIZATION | WRONG_RECURRENCE


@pytest.mark.parametrize(("identifier", "forward"), right_rows_of(RIGHT))
def test_another_right_formulation_passes(identifier, forward):
    assert [(row.check, row.note) for row in failures(identifier, forward)] == []


@pytest.mark.parametrize(("identifier", "forward"), rows_of(WRONG))
def test_what_is_wrong_is_caught(identifier, forward):
    caught = next(failures(identifier, forward), None)
    assert caught is not None
    assert caught.status == "failed"
    assert caught.cause in ("", Status.WRONG), f"it should give a wrong answer, and {caught.note}"
