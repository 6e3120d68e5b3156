"""The pages that are opened in a browser, each made from records made by hand."""

from functools import cache

import made_up
import test_drawings as drawn
import test_experiment_page as experiments
import test_other_sections as others
import test_report_page as runs
import test_site as sites
import test_trend_figure as history
from sample_runs import HOSTILE, hostile, only_failures, realistic

from nnbench.report import correctness_page, run_page, trends
from nnbench.report.comparison.page import experiment_page
from nnbench.report.correctness import fold
from nnbench.report.failures import repeat
from nnbench.report.site import Component, with_compared
from nnbench.report.site_comparisons import comparison
from nnbench.report.site_component import component_page
from nnbench.report.site_history import history_page
from nnbench.report.site_index import index_page
from nnbench.trends.regressions import regressions


def _run_with_history():
    found = [history.STEP, history.COUNTS, history.series([1e-3] * 12, variant="reference")]
    return run_page(realistic(), trends(history.RUN, found, regressions(found)))


def _component(name="activations.relu"):
    """A component that was measured, trained and drawn."""
    rows = [
        *drawn.epochs([0.91, 0.95, 0.96], component=name),
        *drawn.epochs([0.4, 0.2, 0.1], "train_loss", component=name),
        drawn.trained("confusion", [5, 1, 0, 4], component=name),
        drawn.trained("predicted", [1.0, 2.0, 3.0], component=name),
        drawn.trained("actual", [1.1, 2.2, 2.9], component=name),
    ]
    return Component(name, sites.measured(name).run, tuple(rows), tuple(drawn.relu(name)), {"measured": history.RUN.id})


def _site(*names):
    series = tuple(sites.counted(5, 5, 7, 7, component=name) for name in names)
    asked = (made_up.experiment(seeds=2, epochs=2, wrong="sgd"), experiments.hostile())
    compared = tuple(comparison(one, place) for place, one in enumerate(asked))
    found = with_compared([_component(name) for name in names], compared)
    return sites.site_of(*found, series=series, comparisons=compared)


def _component_page(name):
    return component_page(_site(name), _component(name), sites.NO_DOCUMENTS)


def _learning_rates():
    """An experiment that has every section which the optimizers and the dropout rates have not."""
    made = others.levels({0.001: [0.9, 0.92], 0.01: [0.95, 0.97], 0.1: [0.6, 0.7]})
    made = others.ended(
        made,
        parameters=(1234.0,),
        dead_units=(0.25,),
        curve_value=(-1.0, 0.0, 1.0),
        curve_derivative=(1.0, 1.0, 1.0),
        train_accuracy=(0.99,),
        step_time=(0.0064,),
    )
    return others.over_epochs(made, learning_rate=(0.1, 0.01), gradient_norm=(4.0, 2.0), train_loss=(1.5, 0.5))


MADE = {
    "run": _run_with_history,
    "hostile run": lambda: run_page(hostile()),
    "run of trials": lambda: run_page(runs.of_comparison(), comparisons=[("optimizers", "o.html")]),
    "failures": lambda: run_page(only_failures()),
    "correctness": lambda: correctness_page(fold(realistic().checks), "nnbench check", repeat),
    "optimizers": lambda: experiment_page(made_up.experiment(wrong="sgd"), home="../index.html"),
    "dropout": lambda: experiment_page(made_up.dropout()),
    "two seeds": lambda: experiment_page(made_up.plain({"Xavier, uniform": [0.2, 0.8], "own": [0.5, 0.51]})),
    "learning rates": lambda: experiment_page(_learning_rates()),
    "many contenders": lambda: experiment_page(experiments.many()),
    "hostile experiment": lambda: experiment_page(experiments.hostile()),
    "index": lambda: index_page(_site("activations.relu", "layers.linear")),
    "history": lambda: history_page(_site("activations.relu", "layers.linear")),
    "component": lambda: _component_page("activations.relu"),
    "compared component": lambda: _component_page("optimizers.sgd"),
    "hostile component": lambda: _component_page(HOSTILE),
}


@cache
def html(name):
    """The page of this name; made once a process."""
    return MADE[name]()
