"""The components' page: fresh, and complete."""

from pathlib import Path

import nnbench
from nnbench.discovery import describe
from nnbench.documents import read
from nnbench.report.components_page import components_page

PAGE = Path(__file__).parent.parent.parent / "docs" / "components.md"


def page(*components):
    return components_page([describe(one) for one in components], read())


def test_the_page_is_fresh():
    told = "it is written by `nnbench list --markdown > docs/components.md`"
    assert PAGE.read_text().rstrip() == page(*nnbench.components()), told


def test_a_component_is_told_whole():
    text = page(nnbench.component("losses.smooth_l1"))
    section = text[text.index("### losses.smooth_l1") :]
    assert "- Documented in: deepdive, pytorch" in section
    assert "- Kind: loss, timed: forward and backward" in section
    assert "`reference`, `torch`, `documented`, `compiled`" in section
    assert "- **E08** (variant `documented`): SmoothL1Loss is presented as the Huber loss" in section
    timed = [case for case in nnbench.component("losses.smooth_l1").cases if case.timed]
    assert section.count("\n| `") == len(timed)


def test_an_architecture_brings_its_recipe():
    text = page(nnbench.component("architectures.mnist_mlp"))
    assert "Training recipe:\n\n- data: `mnist`\n- loss: `CrossEntropyLoss`\n- optimizer: `Adam`\n" in text
    assert "- optimizer arguments: `lr=0.001`" in text
    assert "features argument" not in text


def test_many_cases_are_counted():
    suite = nnbench.Suite("mine")
    cases = [nnbench.case(nnbench.randn(size)) for size in range(1, 20)]
    text = page(suite.component("many", reference=lambda x: x, cases=cases))
    assert "7 more cases: `nnbench show` lists them." in text
    assert page(suite.component("none", reference=lambda x: x)).endswith("No cases.")


def test_a_docstring_cannot_break_the_page():
    def odd(x):
        """Odd.

        # no heading
        | no table
        ``code <tag>``, <no tag>
        """
        return x

    text = page(nnbench.Suite("mine").component("odd", reference=odd))
    assert "\\# no heading\n\\| no table\n`code <tag>`, &lt;no tag>" in text
