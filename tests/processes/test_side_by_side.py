"""Several sessions on one list: each item once, answers in order, and no session left behind."""

import threading
from contextlib import closing

import pytest

from nnbench.processes.process import Limits
from nnbench.processes.side_by_side import each


class Member:
    """A session that only counts."""

    def __init__(self, family=None):
        self.limits = Limits(memory=0)
        self.family = family if family is not None else [self]
        self.renewed = 0

    def twin(self):
        twin = Member(self.family)
        self.family.append(twin)
        return twin

    def renew(self):
        self.renewed += 1


def answers(found):
    return [(item, answer) for item, answer in found if answer is not None]


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_every_item_is_answered_once_in_order(processes):
    session = Member()
    found = answers(each(session, range(20), processes, lambda member, item: [item * item]))
    assert found == [(item, [item * item]) for item in range(20)]
    assert len(session.family) == processes


def test_each_item_is_told_when_it_is_begun():
    found = list(each(Member(), "ab", 1, lambda member, item: item.upper()))
    assert found == [("a", None), ("a", "A"), ("b", None), ("b", "B")]


def test_an_early_answer_waits_for_those_before_it():
    second_is_done = threading.Event()

    def work(member, item):
        if item == 1:
            second_is_done.set()
        else:
            assert second_is_done.wait(10)
        return [item]

    assert answers(each(Member(), range(2), 2, work)) == [(0, [0]), (1, [1])]


def test_the_work_is_shared_out():
    both = threading.Barrier(2)
    members = set()

    def work(member, item):
        members.add(id(member))
        both.wait(10)
        return [item]

    assert len(answers(each(Member(), range(4), 2, work))) == 4
    assert len(members) == 2


def test_what_the_work_raises_is_raised():
    def work(member, item):
        if item == 2:
            raise RuntimeError("no")
        return [item]

    session = Member()
    with pytest.raises(RuntimeError, match="no"):
        list(each(session, range(5), 1, work))
    assert session.renewed == 1


def test_all_sessions_are_ended_when_the_reader_stops_early():
    session = Member()
    with closing(each(session, range(50), 3, lambda member, item: [item])) as found:
        next(found)
    assert [member.renewed for member in session.family] == [1, 1, 1]


def test_the_memory_is_shared():
    session = Member()
    list(each(session, range(3), 3, lambda member, item: [item]))
    assert [member.limits.processes for member in session.family] == [1, 3, 3]
    assert Limits(processes=3).bytes == pytest.approx(Limits().bytes / 3, rel=0.2)


def test_no_more_processes_than_items_and_none_for_none():
    session = Member()
    assert list(each(session, [], 4, lambda member, item: [item])) == []
    list(each(session, [1], 4, lambda member, item: [item]))
    assert session.family == [session]
