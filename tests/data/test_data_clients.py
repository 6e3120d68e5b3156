"""Running a client: its progress, its words when it fails, its end when nothing arrives or somebody gives up."""

import itertools
import os
import sys

import pytest

from nnbench.data import clients
from nnbench.data.clients import Progress, SourceFailed

WAIT = "import signal, os, pathlib; pathlib.Path('pid').write_text(str(os.getpid())); signal.pause()"


def python(script):
    return [sys.executable, "-c", script]


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_progress_is_the_growth_of_the_files_and_never_more_than_all(tmp_path):
    heard = []
    script = "open('a.tgz', 'wb').write(bytes(300)); open('note', 'wb').write(bytes(50))"
    clients.run(python(script), Progress(tmp_path, "*.tgz", 200, lambda *told: heard.append(told)))
    assert heard[-1] == (200, 200, "downloading")
    assert clients.grown(tmp_path) == 350


def test_a_failing_client_is_quoted(tmp_path):
    progress = Progress(tmp_path, "*", None, lambda *told: None)
    with pytest.raises(SourceFailed, match=r"failed: E: Unable to locate package x$"):
        clients.run(python("import sys; print('Reading'); sys.exit('E: Unable to locate package x')"), progress)


def test_a_client_that_brings_nothing_is_ended(tmp_path):
    clock = itertools.count(0, 40).__next__  # each look at it shows 40 seconds more
    with pytest.raises(SourceFailed, match="nothing arrived for 60 seconds"):
        clients.run(python(WAIT), Progress(tmp_path, "*", None, lambda *told: None), 60, clock)
    assert not (tmp_path / "pid").exists() or not is_running(int((tmp_path / "pid").read_text()))


def test_ctrl_c_ends_the_client(tmp_path):
    pids = []

    def press_when_started(*told):
        if (tmp_path / "pid").exists() and (text := (tmp_path / "pid").read_text()):
            pids.append(int(text))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clients.run(python(WAIT), Progress(tmp_path, "*", None, press_when_started))
    assert not is_running(pids[0])


def test_a_missing_program_is_an_understandable_reason():
    with pytest.raises(SourceFailed, match="the program no-such-client is not installed"):
        clients.require(sys.executable, "no-such-client")


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("", "it said nothing"),
        ("first\nlast\n", "last"),
        ("npm error code E404\nnpm error 404 Not Found\nnotice\n", "code E404; 404 Not Found"),
        ("10%|#  |\r100%|###|\nRuntimeError: no\nRuntimeError: no\n", "RuntimeError: no"),
    ],
)
def test_the_telling_lines_are_kept(output, said):
    assert clients.complaint(output) == said


def test_a_long_complaint_is_shortened():
    assert len(clients.complaint("error " + "x" * 1000)) == 300
