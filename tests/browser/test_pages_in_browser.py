"""Every page in a real browser: no errors, nothing cut off, nothing that an accessibility checker finds."""

import pytest
from pages_to_read import MADE
from sample_runs import HOSTILE

PHONE = {"width": 390, "scheme": "light"}
DESK = {"width": 1300, "scheme": "dark"}
PAPER = {"width": 718, "scheme": "dark", "media": "print"}  # A4 less its margins, of a reader who likes it dark
everywhere = pytest.mark.parametrize("name", MADE)

BAD = """<!DOCTYPE html><html lang="en"><title>Bad</title><body style="background: #fff"><main><h1>Bad</h1>
<div style="width: 3000px">wide</div><p style="color: #ddd">pale</p>
<figure><svg width="200" height="50"><text x="180" y="20" fill="#ddd">cut off, and pale</text></svg></figure>
<style>details::details-content {content-visibility: hidden}</style>
<details><summary>More</summary><p>folded</p></details>
<table><tr style="display: none"><td>lost</td></tr></table><button>dead</button></main>
<script>alert("hello"); console.error("wrong"); fetch("http://localhost:9/x")</script></body></html>"""


@everywhere
def test_page_is_sound_on_a_phone(read, name):
    reading = read(name, **PHONE)
    reading.audit("unfold")
    faults = [*reading.audit("overflow"), *reading.audit("figures"), *reading.audit("pale"), *reading.violations()]
    assert reading.troubles + faults == []
    assert not reading.audit("isDark")


@pytest.mark.parametrize("name", [name for name in MADE if not name.startswith("hostile")])
def test_page_is_sound_on_a_desk_in_the_dark(read, name):
    """What axe finds besides pale words it has found on the phone."""
    reading = read(name, **DESK)
    reading.audit("unfold")
    faults = [*reading.audit("overflow"), *reading.audit("figures"), *reading.audit("pale")]
    assert reading.troubles + faults + reading.violations("color-contrast") == []
    assert reading.audit("isDark")


@everywhere
def test_page_is_read_without_its_script(read, name):
    reading = read(name, script=False)
    assert reading.audit("unread") + reading.audit("overflow") == []


@everywhere
def test_page_is_printed_whole_and_on_white(read, name):
    reading = read(name, **PAPER)
    assert reading.audit("unprinted") + reading.audit("overflow") == []
    assert not reading.audit("isDark")


def test_a_long_page_is_printed_on_many_sheets(read):
    assert read("run", **PAPER).page.pdf().count(b"/Type /Page\n") > 3


@pytest.mark.parametrize("name", [name for name in MADE if name.startswith("hostile")])
def test_hostile_names_are_words(read, name):
    page = read(name).page
    assert page.locator("script").count() <= 1
    assert page.locator("img, iframe, object").count() == 0
    assert page.locator("[onerror], [onclick], [onload]").count() == 0
    assert HOSTILE.partition("\\")[0] in page.locator("main").text_content()


def test_faults_are_found(read):
    """What the tests above ask for is not always there: a page that has everything wrong."""
    reading = read(text=BAD, **PHONE)
    assert {"says hello", "wrong", "asks for http://localhost:9/x"} <= set(reading.troubles)
    assert 'wider than the page: div "wide"' in reading.audit("overflow")
    assert 'nothing drawn: svg "cut off, and pale"' in reading.audit("figures")
    assert 'cut off: text "cut off, and pale"' in reading.audit("figures")
    assert reading.audit("pale") == ['too pale: text "cut off, and pale"']
    assert any(one.startswith("serious: Elements must meet minimum color contrast") for one in reading.violations())
    assert reading.audit("unread") == ['not shown: tr "lost"', 'does nothing: button "dead"']
    assert reading.audit("unprinted") == ['folded away: p "folded"', 'of no use: button "dead"']
