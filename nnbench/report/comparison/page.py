"""The HTML page of an experiment: one file that needs nothing else, its first screen the verdict."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nnbench.errors import listing
from nnbench.experiments.findings import is_struck, margin, sampling
from nnbench.experiments.records import Experiment
from nnbench.experiments.verdicts import verdict
from nnbench.experiments.words import apart, title
from nnbench.report.comparison import drawing
from nnbench.report.comparison.correctness import correctness_section
from nnbench.report.comparison.cost import cost_section
from nnbench.report.comparison.curves import curves_section
from nnbench.report.comparison.downloads import downloads
from nnbench.report.comparison.dropout import dropout_section
from nnbench.report.comparison.order import placed
from nnbench.report.comparison.others_answers import answers_section
from nnbench.report.comparison.others_batches import batches_section
from nnbench.report.comparison.others_functions import functions_section
from nnbench.report.comparison.others_gap import gap_section
from nnbench.report.comparison.others_inside import inside_section, start_section
from nnbench.report.comparison.others_level import level_section
from nnbench.report.comparison.others_masks import masks_section
from nnbench.report.comparison.others_rates import rates_section
from nnbench.report.comparison.others_shares import shares_section
from nnbench.report.comparison.pairs import pairs_section
from nnbench.report.comparison.protocol import command, protocol
from nnbench.report.comparison.section import Alert, Builder, Figures, Folded, Part
from nnbench.report.comparison.sensitivity import edges, sensitivity_section
from nnbench.report.comparison.strip import strip
from nnbench.report.comparison.summary import summary_section
from nnbench.report.comparison.target import target_section
from nnbench.report.grids import Grid
from nnbench.report.templating import rendered
from nnbench.report.words import plural, sentence

# In the order of the page; a builder that has nothing to say of an experiment gives None.
SECTIONS: tuple[Builder, ...] = (
    dropout_section,
    level_section,
    summary_section,
    pairs_section,
    curves_section,
    rates_section,
    gap_section,
    shares_section,
    start_section,
    inside_section,
    functions_section,
    answers_section,
    target_section,
    sensitivity_section,
    batches_section,
    cost_section,
    masks_section,
    correctness_section,
)
FILES = ("page.css", "comparison.css", "page.js", "comparison.js")
SHOWN_AT_ONCE = 8  # sentences of the verdict; more of them unfold
SHORT = 10  # rows of a table that needs no filter


def experiment_page(experiment: Experiment, home: str = "") -> str:
    """The whole page as HTML; equal experiments give equal bytes. No network, no JavaScript needed to read it.

    ``home`` is the page of the site that it is part of, empty for none.
    """
    return rendered("comparison.html", _content(experiment) | {"home": home}, FILES)


def _content(experiment: Experiment) -> dict[str, Any]:
    return {
        "factor": experiment.factor,
        "task": experiment.task,
        "contenders": [
            {"name": one.name, "place": place, "look": drawing.look(place)} for place, one in placed(experiment)
        ],
        "sections": [made for build in SECTIONS if (made := build(experiment))],
        "downloads": downloads(experiment),
        "command": command(experiment),
        "protocol": protocol(experiment),
        "struck": any(is_struck(experiment, one.name) for one in experiment.contenders),
        "kind_of": _kind_of,
        "joined": joined,
        "margin": apart(experiment.metric, margin(experiment)) if margin(experiment) else "",
        "sampling": apart(experiment.metric, sampling(experiment)) if sampling(experiment) else "",
        "is_short": _is_short,
        **_first_screen(experiment),
    }


def _first_screen(experiment: Experiment) -> dict[str, Any]:
    said = verdict(experiment)
    headline, _, rest = said.headline.partition("; ")  # the answer, and what makes it long
    return {
        "headline": joined(headline),
        "rest": joined(sentence(rest)),
        "caveat": said.caveat,
        "sentences": [joined(one) for one in said.sentences if one != said.caveat],
        "shown_at_once": SHOWN_AT_ONCE,
        "compared": _compared(experiment),
        "alerts": [*_struck(experiment), *experiment.left_out, *edges(experiment)],
        "strip": strip(experiment) if experiment.contenders else None,
    }


def joined(text: str) -> str:
    """No line ends between a number and its per cent, or within a range."""
    space = "\N{NO-BREAK SPACE}"
    return re.sub(r"(?<=\d) to (?=[\d\N{MINUS SIGN}])", f"{space}to{space}", text).replace(" %", f"{space}%")


def _compared(experiment: Experiment) -> str:
    """What was compared, in one sentence."""
    seeds = {one.trial.seed for one in experiment.outcomes}
    epochs = {one.trial.epochs for one in experiment.outcomes}
    length = " or ".join(plural(number, "epoch") for number in sorted(epochs)) + _of_recipe(
        experiment, max(epochs, default=0)
    )
    tuned = f" after {plural(len(experiment.tuning), 'trial')} of tuning" if experiment.tuning else ""
    each = f"{plural(len(seeds), 'seed')} each{f', {length}' if length else ''}{tuned}"
    contenders = plural(len(experiment.contenders), "contender")
    return f"{contenders} on {experiment.task} with {experiment.data}, {each}, judged by {title(experiment.metric)}."


def _of_recipe(experiment: Experiment, epochs: int) -> str:
    """How long the recipe would train, where that is another number."""
    recipe = experiment.protocol.get("recipe")
    whole = recipe.get("epochs") if isinstance(recipe, Mapping) else None
    return f" (its recipe has {whole})" if isinstance(whole, int) and whole != epochs else ""


def _struck(experiment: Experiment) -> list[str]:
    failing = [one.name for one in experiment.contenders if is_struck(experiment, one.name)]
    if not failing:
        return []
    fails, their = ("fails its checks", "its") if len(failing) == 1 else ("fail their checks", "their")
    return [f"The implementation of {listing(failing)} {fails}: {their} numbers are struck out, as they say nothing."]


def _kind_of(part: Part) -> str:
    kinds = ((str, "text"), (Alert, "alert"), (Figures, "figures"), (Grid, "grid"), (Folded, "folded"))
    return next(kind for known, kind in kinds if isinstance(part, known))


def _is_short(grid: Grid) -> bool:
    return sum(len(group.rows) for group in grid.groups) <= SHORT
