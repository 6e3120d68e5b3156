"""Ctrl-C and SIGTERM, from the first import to the last line."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "nnbench", "compare", "optimizers"]
# Stands for a library whose import takes long: amid it the signal comes, and it makes of exceptions what it likes.
AMID_IMPORTS = """
import os, signal

try:
    os.kill(os.getpid(), signal.{name})
except BaseException:
    pass
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_amid_the_imports_it_ends_at_once_in_one_line(tmp_path, name):
    (tmp_path / "duckdb.py").write_text(AMID_IMPORTS.format(name=name))
    done = ended(COMMAND, tmp_path)
    assert (done.returncode, done.stderr) == (130, "nnbench: interrupted\n")


def ended(command, folder, **more):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(Path.cwd())])}
    heard = {"preexec_fn": lambda: signal.signal(signal.SIGINT, more.get("at_first", signal.SIG_DFL))}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, **heard)


def test_who_was_started_deaf_to_it_stays_so(tmp_path):
    (tmp_path / "duckdb.py").write_text(AMID_IMPORTS.format(name="SIGINT") + "raise ImportError('nobody left')")
    done = ended(COMMAND, tmp_path, at_first=signal.SIG_IGN)
    assert "nobody left" in done.stderr


TWICE = """
import os, signal
from nnbench.cli import interruption

interruption.leaves()
interruption.raised()
try:
    os.kill(os.getpid(), signal.SIGTERM)
except KeyboardInterrupt:
    print("putting away", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
print("never said")
"""


def test_asked_once_it_puts_away_what_was_begun_and_asked_twice_it_leaves(tmp_path):
    done = ended([sys.executable, "-c", TWICE], tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "putting away\n", "nnbench: interrupted\n")


def test_the_command_line_hears_it_before_anything_that_takes_long_is_imported(tmp_path):
    code = "import sys, nnbench.cli; print(sorted({'click', 'numpy', 'rich', 'dataclasses'} & sys.modules.keys()))"
    assert ended([sys.executable, "-c", code], tmp_path).stdout == "[]\n"
