"""How `nnbench diff` prints exact counters."""

from click.testing import CliRunner

from nnbench import store
from nnbench.cli.diff import command
from nnbench.cli.run_table import print_lines
from nnbench.model import Measurement, Run
from nnbench.tables import lines

FIRST, SECOND = "20260101T000000Z-000001", "20260101T000000Z-000002"


def stored(results, name, metric, value, **by_operator):
    context = {"by_operator": by_operator} if by_operator else {}
    run = Run(name, "2026-01-01T00:00:00+00:00", "nnbench run", "", False, {"id": "one", "threads": 1})
    with store.Journal(results, run) as journal:
        journal.add(Measurement("mine.norm", "torch", "small", metric, "1", (float(value),), context=context))


def diff(results):
    answer = CliRunner().invoke(command, [FIRST, SECOND, "--results", str(results)], standalone_mode=False)
    return answer.return_value, " ".join(answer.output.split())


def test_what_three_digits_hide_is_written_out_with_the_operators(tmp_path):
    stored(tmp_path, FIRST, "flops", 1_000_000, mm=1_000_000)
    stored(tmp_path, SECOND, "flops", 1_000_002, mm=1_000_002)
    code, out = diff(tmp_path)
    assert code == 1
    assert "flops 1,000,000 1,000,002 1.000 worse mm 1,000,002 instead of 1,000,000" in out


def test_other_operators_of_the_same_number_are_shown_and_are_no_fault(tmp_path):
    stored(tmp_path, FIRST, "operators", 3, mm=2, add=1)
    stored(tmp_path, SECOND, "operators", 3, mm=2, mul=1)
    code, out = diff(tmp_path)
    assert code == 0
    assert "operators 3 3 1.000 changed add gone, mul new (1)" in out


def test_flops_of_a_run_from_before_they_were_of_the_whole_are_no_fault(tmp_path):
    stored(tmp_path, FIRST, "flops", 100)
    stored(tmp_path, SECOND, "flops", 300, mm=300)
    code, out = diff(tmp_path)
    assert code == 0
    assert "1 undecided" in out


def test_runs_with_nothing_in_common_are_no_pass(tmp_path):
    for name, component in ((FIRST, "mine.norm"), (SECOND, "mine.other")):
        run = Run(name, "2026-01-01T00:00:00+00:00", "nnbench run", "", False, {"id": "one", "threads": 1})
        with store.Journal(tmp_path, run) as journal:
            journal.add(Measurement(component, "torch", "small", "flops", "1", (1.0,)))
    code, out = diff(tmp_path)
    assert code == 3
    assert "nothing was compared" in out


def test_counted_instructions_stand_in_the_table_of_a_run(capsys):
    rows = [Measurement("mine.norm", "torch", "small", "instructions", "1", (268_700.0,))]
    print_lines(lines(rows))
    assert "instructions" in (told := capsys.readouterr().out)
    assert "269" in told
