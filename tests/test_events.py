"""Changes into events: a machine that changed is one, whatever moved with it."""

from nnbench.events import Moved, events


def moved(run, names, ratio=1.2):
    return [Moved(name, run, ratio) for name in names]


KERNELS = [Moved("calibration.product", 7, 1.2, True), Moved("calibration.copy", 7, 1.3, True)]
SERIES = [f"layers.{letter}" for letter in "abcdefghij"]


def told(moves, series=10, calibrations=2):
    return [(event.run, event.kind, len(event.moves)) for event in events(moves, series, calibrations)]


def test_most_series_together_with_the_kernels_are_one_event():
    (event,) = events(moved(7, SERIES[:6]) + KERNELS, 10, 2)
    assert (event.run, event.kind, len(event.moves), event.ratio) == (7, "machine", 8, 1.2)


def test_dates_may_differ_by_some_runs():
    moves = moved(7, SERIES[:3]) + moved(8, SERIES[3:6]) + moved(5, SERIES[6:8]) + KERNELS
    assert told(moves) == [(7, "machine", 10)]


def test_series_without_the_kernels_stay_single():
    assert told(moved(7, SERIES)) == [(7, "series", 1)] * 10
    assert told(moved(7, SERIES) + KERNELS[:1]) == [(7, "series", 1)] * 11


def test_half_of_the_series_is_not_most():
    assert {kind for _, kind, _ in told(moved(7, SERIES[:5]) + KERNELS)} == {"series"}


def test_change_at_another_time_stays_beside_the_machines():
    moves = moved(2, SERIES[:1]) + moved(7, SERIES[1:8]) + moved(20, SERIES[:2]) + KERNELS
    assert told(moves) == [(2, "series", 1), (7, "machine", 9), (20, "series", 1), (20, "series", 1)]


def test_machine_that_changed_back_is_two_events():
    back = [Moved(one.series, 30, 0.8, True) for one in KERNELS]
    assert told(moved(7, SERIES) + KERNELS + moved(31, SERIES) + back) == [(7, "machine", 12), (31, "machine", 12)]


def test_one_series_that_moved_twice_counts_once():
    assert {kind for _, kind, _ in told(moved(6, SERIES[:4]) + moved(8, SERIES[:4]) + KERNELS)} == {"series"}


def test_order_does_not_matter_and_nothing_gives_nothing():
    moves = moved(2, SERIES[:1]) + moved(7, SERIES[1:8]) + KERNELS
    assert events(moves, 10, 2) == events(moves[::-1], 10, 2)
    assert events([], 10, 2) == []
