"""The page of a run: the same bytes every time, whole, harmless, and complete for odd runs too."""

import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sample_runs import (
    HOSTILE,
    calibrated,
    checked,
    ended,
    hostile,
    only_failures,
    realistic,
    run_of,
    timed,
    trained,
)

from nnbench.model import CheckStatus, Measurement, Status
from nnbench.report import run_page, templating

VOID = {"meta", "link", "wbr", "br", "img", "input", "hr"}
ONE_CASE = (*timed("reference", 1e-3), *timed("torch", 2e-3))


class Outline(HTMLParser):
    """Tags that do not close each other, every element with its attributes, and all text."""

    def __init__(self, page):
        super().__init__()
        self.open, self.wrong, self.elements, self.texts = [], [], [], []
        self.feed(page)
        self.close()
        self.wrong += self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        self.texts.append(data)

    def all_of(self, attribute):
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


RUNS = {
    "realistic": realistic,
    "nothing": run_of,
    "failures only": only_failures,
    "hostile": hostile,
    "calibration only": lambda: run_of(*calibrated()),
    "training only": lambda: run_of(*trained()),
    "one process, one sample": lambda: run_of(*timed("torch", 1e-3, rounds=1)),
    "no machine": lambda: run_of(*ONE_CASE, machine={}, commit=""),
    "values that are none": lambda: run_of(
        *timed("reference", float("nan")), *timed("torch", float("inf")), *timed("slow", 0.0)
    ),
}


@pytest.fixture(scope="module", params=RUNS, ids=str)
def page(request):
    return run_page(RUNS[request.param]())


def test_tags_balance_and_ids_are_unique(page):
    outline = Outline(page)
    assert outline.wrong == []
    assert [name for name, count in Counter(outline.all_of("id")).items() if count > 1] == []


def test_every_reference_inside_the_page_leads_somewhere(page):
    outline = Outline(page)
    ids = set(outline.all_of("id"))
    assert {target.removeprefix("#") for target in outline.all_of("href") if target != "data:,"} <= ids
    assert {name for names in outline.all_of("aria-labelledby") for name in names.split()} <= ids
    assert {name for names in outline.all_of("aria-describedby") for name in names.split()} <= ids
    assert set(re.findall(r"url\(#([^)]*)\)", page)) <= ids


def test_nothing_is_fetched(page):
    outline = Outline(page)
    targets = [*outline.all_of("src"), *outline.all_of("href"), *outline.all_of("action"), *outline.all_of("data")]
    assert [target for target in targets if not target.startswith(("#", "data:"))] == []
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert [tag for tag, _ in outline.elements if tag in ("img", "iframe", "object", "embed", "base", "form")] == []


def test_tables_and_figures_say_what_they_are(page):
    outline = Outline(page)
    tables = [tag for tag, _ in outline.elements if tag == "table"]
    captions = [tag for tag, _ in outline.elements if tag == "caption"]
    assert len(tables) == len(captions)
    assert all("scope" in attributes for tag, attributes in outline.elements if tag == "th")
    drawings = [attributes for tag, attributes in outline.elements if tag == "svg" and "aria-hidden" not in attributes]
    assert all(drawing["role"] == "img" and drawing["aria-label"] for drawing in drawings)
    assert [tag for tag, _ in outline.elements].count("h1") == 1


def test_equal_runs_give_equal_bytes():
    assert run_page(realistic()).encode() == run_page(realistic()).encode()


def test_hostile_text_stays_text():
    page = run_page(hostile())
    outline = Outline(page)
    assert [tag for tag, _ in outline.elements].count("script") == 1
    assert "{{ 7*7 }}" in outline.text
    assert "<img" not in page
    assert not any(name.startswith("on") for _, attributes in outline.elements for name in attributes)
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_hostile_text_stays_text_in_drawings():
    drawings = re.findall(r"<svg[^>]*role=\"img\".*?</svg>", run_page(hostile()), re.DOTALL)
    assert len(drawings) == 2
    for drawing in drawings:
        assert not re.search(r"<(script|img)", drawing)
        assert "$\\frac{1}{2}$" in drawing  # as it is, not as mathematics
        assert "&lt;script&gt;" in drawing


def test_a_lone_surrogate_can_be_written():
    page = run_page(run_of(*timed("torch", 1e-3, case="a\ud800b"), command="\udfff"))
    assert "a\ufffdb" in page
    page.encode()


def test_the_policy_allows_the_pages_own_script_and_no_other():
    import base64
    import hashlib

    page = run_page(run_of())
    script = page[page.index("<script>") + len("<script>") : page.index("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in page or f"script-src 'sha256-{digest}'" in page


def test_colours_follow_the_readers_scheme():
    drawings = "".join(re.findall(r"<svg.*?</svg>", run_page(run_of(*ONE_CASE)), re.DOTALL))
    assert "#" not in "".join(re.findall(r'style="([^"]*)"', drawings))
    assert "var(--faster)" in drawings
    assert "font-family" not in drawings


def test_what_is_wrong_stands_before_what_is_fast():
    page = run_page(run_of(*ONE_CASE, ended(Status.CRASHED, "signal 11", case="64x1")))
    text = Outline(page).text
    assert "Not everything is right: 1 crashed" in text
    assert text.index("signal 11") < text.index("reference is fastest")


def test_a_failed_check_comes_with_its_evidence_and_the_command_that_repeats_it():
    failed = checked(CheckStatus.FAILED, error=0.0237, allowance=2.4e-7, note="off by one", seed=11)
    text = Outline(run_page(run_of(failed, command="nnbench run --timeout=9 --suite 'my suite.py' mine"))).text
    assert "0.0237 2.4e-07 off by one" in text
    given = "--only values --suite 'my suite.py' --timeout=9"
    assert f"nnbench check 'layers.linear@reference[32x784]' {given} --seed 11" in text


def test_a_command_with_an_open_quote_is_shown_as_it_is():
    page = run_page(run_of(checked(CheckStatus.FAILED), command="nnbench run 'layers"))
    assert "nnbench run &#39;layers" in page


def test_trainings_are_shown_with_their_data_and_accuracy():
    text = Outline(run_page(run_of(*trained(0.9581)))).text
    assert (
        "architectures.mlp@reference reached 95.81 % test accuracy on mnist after 1 epoch, with one seed (3)." in text
    )
    assert "mnist 1 3 0.3100 0.1400 95.81 % 4.20 s ok" in text


def of_comparison():
    """A run that holds the trials of a comparison and nothing else."""
    rows = [replace(row, context=row.context | {"trial": "t", "contender": "SGD"}) for row in trained(0.9581)]
    told = Measurement("architectures.mlp", "reference", "mnist", "experiment", "1", (1.0,), context={"factor": "lr"})
    return run_of(*rows, told, command="nnbench compare --factor lr=0.1,1")


def test_a_run_of_trials_leads_to_its_comparison_and_has_no_empty_section():
    page = run_page(of_comparison(), home="../index.html", comparisons=[("lr, mlp on mnist", "../comparisons/o.html")])
    text = Outline(page).text
    assert "A comparison of lr on architectures.mlp" in text
    assert 'in <a href="../comparisons/o.html">lr, mlp on mnist</a>' in page
    identifiers = Outline(page).all_of("id")
    assert {"training", "machine"} <= set(identifiers)
    assert not {"lines", "correctness", "fastest"} & set(identifiers)
    for told in ("No check was made", "There are none", "Nothing was timed", "What is wrong", "One process is one"):
        assert told not in text


def test_a_run_of_trials_alone_says_how_to_get_its_comparison():
    assert "nnbench report --site site" in Outline(run_page(of_comparison())).text


def test_a_training_has_no_section_of_times_or_checks():
    text = Outline(run_page(run_of(*trained(0.9581)))).text
    assert "What is fastest" not in text
    assert "No check was made" not in text


def test_pages_share_one_frame():
    folder = Path(templating.__file__).parent / "templates"
    texts = {path.name: path.read_text() for path in folder.glob("*.html")}
    assert [name for name, text in texts.items() if "<!DOCTYPE" in text] == ["base.html"]
    assert [name for name, text in texts.items() if "<title>" in text] == ["base.html"]
    pages = {"page.html", "comparison.html", "correctness.html"} | {name for name in texts if name.startswith("site_")}
    assert all('{% extends "base.html" %}' in texts[name] for name in pages)


def test_both_commands_are_there():
    text = Outline(run_page(run_of(*ONE_CASE, command="nnbench run 'layers.*' --results there"))).text
    assert "nnbench run 'layers.*' --results there" in text
    assert "nnbench report 20260301T123045Z-a1b2c3 --results there" in text


def test_a_line_without_numbers_gives_its_reason_instead():
    page = run_page(run_of(*ONE_CASE, ended(Status.SKIPPED, "cannot be imported", "keras")))
    assert re.search(r'colspan="\d+">skipped\s*<span class="detail">cannot be imported', page)


def test_counters_and_memory_are_in_their_units():
    rows = [
        Measurement("layers.linear", "torch", "32x784", metric, unit, (value,))
        for metric, unit, value in (
            ("peak_memory", "B", 3 * 2**20),
            ("parameters", "1", 100_480),
            ("flops", "1", 6.4e6),
        )
    ]
    assert "3.00 MiB 100 k 6.40 M ok" in Outline(run_page(run_of(*timed("torch", 1e-3), *rows))).text


def test_five_hundred_lines_are_all_there():
    rows = [
        row for number in range(250) for name in ("reference", "torch") for row in timed(name, 1e-3, case=f"{number}x1")
    ]
    page = run_page(run_of(*rows))
    assert page.count('<th scope="row"><span class="prefix">') == 500


def test_very_long_notes_are_cut():
    assert len(run_page(run_of(ended(Status.FAILED, "x" * 1_000_000)))) < 100_000


def test_torch_is_not_imported():
    program = (
        "import sys, nnbench.report as report\n"
        "from sample_runs import realistic\n"
        "report.run_page(realistic())\n"
        "print(sorted({'torch', 'matplotlib'} & sys.modules.keys()))\n"
    )
    folder = __file__.rpartition("/")[0]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=folder)
    assert done.stdout.strip() == "[]"


def test_hostile_text_covers_what_it_should():
    assert all(sign in HOSTILE for sign in "<>&\"'|`$\\{")
