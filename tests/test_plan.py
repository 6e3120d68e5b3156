"""Selection: patterns and -k expressions against what is registered."""

from dataclasses import replace

import pytest

from nnbench.errors import NnbenchError, UnknownComponent
from nnbench.model import CaseInfo, ComponentInfo
from nnbench.plan import compile_expression, parse, select, timed


def component(identifier, variants=("reference", "torch"), cases=("small", "large")):
    made = tuple(CaseInfo(label, "", {}, (), "float32", "cpu") for label in cases)
    return ComponentInfo(identifier, "module", "", (), (), variants, made, None, "")


COMPONENTS = [
    component("layers.conv2d"),
    component("layers.conv2d_transposed", ("reference",)),
    component("layers.linear", ("reference", "torch", "fused"), ("32x784,bias=True", "8x[2..4],eps=1e-05")),
    component("losses.mse", cases=("32x10",)),
    component("losses.none_yet", cases=()),
]


def chosen(*patterns, expression=""):
    return [target.key for target in select(COMPONENTS, patterns, expression)]


def ids(*patterns):
    return list(dict.fromkeys(key.partition("@")[0] for key in chosen(*patterns)))


def test_without_patterns_everything_is_taken_in_order_of_registration():
    assert len(chosen()) == 4 + 2 + 6 + 2
    assert chosen()[:3] == [
        "layers.conv2d@reference[small]",
        "layers.conv2d@torch[small]",
        "layers.conv2d@reference[large]",
    ]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("layers", ["layers.conv2d", "layers.conv2d_transposed", "layers.linear"]),
        ("layers.*", ["layers.conv2d", "layers.conv2d_transposed", "layers.linear"]),
        ("layers.conv2d", ["layers.conv2d"]),
        ("*.conv2d*", ["layers.conv2d", "layers.conv2d_transposed"]),
        ("l?????.mse", ["losses.mse"]),
        ("*", ["layers.conv2d", "layers.conv2d_transposed", "layers.linear", "losses.mse"]),
    ],
)
def test_a_pattern_takes_components(pattern, expected):
    assert ids(pattern) == expected


def test_a_pattern_takes_one_variant():
    assert chosen("layers.conv2d@torch") == ["layers.conv2d@torch[small]", "layers.conv2d@torch[large]"]
    assert chosen("layers@f*") == ["layers.linear@fused[32x784,bias=True]", "layers.linear@fused[8x[2..4],eps=1e-05]"]


def test_a_pattern_takes_one_case_of_all_variants():
    assert chosen("layers.conv2d[small]") == ["layers.conv2d@reference[small]", "layers.conv2d@torch[small]"]


@pytest.mark.parametrize("key", chosen())
def test_a_key_takes_exactly_its_target(key):
    assert chosen(key) == [key]


def test_only_the_star_is_special_in_a_case():
    assert chosen("layers.linear@torch[*eps=*]") == ["layers.linear@torch[8x[2..4],eps=1e-05]"]
    with pytest.raises(NnbenchError, match=r"no case '32x78\.,bias=True'"):
        chosen("layers.linear@torch[32x78.,bias=True]")
    with pytest.raises(NnbenchError, match=r"no case '32x78\?,bias=True'"):
        chosen("layers.linear@torch[32x78?,bias=True]")


def test_several_patterns_add_up_without_repeating_anything():
    assert ids("losses.mse", "layers.linear", "layers.linear@torch") == ["layers.linear", "losses.mse"]
    assert len(chosen("layers.linear", "layers.linear@torch")) == 6


def test_a_parsed_pattern_has_stars_where_it_says_nothing():
    parsed = parse("layers.linear[8x[2..4],eps=1e-05]")
    assert (parsed.component, parsed.variant, parsed.case) == ("layers.linear", "*", "8x[2..4],eps=1e-05")


@pytest.mark.parametrize("text", ["", "@torch", "[small]", "layers@", "layers[small", "layers]", "layers@torch]"])
def test_what_is_no_pattern_is_refused(text):
    with pytest.raises(NnbenchError, match=r"is no pattern. Patterns look like layers\.\*"):
        chosen(text)


def test_an_unknown_component_gets_a_suggestion():
    with pytest.raises(UnknownComponent, match=r"no component named 'layers.linar'. Did you mean layers\.linear\b"):
        chosen("layers.linar")


def test_one_pattern_that_takes_nothing_is_a_mistake_even_beside_one_that_does():
    with pytest.raises(UnknownComponent, match="no component named 'loses'"):
        chosen("layers", "loses")


def test_an_unknown_variant_gets_a_suggestion_and_the_valid_ones():
    with pytest.raises(NnbenchError, match=r"no variant named 'torhc'. Did you mean torch\? There are reference and t"):
        chosen("layers.conv2d@torhc")


def test_an_unknown_case_gets_the_valid_ones():
    with pytest.raises(NnbenchError, match=r"no case 'medium'. There are small and large\."):
        chosen("layers.conv2d[medium]")


def test_a_component_without_cases_says_so():
    with pytest.raises(NnbenchError, match=r"losses\.none_yet has no cases, so there is nothing to measure"):
        chosen("losses.none_yet")


@pytest.mark.parametrize(
    ("expression", "kept"),
    [
        ("a", "a ab abc"),
        ("not a", "b c bc"),
        ("a and b", "ab abc"),
        ("a or c", "a ab abc c bc"),
        ("a and not b", "a"),
        ("not not a", "a ab abc"),
        ("c or a and b", "ab abc c bc"),
        ("a and b or c", "ab abc c bc"),
        ("(c or a) and b", "ab abc bc"),
        ("not (a or b)", "c"),
        ("not(a)and(b)", "b bc"),
        ("B", "ab abc b bc"),
    ],
)
def test_an_expression_keeps_names(expression, kept):
    keep = compile_expression(expression)
    assert " ".join(name for name in ("a", "ab", "abc", "b", "c", "bc") if keep(name)) == kept


@pytest.mark.parametrize(
    "text", ["  ", "and", "a and", "or a", "not", "(a", "a)", "()", "a b", "a not b", "a and or b"]
)
def test_an_expression_that_cannot_be_read_is_refused(text):
    with pytest.raises(NnbenchError, match=r"cannot be read; it looks like -k 'conv and not \(torch or large\)'"):
        compile_expression(text)


def test_an_expression_looks_at_the_whole_key():
    assert chosen(expression="conv and torch and large") == ["layers.conv2d@torch[large]"]
    assert chosen("layers.conv2d", expression="not small and not torch") == ["layers.conv2d@reference[large]"]


def test_an_expression_that_keeps_nothing_is_a_mistake():
    with pytest.raises(NnbenchError, match="-k 'transformer' keeps none of the selected cases"):
        chosen("layers", expression="transformer")


def test_what_is_there_on_request_is_taken_only_when_it_is_named():
    one = replace(component("layers.linear", cases=["small"]), on_request=("compiled",))
    assert [target.variant for target in select([one])] == ["reference", "torch"]
    assert [target.variant for target in select([one], ["layers.*@*"])] == ["reference", "torch"]
    assert [target.variant for target in select([one], ["layers.*@compiled"])] == ["compiled"]
    assert [target.variant for target in select([one], ["layers.*@torch", "layers@compiled"])] == ["torch", "compiled"]


def test_only_timed_cases_are_timed_and_one_that_is_not_says_where_it_belongs():
    targets = select([component("layers.linear", cases=("small", "large"))])
    untimed = replace(targets[0], case=replace(targets[0].case, timed=False))
    assert timed([untimed, *targets[1:]]) == targets[1:]
    with pytest.raises(NnbenchError, match="for the checks alone: `nnbench check"):
        timed([untimed])
