"""Local workers: who works on what, what is told meanwhile, and that nothing outlives the crew."""

import threading

import pytest
from plans import plan

from nnbench.experiments import executors
from nnbench.experiments.executors import Died, Local, Lost, answer
from nnbench.experiments.trials import identity, software
from nnbench.experiments.work import training_job
from nnbench.model import Measurement, Status, plain
from nnbench.processes.process import Limits, WorkerEnded


class Played:
    """A session that answers each request with what ``play`` gives; its worker can be taken away while it answers."""

    sources = ()
    limits = Limits()

    def __init__(self, play):
        self.play, self.taken = play, threading.Event()

    def twin(self):
        return Played(self.play)

    def components(self):
        return ()

    def end(self):
        self.taken.set()

    def ask(self, request, seconds=None):
        self.taken.clear()
        yield from self.play(self, request)


def job(place=0):
    one = plan()
    return training_job(one.trial(one.contenders[place], 0), (), 60.0)


def a_row(request, epoch):
    names = (request["component"], request["variant"], "digits", "train_loss", "1")
    return {"row": plain(Measurement(*names, (0.5,), context={"epoch": epoch}))}


def done(session, request):
    yield {"doing": "loading"}
    yield {"batches": [1, 2]}
    yield a_row(request, 1)
    yield {"batches": [2, 2]}
    yield a_row(request, 2)


def test_a_job_gives_its_rows_and_says_where_and_with_what_it_was_done():
    with Local(Played(done), 1) as crew:
        found = answer(crew.submit(job()))
        assert list(crew.told()) == [(job()["name"], epochs) for epochs in (0.0, 0.5, 2.0)]
    assert [one["context"]["epoch"] for one in found["rows"]] == [1, 2]
    assert (found["name"], found["software"]) == (identity(plan().trial(plan().contenders[0], 0)), software())
    assert (crew.width, found["seconds"] >= 0) == (1, True)


def test_two_jobs_are_worked_on_side_by_side():
    both = threading.Barrier(2, timeout=30)

    def meet(session, request):
        both.wait()  # breaks where one waits for the other to end
        yield from done(session, request)

    with Local(Played(meet), 2) as crew:
        futures = [crew.submit(job(place)) for place in (0, 1)]
        assert [len(answer(one)["rows"]) for one in futures] == [2, 2]


def test_a_worker_left_unfit_is_no_divergence_which_would_be_settled():
    def play(session, request):
        raise WorkerEnded(Status.FAILED, "it keeps 0.2 GiB after its answer")
        yield

    with Local(Played(play), 1) as crew:
        (row,) = answer(crew.submit(job()))["rows"]
    assert (row["status"], row["note"]) == ("crashed", "it keeps 0.2 GiB after its answer")


@pytest.mark.parametrize("how", ["failed", "ended"])
def test_a_training_that_ends_badly_is_a_row_with_its_cause(how):
    def play(session, request):
        yield a_row(request, 1)
        if how == "ended":
            raise WorkerEnded(Status.CRASHED, "its process was ended by SIGKILL")
        yield {"failed": {"status": "failed", "note": "its process was ended by SIGKILL"}}

    with Local(Played(play), 1) as crew:
        rows = answer(crew.submit(job()))["rows"]
    last = rows[-1]
    assert (len(rows), last["note"], last["context"]["epoch"]) == (2, "its process was ended by SIGKILL", 2)
    assert last["status"] == ("crashed" if how == "ended" else "failed")
    assert last["case"] == "digits,adam,epoch=2"


def test_leaving_ends_what_is_under_way_and_begins_nothing_more():
    begun, asked = threading.Event(), []

    def hang(session, request):
        asked.append(request["contender"])
        begun.set()
        session.taken.wait()
        raise WorkerEnded(Status.CRASHED, "killed")
        yield

    with Local(Played(hang), 1) as crew:
        futures = [crew.submit(job(place)) for place in (0, 1)]
        begun.wait()
    assert asked == ["adam"]
    assert futures[0].result()["rows"][0]["note"] == "killed"
    with pytest.raises(Lost, match="the same command goes on"):
        answer(futures[1])


class KilledWorker(Exception):
    """As Dask's is called."""


def raising(error):
    future = executors.Future()
    future.set_exception(error)
    return future


def test_what_is_raised_is_told_apart():
    with pytest.raises(Died, match=r"^dead$"):
        answer(raising(KilledWorker("dead\nlong story")))
    with pytest.raises(Lost, match="OSError: no way"):
        answer(raising(OSError("no way")))
