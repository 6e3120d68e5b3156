"""Who meets whom: patterns against what is registered, each question once, and errors that say what to type."""

import pytest

from nnbench.discovery import Source
from nnbench.duels.contest import Contest
from nnbench.duels.opponents import against, between, contests, needed
from nnbench.errors import NnbenchError
from nnbench.model import CaseInfo, ComponentInfo


def component(name, variants=("reference", "torch"), cases=("4x3", "8x3"), **more):
    infos = tuple(CaseInfo(case, f"spec of {case}", {}, (), "float32", "cpu") for case in cases)
    known = {"kind": "module", "summary": "", "documented": (), "properties": (), "recipe": None, "location": ""}
    return ComponentInfo(id=name, variants=variants, cases=infos, **(known | more))


LINEAR = component("layers.linear", ("reference", "torch", "fused"))
ADAM = component("optimizers.adam", cases=("10",), modes=("step",), properties=("parallel",))
ALL = (LINEAR, ADAM)


def keys(found):
    return [(a.variant, b.variant, b.component.id, b.case.label) for a, b in found]


def test_two_variants_meet_in_every_case():
    assert keys(between(ALL, "layers.linear@torch", "layers.linear@reference")) == [
        ("torch", "reference", "layers.linear", "4x3"),
        ("torch", "reference", "layers.linear", "8x3"),
    ]


def test_case_may_be_named():
    found = keys(between(ALL, "layers.linear@torch", "layers.linear@reference[8x3]"))
    assert found == [("torch", "reference", "layers.linear", "8x3")]


def test_patterns_meet_component_by_component():
    found = keys(between(ALL, "*@torch", "*@reference"))
    assert {identifier for *_, identifier, _ in found} == {"layers.linear", "optimizers.adam"}
    assert {(a, b) for a, b, *_ in found} == {("torch", "reference")}


def test_variant_may_meet_itself():
    assert keys(between(ALL, "optimizers.adam@torch", "optimizers.adam@torch")) == [
        ("torch", "torch", "optimizers.adam", "10")
    ]


def test_what_has_nothing_in_common_is_an_error_with_an_example():
    with pytest.raises(NnbenchError, match=r"no case in common.*nnbench duel layers.linear@"):
        between(ALL, "layers.linear@torch", "optimizers.adam@torch")


def test_everything_else_meets_the_variant_it_is_held_against():
    found = keys(against(ALL, ["layers.linear"], "torch"))
    assert {(a, b) for a, b, *_ in found} == {("torch", "reference"), ("torch", "fused")}


def test_what_has_no_such_variant_is_left_out():
    assert {identifier for *_, identifier, _ in keys(against(ALL, [], "fused"))} == {"layers.linear"}


def test_variant_meets_itself_where_it_is_named():
    assert keys(against(ALL, ["optimizers.adam@torch"], "torch")) == [("torch", "torch", "optimizers.adam", "10")]


def test_unknown_variant_gets_a_suggestion():
    with pytest.raises(NnbenchError, match=r"Did you mean torch\?"):
        against(ALL, [], "torhc")


def test_only_the_variant_itself_is_an_error():
    alone = component("layers.alone", ("torch",))
    with pytest.raises(NnbenchError, match="nothing but torch itself"):
        against([alone], ["layers.alone"], "torch")


def test_expression_keeps_what_it_names():
    assert {b for _, b, *_ in keys(against(ALL, ["layers.linear"], "torch", "fused"))} == {"fused"}


def test_contests_are_in_all_modes_that_are_timed():
    found = contests(between(ALL, "layers.linear@torch", "layers.linear@reference[8x3]"))
    shared = ("layers.linear", "8x3")
    assert found == [
        Contest(*shared, mode, "torch", "reference", "spec of 8x3", False) for mode in ("forward", "backward")
    ]


def test_mode_on_request_is_there_when_asked_for():
    found = contests(between(ALL, "layers.linear@torch", "layers.linear@reference[8x3]"), ["forward_backward"])
    assert [contest.mode for contest in found] == ["forward_backward"]


def test_mode_that_nobody_has_is_an_error():
    with pytest.raises(NnbenchError, match="--mode forward: what is selected is timed in step"):
        contests(against(ALL, ["optimizers.adam"], "torch"), ["forward"])


def test_with_several_threads_wall_time_decides():
    met = against(ALL, ["layers.*"], "torch")
    assert not any(contest.is_parallel for contest in contests(met))
    assert all(contest.is_parallel for contest in contests(met, threads=2))


def test_parallel_components_are_marked():
    assert all(contest.is_parallel for contest in contests(against(ALL, ["optimizers.adam"], "torch")))


def test_only_built_in_suites_that_are_needed_are_loaded():
    linear = Source("built-in", "nnbench.suites.layers.linear", "layers.linear")
    other = Source("built-in", "nnbench.suites.losses.linear", "losses.linear")
    mine = Source("file", "/home/me/mine.py", "mine.py")
    wanted = component("layers.linear", location="/somewhere/suites/layers/linear.py:12")
    assert needed([linear, other, mine], [wanted]) == (linear, mine)
