"""The page of an experiment: whole, harmless and the same bytes every time, for odd experiments too."""

import base64
import csv
import io
import math
import re
from collections import Counter
from dataclasses import replace

import made_up
import pytest
from sample_runs import HOSTILE
from test_report_page import Outline

from nnbench.experiments.findings import findings
from nnbench.experiments.records import Checked, Contender, EpochNumbers
from nnbench.experiments.verdicts import verdict
from nnbench.model import Status
from nnbench.report.comparison.page import experiment_page, joined
from nnbench.report.comparison.protocol import protocol
from nnbench.report.comparison.seeds import means
from nnbench.report.comparison.summary import summary_section
from nnbench.report.grids import Grid


def hostile():
    """An experiment whose every text is an attack."""
    names = {name: f"{HOSTILE}{name}" for name in made_up.OPTIMIZERS}
    made = made_up.experiment(seeds=2, epochs=2, wrong="sgd")

    def renamed(outcome):
        trial = replace(
            outcome.trial, contender=names[outcome.trial.contender], changes={"lr": 0.001, HOSTILE: HOSTILE}
        )
        return replace(outcome, trial=trial, note=HOSTILE * 20)

    return replace(
        made,
        factor=HOSTILE,
        task=HOSTILE,
        data=HOSTILE,
        contenders=tuple(Contender(names[one.name], {HOSTILE: HOSTILE}, HOSTILE) for one in made.contenders),
        outcomes=tuple(map(renamed, made.outcomes)),
        tuning=tuple(map(renamed, made.tuning)),
        checks={names[name]: Checked(HOSTILE, 1, (HOSTILE * 20,), HOSTILE) for name in made.checks},
        left_out=(HOSTILE,),
        protocol={"command": HOSTILE, HOSTILE: {HOSTILE: [HOSTILE]}, "versions": None},
    )


def many():
    """More contenders than colours, and than a matrix of pairs can show."""
    values = {
        f"contender {number} with a name that is long": [0.5 + 0.02 * number, 0.51 + 0.02 * number]
        for number in range(15)
    }
    return made_up.plain(values)


def all_failed():
    return made_up.plain({"adam": [None, None, None], "sgd": [None, None, None]})


def losses():
    """A metric of which less is better, over three decades."""
    return made_up.plain(
        {"a": [0.01, 0.011, 0.012], "b": [1.0, 1.5, None], "c": [11.0, 12.0, 13.0]}, "test_loss", "less"
    )


def uneven():
    """A contender with fewer seeds than the others, one that cannot be made at all, one without trials."""
    made = made_up.experiment(tuned=False)
    kept = [one for one in made.outcomes if (one.trial.contender, one.trial.seed) != ("adam", 3)]
    kept = [one for one in kept if one.trial.contender != "sgd"]
    skipped = [
        replace(one, status=Status.SKIPPED, note="needs a GPU", epochs=(), final={})
        if one.trial.contender == "rmsprop"
        else one
        for one in kept
    ]
    return replace(made, outcomes=tuple(skipped), left_out=("seed 3 with adam is left out.",))


def not_finite():
    """Numbers that are none among those of the epochs, in trials that came to their end all the same."""
    made = made_up.experiment(seeds=2, tuned=False)

    def spoilt(outcome):
        first = EpochNumbers(1, 2.0, {"train_loss": math.inf, "test_accuracy": math.nan})
        return replace(outcome, epochs=(first, *outcome.epochs[1:]))

    return replace(made, outcomes=tuple(map(spoilt, made.outcomes)))


MADE = {
    "optimizers": made_up.experiment,
    "untuned": lambda: made_up.experiment(tuned=False, wrong="adam"),
    "dropout": made_up.dropout,
    "hostile": hostile,
    "many": many,
    "all failed": all_failed,
    "losses": losses,
    "uneven": uneven,
    "not finite": not_finite,
    "one seed": lambda: made_up.experiment(seeds=1, epochs=1),
    "one contender": lambda: made_up.plain({"adam": [0.9, 0.91]}),
    "all equal": lambda: made_up.plain({"a": [0.9, 0.9], "b": [0.9, 0.9]}),
    "no trials": lambda: replace(made_up.plain({"adam": [0.9]}), outcomes=()),
    "no contenders": lambda: replace(made_up.plain({"adam": [0.9]}), contenders=(), outcomes=(), checks={}),
    "perfect": lambda: made_up.plain({"a": [1.0, 1.0], "b": [0.0, 0.0]}),
    "edge": lambda: at_the_edge(),
    "diverged": lambda: diverged(),
}


def diverged():
    """Every trial ends in its first epoch, and the loss was never a number."""
    made = made_up.experiment(seeds=2, epochs=1)
    numbers = EpochNumbers(1, 1.0, {"test_accuracy": 0.1, "train_loss": math.nan})
    return replace(made, outcomes=tuple(replace(made_up.fails(one, 1), epochs=(numbers,)) for one in made.outcomes))


def at_the_edge():
    """Tuning whose best rate is the largest that was tried."""
    made = made_up.experiment(seeds=2, epochs=2)
    return replace(made, tuning=tuple(one for one in made.tuning if one.trial.changes["lr"] <= 1e-3))


@pytest.fixture(scope="module")
def pages():
    return {name: experiment_page(make()) for name, make in MADE.items()}


@pytest.mark.parametrize("name", MADE)
def test_page_is_whole_and_needs_nothing_else(pages, name):
    outline = Outline(pages[name])
    assert outline.wrong == []
    identifiers = outline.all_of("id")
    assert [found for found, times in Counter(identifiers).items() if times > 1] == []
    for attribute in ("aria-labelledby", "aria-describedby"):
        assert set(outline.all_of(attribute)) <= set(identifiers)
    links = outline.all_of("href") + outline.all_of("src")
    assert all(link.startswith(("#", "data:")) for link in links)
    assert {link[1:] for link in links if link.startswith("#")} <= set(identifiers)
    assert not re.search(
        r"NaN|\bnan\b|\binf\b", " ".join(outline.all_of("d") + outline.all_of("cx") + outline.all_of("cy"))
    )


@pytest.mark.parametrize("name", ["optimizers", "hostile", "uneven"])
def test_equal_experiments_give_equal_bytes(pages, name):
    assert experiment_page(MADE[name]()) == pages[name]


def test_hostile_text_stays_text(pages):
    outline = Outline(pages["hostile"])
    tags = Counter(tag for tag, _ in outline.elements)
    assert tags["script"] == 1
    assert "evil.example" not in " ".join(filter(None, outline.all_of("src") + outline.all_of("href")))
    assert "\x1b" not in pages["hostile"]
    assert "\u202e" not in pages["hostile"]
    assert "<script>alert('x')</script>" in outline.text


def test_first_screen_is_the_verdict(pages):
    text = Outline(pages["optimizers"]).text
    assert text.index("sgd is worse by") < text.index("Every contender")
    assert (
        "4 contenders on architectures.mnist_mlp with mnist, 5 seeds each, 5 epochs after 16 trials of tuning" in text
    )


def test_headline_is_short_and_the_rest_follows_it(pages):
    headline, _, rest = verdict(made_up.experiment()).headline.partition("; ")
    assert f'id="headline">{joined(headline)}</h1>' in pages["optimizers"]
    assert joined(rest) in pages["optimizers"]
    assert '<p class="lede">The other 12 are worse' in pages["many"]


def test_no_line_ends_within_a_number():
    assert joined("tie at 96.97 to 97.25 % test accuracy") == "tie at 96.97\xa0to\xa097.25\xa0% test accuracy"


def test_what_was_not_tuned_stands_below_the_headline(pages):
    text = Outline(pages["untuned"]).text
    told = "Learning rates were not tuned: each ran at its usual one."
    assert text.count(told) == 1
    assert text.index("seeds cannot tell") < text.index(told) < text.index("Every contender")
    assert told not in Outline(pages["optimizers"]).text


def strip_of(experiment):
    return re.search(
        r'<figure>(?:(?!</figure>).)*?id="strip-description".*?</figure>', experiment_page(experiment), re.S
    )[0]


def test_an_interval_that_holds_nearly_everything_is_told_and_not_drawn():
    wild, steady = [0.1, 0.9], [0.9, 0.9001]
    one = strip_of(made_up.plain({"a": steady, "b": wild}))
    assert one.count('class="interval"') == 1
    assert "Where there is none, so few seeds say nothing of it." in one
    none = strip_of(made_up.plain({"a": [0.2, 0.8], "b": wild}))
    assert 'class="interval"' not in none
    assert "So few seeds say nothing of how far their mean may be off." in none
    assert "too few seeds" in Outline(experiment_page(made_up.plain({"a": [0.2, 0.8], "b": wild}))).text


def test_intervals_of_shares_end_where_shares_end(pages):
    made = made_up.experiment(seeds=2, epochs=2)
    outcomes = [
        replace(one, final={**one.final, "calibration_error": (0.01 * one.trial.seed,)}) for one in made.outcomes
    ]
    text = Outline(experiment_page(replace(made, outcomes=tuple(outcomes)))).text
    assert not re.search(r"\N{MINUS SIGN}[\d.]+ to [\d.]+ %", text)


def test_every_finished_seed_is_a_dot_and_every_failed_one_a_cross(pages):
    strip = re.search(r'<svg(?:(?!</svg>).)*?id="strip-description".*?</svg>', pages["optimizers"], re.S)[0]
    assert strip.count('<circle class="seed"') == 19
    assert strip.count('<path class="failure"') == 1
    assert "momentum, seed 1 failed after epoch 2: diverged: training loss is nan" in strip


def test_all_trials_failed_and_each_is_seen(pages):
    strip = re.search(r'<svg(?:(?!</svg>).)*?id="strip-description".*?</svg>', pages["all failed"], re.S)[0]
    assert strip.count('<path class="failure"') == 6
    assert "all 3 failed" in strip


def test_what_fails_its_checks_is_struck_out():
    right, wrong = (Outline(experiment_page(made_up.experiment(seeds=2, epochs=2, wrong=name))) for name in ("", "sgd"))
    struck = [name for name in wrong.all_of("class") if name and "struck" in name.split()]
    assert len(struck) > 10
    assert not [name for name in right.all_of("class") if name and "struck" in name.split()]
    assert "The implementation of sgd fails its checks: its numbers are struck out" in wrong.text
    assert "1 of 41 checks failed" in wrong.text


def downloaded(page, which):
    """The rows of a CSV file inside the page."""
    address = [link for link in Outline(page).all_of("href") if link.startswith("data:text/csv")][which]
    return list(csv.DictReader(io.StringIO(base64.b64decode(address.partition("base64,")[2]).decode())))


def test_every_trial_can_be_downloaded(pages):
    experiment = made_up.experiment()
    rows = downloaded(pages["optimizers"], 0)
    assert len(rows) == len(experiment.outcomes) + len(experiment.tuning) == 36
    first = experiment.outcomes[0]
    assert rows[0]["contender"] == first.trial.contender
    assert float(rows[0]["test_accuracy"]) == first.epochs[-1].values["test_accuracy"]
    assert float(rows[0]["state_bytes"]) == first.final["state_bytes"][0]
    failed = next(row for row in rows if row["status"] == "failed")
    assert (failed["contender"], failed["seed"], failed["note"]) == ("momentum", "1", "diverged: training loss is nan")
    assert {row["role"] for row in rows} == {"final", "tuning"}


def test_every_epoch_can_be_downloaded(pages):
    experiment = made_up.experiment()
    rows = downloaded(pages["optimizers"], 1)
    assert len(rows) == sum(len(one.epochs) for one in (*experiment.outcomes, *experiment.tuning))
    assert [row["epoch"] for row in rows[:5]] == ["1", "2", "3", "4", "5"]


def test_trials_on_a_share_of_the_samples_are_downloaded_and_counted():
    made = made_up.experiment(tuned=False)
    beside = [replace(one, trial=replace(one.trial, changes={"train_share": 0.1})) for one in made.outcomes]
    made = replace(made, beside=tuple(beside))
    page = experiment_page(made)
    assert sum(row["changes"] == "train_share=0.1" for row in downloaded(page, 0)) == len(beside)
    assert sum(row["changes"] == "train_share=0.1" for row in downloaded(page, 1)) == sum(
        len(one.epochs) for one in beside
    )
    assert f"{len(beside)} on a share of the samples" in dict(protocol(made))["trials"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum"])
def test_no_text_of_a_download_is_a_formula(text):
    made = made_up.plain({text: [-0.5, None]}, "test_loss", "less")
    rows = downloaded(experiment_page(made), 0)
    assert {row["contender"] for row in rows} == {f"'{text}"}
    assert rows[0]["test_loss"] == "-0.5"


def test_downloads_of_hostile_text_keep_it(pages):
    rows = downloaded(pages["hostile"], 0)
    assert rows[0]["contender"] == f"{HOSTILE}adam"


def test_grid_edge_is_told(pages):
    text = Outline(pages["edge"]).text
    told = "(0.001) are best at the upper end of the learning rates that were tried: better rates may lie beyond"
    assert text.index(told) < text.index("Every contender")
    assert "may lie beyond" not in Outline(pages["optimizers"]).text


def test_what_was_left_out_is_told(pages):
    text = Outline(pages["uneven"]).text
    assert "seed 3 with adam is left out." in text
    assert text.index("seed 3 with adam is left out.") < text.index("Every contender")


def test_sections_without_data_are_left_out(pages):
    identifiers = set(Outline(pages["untuned"]).all_of("id"))
    assert "tuning" not in identifiers
    assert {"contenders", "pairs", "curves", "target", "cost", "correctness", "protocol"} <= identifiers
    assert "pairs" not in set(Outline(pages["one contender"]).all_of("id"))


def test_protocol_tells_how_to_repeat_it(pages):
    text = Outline(pages["optimizers"]).text
    assert "nnbench compare optimizers --task mnist_mlp --seeds 5 --epochs 5" in text
    assert "20 compared, 16 for tuning, 0 of them taken from earlier runs" in text
    assert "0123abcd" in text


def test_more_contenders_than_colours_are_told_apart_by_dashes(pages):
    looks = [attributes["class"] for tag, attributes in Outline(pages["many"]).elements if "data-place" in attributes]
    assert len(set(looks)) == 15


def test_table_has_the_same_intervals_as_the_verdict():
    experiment = made_up.experiment(wrong="sgd")
    told = means(experiment)
    assert findings(experiment).means.items() <= told.items()
    assert set(told) == {"adam", "rmsprop", "momentum", "sgd"}


def peers(experiment):
    """The last column of the table of contenders, by contender."""
    (grid,) = [part for part in summary_section(experiment).parts if isinstance(part, Grid)]
    return {row.header.text: row.cells[-1].text for row in grid.groups[0].rows}


def test_who_is_not_told_apart_is_told_in_few_words():
    alike = {name: [0.9, 0.91, 0.9] for name in "abcdefghi"}
    assert set(peers(made_up.plain(alike)).values()) == {"all others"}
    found = peers(made_up.plain(alike | {"z": [0.1, 0.11, 0.1]}))
    assert (found["a"], found["z"]) == ("all but z", "\N{EN DASH}")
    apart = {name: [0.1, 0.11, 0.1] for name in "qrstuvwxyz"}
    assert peers(made_up.plain(alike | apart))["a"] == "b, c, d, e, f and 3 more"
    assert peers(made_up.plain({"a": [0.9, 0.9], "b": [0.9, 0.9], "c": [0.9, 0.9]}))["a"] == "b, c"


def test_long_lists_unfold(pages):
    assert "10 trials failed" in Outline(experiment_page(made_up.plain({name: [None, None] for name in "abcde"}))).text
    many_sentences = verdict(many()).sentences
    assert len(many_sentences) > 8
    assert f"<summary>{len(many_sentences) - 8} more</summary>" in pages["many"]
