"""The site's pages as pure functions: what the first screen says, where links lead, what hostile names do."""

import dataclasses
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from sample_runs import checked, ended, run_of, timed, trained

from nnbench.documents import Documents, Erratum
from nnbench.report.site import Comparison, Component, Site, component_link, file_name
from nnbench.report.site_component import component_page
from nnbench.report.site_history import history_page
from nnbench.report.site_index import index_page
from nnbench.trends.regressions import regressions
from nnbench.trends.series import Key, Series

NO_DOCUMENTS = Documents({}, {}, {})


class Reader(HTMLParser):
    """What a browser would make of a page: its links, its elements by name, and its text."""

    def __init__(self, page):
        super().__init__()
        self.links, self.ids, self.tags, self.text, self._heading, self.headline = [], [], set(), "", False, ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.add(tag)
        self.links += [found["href"]] if tag == "a" else []
        self.ids += [found["id"]] if "id" in found else []
        self._heading = tag == "h1" or (self._heading and tag not in ("p", "h2"))
        assert not [name for name in found if name.startswith("on")], "a handler"

    def handle_endtag(self, tag):
        self._heading = self._heading and tag != "h1"

    def handle_data(self, data):
        self.text += data
        self.headline += data if self._heading else ""


def counted(*values, component="layers.linear"):
    """A series of exact counts, a run a day."""
    number = len(values)
    days = (
        np.arange("2026-01-01", number, dtype="M8[D]")
        if number == 0
        else np.datetime64("2026-01-01") + np.arange(number)
    )
    runs = np.array([f"2026010{day + 1}T000000Z-00000{day}" for day in range(number)], dtype=object)
    commits = np.array([f"{day}" * 40 for day in range(number)], dtype=object)
    key = Key(component, "torch", "8", "operators", "m", "s")
    none = np.zeros(number, bool)
    return Series(key, "exact", "1", np.array(values, float), commits, runs, days.astype("M8[us]"), none, none)


def measured(name="layers.linear", *rows):
    rows = rows or (*timed("reference", 2e-4, name), *timed("torch", 1e-4, name), checked("passed", component=name))
    return Component(name, run_of(*rows), homes={"measured": "20260301T123045Z-a1b2c3"})


def site_of(*components, series=(), **facts):
    run = dataclasses.replace(run_of(), measurements=())
    told = {"runs": (run,), "rows": (12,), "paged": frozenset([run.id]), "findings": regressions(series)}
    return Site(components=components, series=series, **(told | facts))


def test_the_first_screen_says_that_nothing_is_wrong():
    found = Reader(index_page(site_of(measured(), measured("losses.mse"))))
    assert found.headline == "Nothing is wrong"
    assert "2 components, 1 run and 0 comparisons" in found.text


def test_the_first_screen_says_what_is_wrong_and_links_to_it():
    wrong = checked("failed", component="losses.mse", error=1.0, allowance=1e-6, note="off by one")
    found = Reader(index_page(site_of(measured(), measured("losses.mse", wrong, ended("wrong", "values: off by one")))))
    assert found.headline == "1 component is not right"
    assert "off by one" in found.text
    assert "1 of 1 not right" in found.text
    assert found.links.count("components/losses.mse.html") == 2


def test_the_first_screen_says_what_got_worse():
    found = Reader(index_page(site_of(measured(), series=(counted(5, 5, 7, 7),))))
    assert found.headline == "1 number got worse"
    assert "history.html" in found.links


def test_a_training_that_failed_is_not_right():
    rows = [dataclasses.replace(row, status="failed", note="diverged") for row in trained(0.1, "architectures.mlp")]
    found = Reader(index_page(site_of(Component("architectures.mlp", trained=tuple(rows)))))
    assert found.headline == "1 component is not right"


def test_a_folder_without_runs_says_what_to_type():
    found = Reader(index_page(Site((), (), frozenset(), ())))
    assert found.headline == "Nothing was measured"
    assert "nnbench run makes one" in found.text


def test_runs_without_a_page_have_no_link():
    site = site_of(measured())
    assert "runs/20260301T123045Z-a1b2c3.html" in Reader(index_page(site)).links
    assert not [
        link for link in Reader(index_page(dataclasses.replace(site, paged=frozenset()))).links if "runs/" in link
    ]


def test_a_component_tells_who_is_fastest_and_where_that_comes_from():
    one = measured()
    found = Reader(component_page(site_of(one), one, NO_DOCUMENTS))
    assert found.headline == "layers.linear: nothing is wrong"
    assert "torch is fastest" in found.text
    assert {"../index.html", "../history.html", "../runs/20260301T123045Z-a1b2c3.html"} <= set(found.links)


def test_a_component_tells_what_the_documents_get_wrong():
    known = Documents(
        {"guide": "A Guide"}, {"layers.linear": ("guide",)}, {"E99": Erratum("E99", ("layers.linear",), "a sign")}
    )
    one = measured()
    assert "Described in A Guide." in Reader(component_page(site_of(one), one, known)).text
    assert "E99: a sign" in Reader(component_page(site_of(one), one, known)).text


def test_a_component_shows_its_trainings_and_its_comparisons():
    compared = Comparison("optimizers, mlp", "Adam and SGD tie.", "comparisons/o.html", ("architectures.mlp",))
    one = Component("architectures.mlp", trained=(*trained(0.9, epoch=1), *trained(0.95, epoch=2)))
    page = component_page(site_of(one, comparisons=(compared,)), one, NO_DOCUMENTS)
    assert "architectures.mlp@reference, mnist: accuracy by epoch" in page
    assert "../comparisons/o.html" in Reader(page).links
    other = measured()
    assert "comparisons/" not in component_page(site_of(other, comparisons=(compared,)), other, NO_DOCUMENTS)


def test_a_component_shows_only_its_own_history():
    one, series = measured(), (counted(5, 5, 7, 7), counted(1, 2, 3, component="layers.other"))
    found = Reader(component_page(site_of(one, series=series), one, NO_DOCUMENTS))
    assert "1 number over two runs or more; 1 changed." in found.text
    assert "layers.other" not in found.text


def test_history_tells_changes_with_their_commits():
    found = Reader(history_page(site_of(measured(), series=(counted(5, 5, 7, 7), counted(4, 4, component="layers.b")))))
    assert found.headline == "1 number got worse and stayed so"
    assert "2 numbers followed over 4 runs; 1 changed." in found.text
    assert "11111111..22222222" in found.text
    assert "components/layers.linear.html" in found.links


def test_history_without_changes_says_so():
    assert Reader(history_page(site_of(measured(), series=(counted(5, 5, 5),)))).headline == "Nothing got worse"


def test_equal_sites_give_equal_bytes():
    pages = [index_page(site_of(measured(), series=(counted(5, 6),))) for _ in range(2)]
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    "name", ["layers.linear", "../../etc/passwd", "<script>", "A.B", "a" * 300, "", ".", "con\0", "é", "\udc80"]
)
def test_file_names_are_plain_whatever_a_component_is_called(name):
    made = file_name(name)
    assert made.isascii()
    assert made == made.lower()
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-")
    assert made[0] not in ".-"
    assert len(made) <= 90


def test_names_that_look_alike_do_not_share_a_file():
    names = ["a.b", "A.b", "a/b", "a b", "a.b ", "a-b"]
    assert len({file_name(name) for name in names}) == len(names)


OURS = re.compile(r"#[a-z-]+|(\.\./)?((components|runs|comparisons)/)?[A-Za-z0-9._-]+\.html")
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}javascript:\u202e\x1b]0;'


@pytest.fixture(scope="module")
def hostile():
    """A site in which every name and note is hostile."""
    name = f"../evil.{HOSTILE}"
    rows = (
        *timed(f"v{HOSTILE}", 1e-4, name, f"case{HOSTILE}"),
        checked("failed", f"v{HOSTILE}", name, f"case{HOSTILE}", note=HOSTILE, error=1.0, allowance=0.0),
    )
    run = run_of(*rows, command=HOSTILE, commit=HOSTILE, machine={"cpu": HOSTILE, "cores": 2})
    one = Component(name, run, trained=tuple(trained(0.5, name)), homes={HOSTILE: HOSTILE})
    compared = Comparison(HOSTILE, HOSTILE, "comparisons/x.html", (name,))
    facts = {"runs": (dataclasses.replace(run, measurements=()),), "comparisons": (compared,), "command": HOSTILE}
    return site_of(one, series=(counted(1, 2, 3, component=name),), **facts), one


def test_hostile_names_and_notes_do_not_become_markup(hostile):
    site, one = hostile
    known = Documents({"d": HOSTILE}, {one.id: ("d",)}, {"E": Erratum(HOSTILE, (one.id,), HOSTILE)})
    for page in (index_page(site), component_page(site, one, known), history_page(site)):
        found = Reader(page)
        assert page.count("<script") == 1  # ours
        assert "img" not in found.tags
        assert "{{ 7*7 }}" in found.text
        assert "\u202e" not in page
        assert "\x1b" not in page
        assert [link for link in found.links if not OURS.fullmatch(link)] == []
        assert len(found.ids) == len(set(found.ids))


def test_links_of_hostile_components_stay_in_the_site(hostile):
    site, one = hostile
    link = component_link(one.id)
    assert link in Reader(index_page(site)).links
    assert link.count("/") == 1
    assert not link.startswith(".")
