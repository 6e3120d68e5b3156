"""Initializers: torch's own pass against SciPy's distributions, and every kind of wrong one is caught."""

import math
import warnings

import pytest
import torch
from scipy import stats
from torch import nn

from nnbench import Suite, case, randn
from nnbench.checks.battery import check
from nnbench.checks.filling import told

SEED = 3
LAYER = (randn(64, 96),)


def rows(reference, oracle, *, variant="reference", inputs=LAYER, variants=None, **arguments):
    made = Suite("mine").component(
        "filler",
        kind="initializer",
        reference=reference,
        oracle=oracle,
        variants=variants or {"torch": nn.init.xavier_uniform_},
        cases=[case(*inputs, **arguments)],
    )
    every = check(made, variant, made.cases[0], SEED)
    return {row.check: row for row in every if row.check != "defaults"}  # which is looked at elsewhere


def wrong(found):
    return {name for name, row in found.items() if row.status not in ("passed", "skipped")}


def xavier(tensor, gain=1.0):
    bound = gain * math.sqrt(6 / sum(tensor.shape))
    return {"0": stats.uniform(-bound, 2 * bound)}


def test_a_right_initializer_passes():
    found = rows(nn.init.xavier_uniform_, xavier)
    asked = ["distribution", "same_numbers", "another_seed", "without_a_graph", "unrelated"]
    assert list(found) == [*asked, "generator", "layouts", "nothing_to_fill"]
    assert not wrong(found)
    assert not wrong(rows(nn.init.xavier_uniform_, xavier, variant="torch", gain=2.0))


def wider(tensor):
    return nn.init.xavier_uniform_(tensor, gain=1.1)


def normal(tensor):
    return nn.init.xavier_normal_(tensor)


def always_the_same(tensor):
    return nn.init.xavier_uniform_(tensor, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def another_order(tensor):
    return tensor.copy_(nn.init.xavier_uniform_(torch.empty(tensor.shape[::-1])).T)


def out_of_place(tensor):
    return nn.init.xavier_uniform_(tensor).clone()


def elsewhere(tensor):
    tensor.data = nn.init.xavier_uniform_(torch.empty(tensor.shape))
    return tensor


def with_a_graph(tensor):
    bound = math.sqrt(6 / sum(tensor.shape))
    tensor.mul_(0)
    return tensor.add_((torch.rand(tensor.shape) * 2 - 1) * bound)


@pytest.mark.parametrize(
    ("mutant", "caught_by"),
    [
        (wider, "distribution"),
        (normal, "distribution"),
        (always_the_same, "another_seed"),
        (another_order, "same_numbers"),
        (out_of_place, "without_a_graph"),
        (with_a_graph, "without_a_graph"),
        (elsewhere, "without_a_graph"),
    ],
)
def test_a_wrong_initializer_is_caught(mutant, caught_by):
    assert caught_by in wrong(rows(mutant, xavier))


class Network(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(30, 40), nn.BatchNorm1d(40))


def initialize(module, bias=0.01):
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.constant_(layer.bias, bias)


def of_network(module):
    bound = math.sqrt(6 / 70)
    return {"0.weight": stats.uniform(-bound, 2 * bound), "0.bias": 0.01}


def test_a_module_is_filled_by_name():
    more = {"inputs": (), "variants": {"torch": initialize}, "module": Network}
    assert not wrong(rows(initialize, of_network, **more))

    def another_bias(module):
        initialize(module, bias=0.02)

    def too_much(module):
        initialize(module)
        nn.init.constant_(module[1].weight, 0.5)

    found = rows(another_bias, of_network, **more)
    assert found["distribution"].note == "0.bias is not filled with 0.01"
    found = rows(too_much, of_network, **more)
    assert found["distribution"].note == "1.weight is changed, which it should leave as it is"

    def elsewhere(module):
        initialize(module)
        module[0].weight = nn.Parameter(module[0].weight.detach().clone())

    found = rows(elsewhere, of_network, **more)
    assert wrong(found) == {"without_a_graph"}
    assert "elsewhere in memory" in found["without_a_graph"].note
    found = rows(initialize, lambda module: {"2.weight": 0.0}, **more)
    assert "2.weight" in found["distribution"].note


def test_too_few_numbers_are_mistrusted(monkeypatch):
    monkeypatch.setattr("nnbench.checks.filling.LEAST_SAMPLED", 20)
    found = rows(nn.init.xavier_uniform_, xavier, inputs=(randn(4, 5),))
    assert found["distribution"].status == "mistrusted"


def test_without_a_judge_it_says_so():
    assert rows(nn.init.xavier_uniform_, None)["distribution"].status == "skipped"


def test_constants_have_no_chance():
    found = rows(nn.init.zeros_, lambda tensor: {"0": 0}, variants={"torch": nn.init.zeros_})
    assert found["another_seed"].status == "skipped"
    assert not wrong(found)


@torch.no_grad()
def mirrored(tensor, generator=None):
    """The lower half is the upper one with other signs."""
    nn.init.xavier_uniform_(tensor, generator=generator)
    tensor[len(tensor) // 2 :] = -tensor[: len(tensor) // 2]
    return tensor


@torch.no_grad()
def in_float32(tensor, generator=None):
    return tensor.copy_(nn.init.xavier_uniform_(torch.empty(tensor.shape), generator=generator))


def deaf(tensor, generator=None):
    return nn.init.xavier_uniform_(tensor)


def of_two_generators(tensor, generator=None):
    torch.rand(2)
    return nn.init.xavier_uniform_(tensor, generator=generator)


def of_a_generator_s_first_seed(tensor, generator=None):
    known = None if generator is None else torch.Generator().manual_seed(0)
    return nn.init.xavier_uniform_(tensor, generator=known)


@torch.no_grad()
def of_a_generator_in_another_order(tensor, generator=None):
    nn.init.xavier_uniform_(tensor, generator=generator)
    return tensor if generator is None else tensor.copy_(tensor.flip(0))


def where_it_is_contiguous(tensor, generator=None):
    nn.init.xavier_uniform_(tensor.detach().contiguous(), generator=generator)
    return tensor


@torch.no_grad()
def all_its_memory(tensor, generator=None):
    if not tensor.is_contiguous() and tensor.untyped_storage().nbytes() > tensor.numel() * tensor.element_size():
        whole = tensor.as_strided((tensor.untyped_storage().nbytes() // tensor.element_size(),), (1,))
        whole.zero_()
    return nn.init.xavier_uniform_(tensor, generator=generator)


@torch.no_grad()
def as_it_lies_in_memory(tensor, generator=None):
    if tensor.is_contiguous():
        return nn.init.xavier_uniform_(tensor, generator=generator)
    return tensor.copy_(nn.init.xavier_uniform_(torch.empty(tensor.shape[::-1]), generator=generator).T)


@torch.no_grad()
def added_to_nothing(tensor, generator=None):
    return tensor.mul_(0).add_(nn.init.xavier_uniform_(torch.empty_like(tensor), generator=generator))


def needs_numbers(tensor, generator=None):
    tensor.flatten()[0]
    return nn.init.xavier_uniform_(tensor, generator=generator)


def warns_of_none(tensor, generator=None):
    if not tensor.numel():
        warnings.warn("nothing to fill", stacklevel=2)
    return nn.init.xavier_uniform_(tensor, generator=generator)


@pytest.mark.parametrize(
    ("mutant", "caught_by"),
    [
        (mirrored, {"unrelated", "same_numbers", "generator", "layouts"}),
        (in_float32, {"same_numbers", "layouts"}),
        (deaf, {"generator"}),
        (of_two_generators, {"generator", "same_numbers", "layouts"}),
        (of_a_generator_s_first_seed, {"generator"}),
        (of_a_generator_in_another_order, {"generator"}),
        (where_it_is_contiguous, {"layouts"}),
        (all_its_memory, {"layouts"}),
        (as_it_lies_in_memory, {"layouts"}),
        (added_to_nothing, {"layouts"}),
        (needs_numbers, {"nothing_to_fill"}),
        (warns_of_none, {"nothing_to_fill"}),
    ],
)
def test_a_wrong_way_of_filling_is_caught(mutant, caught_by):
    assert wrong(rows(mutant, xavier)) == caught_by


@pytest.mark.parametrize("mutant", [mirrored, deaf, of_two_generators, of_a_generator_s_first_seed])
def test_it_takes_no_torchs_to_catch_it(mutant):
    others = {"another": nn.init.xavier_uniform_}
    found = rows(nn.init.xavier_uniform_, xavier, variants=others)
    assert not wrong(found)
    assert {name for name, row in found.items() if row.status == "skipped"} == {"same_numbers", "nothing_to_fill"}
    assert wrong(rows(mutant, xavier, variants=others)) & {"unrelated", "generator"}


@torch.no_grad()
def by_box_and_muller(tensor, generator=None):
    """Pairs of normal numbers from pairs of uniform ones."""
    pairs = torch.rand(2, (tensor.numel() + 1) // 2, dtype=tensor.dtype, generator=generator)
    radius, angle = (-2 * torch.log1p(-pairs[0])).sqrt(), 2 * math.pi * pairs[1]
    numbers = torch.cat((radius * angle.cos(), radius * angle.sin()))[: tensor.numel()]
    return tensor.copy_(numbers.view(tensor.shape) * math.sqrt(2 / sum(tensor.shape)))


def normally(tensor):
    return {"0": stats.norm(0, math.sqrt(2 / sum(tensor.shape)))}


@pytest.mark.parametrize("seed", range(3))
def test_another_algorithm_is_right_but_in_place_of_torchs(seed, monkeypatch):
    monkeypatch.setattr("test_filling.SEED", seed)
    right = {"torch": nn.init.xavier_normal_, "another": by_box_and_muller}
    found = rows(nn.init.xavier_normal_, normally, variant="another", variants=right)
    assert {row.status for row in found.values()} == {"passed"}
    assert found["same_numbers"].note == "as it drew before"
    of_torch = {"same_numbers", "generator", "layouts"}
    assert wrong(rows(by_box_and_muller, normally, variants=right)) == of_torch
    replaced = {"torch": by_box_and_muller}
    assert wrong(rows(nn.init.xavier_normal_, normally, variant="torch", variants=replaced)) == of_torch


def unseeded(tensor, generator=None):
    if generator is None:
        generator = torch.Generator()
        generator.seed()
    return nn.init.xavier_uniform_(tensor, generator=generator)


@torch.no_grad()
def wider_where_apart(tensor, generator=None):
    return nn.init.xavier_uniform_(tensor, gain=1.0 if tensor.is_contiguous() else 1.1, generator=generator)


OTHERS = [
    (
        unseeded,
        {"same_numbers"},
        "from the same seed the first tensor gets other numbers than it drew before, in float",
    ),
    (deaf, {"generator"}, "given a generator it draws from the global one as well"),
    (of_two_generators, {"generator"}, "given a generator it draws from the global one as well"),
    (of_a_generator_s_first_seed, {"generator"}, "from another seed of its generator it draws the same numbers"),
    (where_it_is_contiguous, {"layouts"}, "with its numbers apart in memory, the first tensor is not filled all over"),
    (added_to_nothing, {"layouts"}, "with its numbers apart in memory, the first tensor is not filled all over"),
    (all_its_memory, {"layouts"}, "with its numbers apart in memory, it fills what lies between the numbers too"),
    (wider_where_apart, {"layouts"}, "with its numbers apart in memory, it is off by"),
]


@pytest.mark.parametrize(("mutant", "caught_by", "note"), OTHERS)
def test_a_wrong_way_of_filling_is_caught_of_any_variant(mutant, caught_by, note):
    variants = {"torch": nn.init.xavier_uniform_, "another": mutant}
    found = rows(nn.init.xavier_uniform_, xavier, variant="another", variants=variants)
    assert wrong(found) == caught_by
    assert found[min(caught_by)].note.startswith(note)


def test_tensors_are_told_by_their_place():
    def one_alone(first, second):
        nn.init.xavier_uniform_(first)

    found = rows(one_alone, lambda first, second: xavier(first) | {"1": xavier(second)["0"]}, inputs=LAYER * 2)
    assert found["distribution"].note.endswith("in the distribution of the second tensor")
    assert [told("0"), told("1.weight"), told("11")] == ["the first tensor", "1.weight", "tensor 12"]


def test_layers_with_one_seed_go_together():
    def alike(module):
        seed = int(torch.randint(2**30, ()))
        for layer in module:
            torch.manual_seed(seed)
            nn.init.xavier_uniform_(layer.weight)

    def apart(module):
        for layer in module:
            nn.init.xavier_uniform_(layer.weight)

    def layers():
        return nn.Sequential(nn.Linear(30, 40, bias=False), nn.Linear(40, 30, bias=False))

    more = {"inputs": (), "variants": {"others": apart}, "module": layers}
    right = {f"{place}.weight": stats.uniform(-math.sqrt(6 / 70), 2 * math.sqrt(6 / 70)) for place in range(2)}
    assert not wrong(rows(apart, lambda module: right, **more))
    found = rows(alike, lambda module: right, **more)
    assert wrong(found) == {"unrelated"}
    assert "what 0.weight gets goes together with what 1.weight gets" in found["unrelated"].note


def test_what_torchs_refuses_may_be_refused():
    def refuses(tensor):
        if not tensor.numel():
            raise ValueError("nothing to fill")
        return nn.init.xavier_uniform_(tensor)

    found = rows(refuses, xavier, variants={"torch": refuses})
    assert found["nothing_to_fill"].status == "skipped"
    assert not wrong(found)
