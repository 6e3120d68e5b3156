"""A worker that floods, closes, forges or copies what it answers on: small stand-ins for it, without torch."""

import sys

import pytest

from nnbench.model import Status
from nnbench.processes import process
from nnbench.processes.process import Launcher, Limits, WorkerEnded, WorkerProcess

# Does each job by running its text, as a worker runs a component's code.
STAND_IN = """
import ctypes, os, sys
from nnbench.worker.channel import Channel

channel = Channel()
for job in channel.jobs():
    exec(job["do"])
    channel.say({"copied": channel.copied})
    channel.say({"done": True})
"""


@pytest.fixture
def worker():
    one = WorkerProcess(Limits(seconds=20), 1, Launcher(prefix=[sys.executable, "-c", STAND_IN]))
    yield one
    one.close()


def ended(worker, code):
    with pytest.raises(WorkerEnded) as end:
        list(worker.ask({"do": code}))
    assert worker._process.poll() is not None
    return end.value.status, end.value.reason


def fine(worker):
    return list(worker.ask({"do": "pass"})) == [{"copied": False}]


CLOSED = "it closed a file descriptor that is not its own"
FORGED = "it wrote where its answers go"
WITHOUT_STOP = "while True: pass"
WRITE = "  try: os.write(number, text)\n  except OSError: pass"


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("os.closerange(0, 64)", Status.FAILED, CLOSED),
        ("os.closerange(0, 64); again = [open(os.devnull, 'w') for _ in range(64)]", Status.FAILED, CLOSED),
        (f"text = b'rubbish\\n'\nfor number in range(3, 20):\n{WRITE}", Status.FAILED, FORGED),
        ("channel.say({'spoilt': 'it left a mode on'})", Status.FAILED, "it left a mode on"),
        ("os._exit(0)", Status.CRASHED, "its process exited with 0"),
        ("os.kill(os.getpid(), 9)", Status.CRASHED, "its process was ended by SIGKILL (killed)"),
        ("os.killpg(0, 9)", Status.CRASHED, "its process was ended by SIGKILL (killed)"),
        (f"if os.fork():\n  os._exit(5)\n{WITHOUT_STOP}", Status.CRASHED, "its process exited with 5"),
    ],
)
def test_each_end_has_its_reason(worker, code, status, reason):
    assert fine(worker)
    assert ended(worker, code) == (status, reason)


def test_a_worker_that_lives_without_its_channel_is_ended(worker, monkeypatch):
    monkeypatch.setattr(process, "SECONDS_TO_END", 0.01)
    assert ended(worker, f"os.closerange(0, 64)\n{WITHOUT_STOP}") == (Status.FAILED, CLOSED)


LINES = "while True: print('a line' * 1000)"
BLOCKS = "text = b'y' * 2**20\nwhile True: ctypes.CDLL(None).write({}, text, len(text))"


@pytest.mark.parametrize(
    "code", [LINES, BLOCKS.format(1), BLOCKS.format(2)], ids=["print", "stdout in C", "stderr in C"]
)
def test_a_flood_of_output_is_cut_off_and_not_kept(worker, code, monkeypatch):
    monkeypatch.setattr(process, "MOST_PRINTED", 2**24)
    assert ended(worker, code) == (Status.FAILED, "it printed more than 16 MiB")
    assert len(worker._tail) <= process.TAIL


def test_a_flood_of_answers_is_cut_off(worker, monkeypatch):
    monkeypatch.setattr(process, "LONGEST_ANSWER", 2**22)
    status, reason = ended(worker, f"text = b'y' * 2**16\nwhile True:\n for number in range(3, 20):\n{WRITE}")
    assert (status, reason) == (Status.FAILED, "it wrote where its answers go, without end")


def test_what_is_printed_in_one_job_is_not_counted_in_the_next(worker, monkeypatch):
    monkeypatch.setattr(process, "MOST_PRINTED", 2**20)
    for _ in range(3):
        assert list(worker.ask({"do": "sys.stderr.write('y' * 2**19)"}))
    assert fine(worker)


def test_last_words_are_short_however_much_was_printed(worker):
    status, reason = ended(worker, "sys.stderr.write('y' * 2**20); sys.stderr.flush(); os._exit(1)")
    assert status == Status.CRASHED
    assert reason == "its process exited with 1; " + "y" * process.LONGEST_WORDS


def test_nothing_can_be_read_from_where_the_jobs_come(worker):
    assert list(worker.ask({"do": "assert sys.stdin.read() == ''"})) == [{"copied": False}]
    assert fine(worker)


def test_a_copy_of_the_process_does_not_answer(worker):
    copy = "child = os.fork()\nif child: os.waitpid(child, 0)"
    assert list(worker.ask({"do": copy})) == [{"copied": True}]


def test_what_a_worker_started_ends_with_it(worker):
    start = "import subprocess\nchild = subprocess.Popen(['sleep', '1000'], start_new_session=True)"
    answers = list(worker.ask({"do": f"{start}\nchannel.say({{'child': child.pid}})"}))
    child = process.psutil.Process(answers[0]["child"])
    worker.close()
    gone, alive = process.psutil.wait_procs([child], timeout=30)
    assert (gone, alive) == ([child], [])
