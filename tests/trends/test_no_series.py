"""What is drawn has no level that could change, and is no series."""

from histories import Past, row

from nnbench.metrics import DRAWN, METRICS
from nnbench.trends.series import read


def test_many_numbers_in_an_order_of_their_own_are_no_series(tmp_path):
    past = Past(tmp_path)
    for number in range(2):
        drawn = [row(metric, 0.0, number, 2.0, unit="1") for metric in DRAWN]
        past.run(row("operators", 3 + number, unit="1"), *drawn)
    assert [one.key.metric for one in read(past.results)] == ["operators"]


def test_what_is_drawn_is_a_metric_that_is_neither_better_nor_worse():
    assert {METRICS[metric].better for metric in DRAWN} == {"neither"}
