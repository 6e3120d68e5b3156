"""Several sessions at work on one list: for what is not timed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from nnbench.processes.session import Session

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def each(
    session: Session, items: Sequence[Item], processes: int, work: Callable[[Session, Item], Answer]
) -> Iterator[tuple[Item, Answer | None]]:
    """Do the work on every item, in several processes: each item without an answer when it is begun, and with it, in
    the order of the items, when it and all before it are done.

    What the work raises is raised here; the sessions beside the given one are ended then, as they are at the end.
    """
    team = _team(session, min(processes, len(items)))
    said: queue.Queue[tuple[int, Answer | None, BaseException | None]] = queue.Queue()
    waiting = iter(range(len(items)))
    lock = threading.Lock()

    def serve(member: Session) -> None:
        while True:
            with lock:
                place = next(waiting, None)
            if place is None:
                return
            said.put((place, None, None))
            try:
                said.put((place, work(member, items[place]), None))
            except BaseException as error:  # noqa: BLE001  it is raised where the answers are read
                said.put((place, None, error))
                return

    threads = [threading.Thread(target=serve, args=(member,), daemon=True) for member in team]
    for thread in threads:
        thread.start()
    try:
        yield from _in_order(items, said)
    finally:
        with lock:
            waiting = iter(())
        for member in team:  # all of them: a worker ends with the thread that started it
            member.renew()


def _team(session: Session, processes: int) -> list[Session]:
    """The session and its twins, which share the memory that there is."""
    twins = [session.twin() for _ in range(processes - 1)]
    for twin in twins:
        twin.limits = replace(twin.limits, processes=processes)
    return [session, *twins]


def _in_order(
    items: Sequence[Item], said: queue.Queue[tuple[int, Answer | None, BaseException | None]]
) -> Iterator[tuple[Item, Answer | None]]:
    kept: dict[int, Answer] = {}
    due = 0
    while due < len(items):
        place, answer, error = said.get()
        if error is not None:
            raise error
        if answer is None:
            yield items[place], None
            continue
        kept[place] = answer
        while due in kept:
            yield items[due], kept.pop(due)
            due += 1
