"""What disturbs its process fails with its reason, and its neighbours are measured as if it were not there."""

import pandas
import pytest

from nnbench.store import runs_folder

# A few offenders, each between two honest components; all the settings that can be left changed are gone through in
# tests/test_leftovers.py, the ways to end in tests/test_process_faults.py.
HOSTILE = '''
import ctypes
import threading
import time

import torch
from torch import nn
from nnbench import Suite, case, randn

suite = Suite("hostile")


class Honest(nn.Module):
    """A linear map."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 1, 12).reshape(3, 4))

    def forward(self, x):
        assert torch.get_num_threads() == 1
        return x @ self.weight


def changes_dtype():
    torch.set_default_dtype(torch.float64)


def starts_threads():
    threading.Thread(target=rest, daemon=True).start()


def rest():
    while True:
        time.sleep(1000)


def prints_a_gigabyte():
    block = b"y" * 2**20
    for _ in range(1024):
        ctypes.CDLL(None).write(1, block, len(block))


for offence in (changes_dtype, starts_threads, prints_a_gigabyte):
    class Offender(Honest):
        """A linear map."""

        offence = staticmethod(offence)

        def forward(self, x):
            self.offence()
            return super().forward(x)

    suite.component(f"before_{offence.__name__}", reference=Honest, cases=[case(randn(5, 3))])
    suite.component(offence.__name__, reference=Offender, cases=[case(randn(5, 3))])
suite.component("last", reference=Honest, cases=[case(randn(5, 3))])
'''
RESTING = HOSTILE.splitlines().index("        time.sleep(1000)") + 1
TOLD = {
    "changes_dtype": "it changed torch's default dtype from float32 to float64",
    "starts_threads": f"it left a thread running (hostile.py, line {RESTING})",
}


@pytest.fixture(scope="module")
def measured(new_user):
    """A user who has run the hostile suite, and the answer of that run."""
    user = new_user("hostile")
    (user.folder / "hostile.py").write_text(HOSTILE)
    given = [
        "run",
        "hostile",
        "-k",
        "not gigabyte",
        "--suite",
        "hostile.py",
        "--quick",
        "--rounds",
        "1",
        "--timeout",
        "20",
        "--json",
    ]
    return user, user.run(*given)


def rows_of(answer, component):
    return [row for row in answer.rows if row["component"] == f"hostile.{component}"]


@pytest.mark.parametrize("offender", TOLD)
def test_the_offenders_row_fails_with_the_reason(measured, offender):
    (row,) = rows_of(measured[1], offender)
    assert (row["status"], row["values"]) == ("failed", [])
    assert TOLD[offender] in row["note"]


def test_every_neighbour_is_measured_as_without_offenders(measured):
    """Those after an offender have the rows and the exact numbers of the first, which none stood before."""
    honest = [*(f"before_{offender}" for offender in TOLD), "last"]
    exact = {}
    for component in honest:
        rows = rows_of(measured[1], component)
        assert {row["status"] for row in rows} == {"ok"}
        assert all(row["values"] for row in rows)
        assert {row["context"]["threads"] for row in rows} == {1}
        inexact = ("_time", "memory")
        exact[component] = {row["metric"]: row["values"] for row in rows if not row["metric"].endswith(inexact)}
    assert exact[honest[0]]["parameters"] == [12.0]
    assert exact[honest[0]]["flops"]
    assert all(one == exact[honest[0]] for one in exact.values())


def test_nothing_is_lost_and_what_went_wrong_is_in_the_exit_code(measured):
    user, answer = measured
    assert answer.code == 1
    assert "Traceback" not in answer.err
    table = pandas.read_parquet(runs_folder(user.folder / "results"))
    assert set(table["component"]) >= {row["component"] for row in answer.rows}


def test_check_goes_on_after_a_gigabyte_of_output(measured):
    given = [
        "check",
        "hostile.prints_a_gigabyte",
        "hostile.last",
        "--suite",
        "hostile.py",
        "--jobs",
        "1",
        "--seed",
        "1",
    ]
    answer = measured[0].run(*given, "--json")
    assert answer.code == 1
    bad = [row for row in answer.rows if row["status"] != "passed" and row["component"] != "hostile.last"]
    assert [(row["check"], row["status"], row["note"]) for row in bad] == [
        ("completed", "failed", "it printed more than 256 MiB")
    ]
    assert {row["status"] for row in answer.rows if row["component"] == "hostile.last"} == {"passed", "skipped"}
