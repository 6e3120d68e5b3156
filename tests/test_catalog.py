"""Registration: what a suite turns into components, and what it refuses."""

import functools

import pytest
import torch
from torch import nn

from nnbench import NnbenchError, RegistrationError, Suite, Variant, case, randn
from nnbench.failures import NotMeasurable


def scaled(x, factor=2.0):
    """Twice the input."""
    return factor * x


class Scale(nn.Module):
    """Scales.

    At length.
    """

    def __init__(self, factor=2.0):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x


@pytest.fixture
def suite():
    return Suite("mine")


def test_a_component_is_known_by_suite_and_name(suite):
    made = suite.component("scale", reference=Scale, documented=["book"], properties=["mode"], cases=[case(randn(2))])
    assert suite.components == {"mine.scale": made}
    assert (made.id, made.kind, made.documented, made.properties) == ("mine.scale", "module", ("book",), {"mode"})
    assert made.doc == "Scales.\n\nAt length."


def test_a_component_says_where_it_was_registered(suite):
    made = suite.component("scale", reference=Scale)
    file, _, line = made.location.rpartition(":")
    assert file == __file__
    assert int(line) == test_a_component_says_where_it_was_registered.__code__.co_firstlineno + 1


def test_the_reference_is_the_first_variant(suite):
    made = suite.component("scale", reference=Scale, variants={"torch": Scale, "fused": scaled})
    assert list(made.variants) == ["reference", "torch", "fused"]
    assert made.reference is made.variant("reference")


def test_a_class_is_constructed_with_the_arguments(suite):
    built = suite.component("scale", reference=Scale).reference.build(factor=3.0)
    assert isinstance(built, Scale)
    assert built.factor == 3.0


def test_a_function_is_bound_to_the_arguments(suite):
    built = suite.component("scaled", reference=scaled).reference.build(factor=3.0)
    assert built(5.0) == 15.0


def test_a_module_can_be_compiled_on_request(suite):
    made = suite.component("linear", reference=nn.Linear)
    assert "compiled" not in made.variants
    built = made.variant("compiled").build(in_features=3, out_features=2)
    assert isinstance(built, nn.Linear)
    assert built._compiled_call_impl is not None
    assert list(built.state_dict()) == ["weight", "bias"]


def test_a_function_can_be_compiled_on_request(suite):
    built = suite.component("scaled", reference=scaled).variant("compiled").build(factor=3.0)
    assert built.__name__ == "compile_wrapper" or hasattr(built, "_torchdynamo_orig_callable")


@pytest.mark.parametrize("kind", ["optimizer", "metric", "procedure"])
def test_other_kinds_are_not_compiled(suite, kind):
    assert suite.component("thing", reference=Scale, kind=kind).on_request == {}


def test_a_partly_bound_class_is_still_constructed(suite):
    built = suite.component("leaky", reference=functools.partial(nn.LeakyReLU, negative_slope=0.5)).reference.build()
    assert isinstance(built, nn.LeakyReLU)
    assert built.negative_slope == 0.5


def test_an_optimizer_is_built_with_its_parameters(suite):
    weight = nn.Parameter(torch.ones(2))
    made = suite.component("sgd", reference=torch.optim.SGD, kind="optimizer", cases=[case(randn(2), lr=0.1)])
    assert made.reference.build(params=[weight], lr=0.1).param_groups[0]["params"][0] is weight


def test_a_target_given_as_text_is_imported_when_it_is_built(suite):
    made = suite.component("late", reference=Scale, variants={"torch": "torch.nn:modules.ReLU", "gone": "nowhere:X"})
    assert isinstance(made.variant("torch").build(), nn.ReLU)
    with pytest.raises(ImportError, match="nowhere"):
        made.variant("gone").build()


def test_a_variant_keeps_the_erratum_that_it_shows(suite):
    made = suite.component("scale", reference=Scale, variants={"documented": Variant("documented", Scale, "E07")})
    assert made.variant("documented").erratum == "E07"
    assert made.reference.erratum == ""


def test_a_name_taken_twice_is_refused(suite):
    suite.component("scale", reference=Scale)
    with pytest.raises(RegistrationError, match=r"mine\.scale is registered twice"):
        suite.component("scale", reference=Scale)


def test_a_misspelt_kind_gets_a_suggestion(suite):
    with pytest.raises(
        RegistrationError, match=r"unknown kind 'optimiser'. Did you mean optimizer\? Kinds are module,"
    ):
        suite.component("scale", reference=Scale, kind="optimiser")


def test_a_misspelt_property_gets_a_suggestion(suite):
    with pytest.raises(RegistrationError, match=r"unknown property 'stochastik'. Did you mean stochastic\?"):
        suite.component("scale", reference=Scale, properties=["stochastik"])


def test_two_cases_with_one_label_are_refused_until_one_is_named(suite):
    with pytest.raises(RegistrationError, match=r"two cases labelled '2'; tell them apart with name='\.\.\.'"):
        suite.component("scale", reference=Scale, cases=[case(randn(2)), case(randn(2, requires_grad=False))])
    cases = [case(randn(2)), case(randn(2, requires_grad=False), name="no_gradient")]
    made = suite.component("scale", reference=Scale, cases=cases)
    assert [one.label for one in made.cases] == ["2", "no_gradient"]


@pytest.mark.parametrize(
    ("reference", "kind", "wrong", "reason"),
    [
        (
            Scale,
            "module",
            case(randn(2), facto=3),
            r"unexpected keyword argument 'facto'. It takes Scale\(factor=2.0\)",
        ),
        (Scale, "module", case(randn(2), randn(2)), r"too many positional arguments. It takes forward\(self, x\)"),
        (nn.Linear, "module", case(randn(2)), "missing a required argument: 'in_features'"),
        (nn.MSELoss, "loss", case(randn(2)), "missing a required argument: 'target'"),
        (scaled, "module", case(randn(2), gain=3), r"unexpected keyword argument 'gain'. It takes scaled\(x, factor"),
        (scaled, "module", case(randn(2), randn(2), randn(2)), "too many positional arguments"),
        (scaled, "module", case(randn(2), x=3), "multiple values for argument 'x'"),
        (lambda params, lr: None, "module", case(), "missing a required argument: 'params'"),
        (type("Plain", (), {"__init__": lambda self, params, lr: None}), "optimizer", case(randn(2)), "argument: 'lr'"),
        (torch.optim.SGD, "optimizer", case(randn(2), momentun=0.9), "unexpected keyword argument 'momentun'"),
        (type("Late", (), {"__init__": lambda self, optimizer, gamma: None}), "scheduler", case(), "argument: 'gamma'"),
    ],
)
def test_a_case_that_the_reference_does_not_take_is_refused(suite, reference, kind, wrong, reason):
    with pytest.raises(RegistrationError, match=reason) as refused:
        suite.component("one", reference=reference, kind=kind, cases=[wrong])
    assert f"mine.one: the reference does not take case {wrong.label!r}" in str(refused.value)
    assert suite.components == {}


def test_what_the_harness_hands_over_is_not_asked_of_the_case(suite):
    suite.component("sgd", reference=torch.optim.SGD, kind="optimizer", cases=[case(randn(2), lr=0.1)])
    suite.component(
        "decay", reference=torch.optim.lr_scheduler.ExponentialLR, kind="scheduler", cases=[case(gamma=0.9)]
    )


def test_a_reference_given_as_text_is_not_imported_to_look_at_its_signature(suite):
    suite.component("late", reference="no.such.module:Thing", cases=[case(randn(2), anything=3)])


@pytest.mark.parametrize("name", ["", "Layers", "2d", "conv-2d", "a.b", "a b", "_a"])
def test_names_are_lower_case_words(suite, name):
    with pytest.raises(RegistrationError, match="cannot name a suite"):
        Suite(name)
    with pytest.raises(RegistrationError, match="cannot name a component"):
        suite.component(name, reference=Scale)
    with pytest.raises(RegistrationError, match=r"cannot name a variant of mine\.scale"):
        suite.component("scale", reference=Scale, variants={name: Scale})


def test_the_reference_is_not_given_twice(suite):
    with pytest.raises(RegistrationError, match="'reference' is given as reference="):
        suite.component("scale", reference=Scale, variants={"reference": Scale})


@pytest.mark.parametrize("target", [None, 3, "torch.nn.ReLU"])
def test_a_variant_is_something_to_call_or_a_text_with_a_colon(suite, target):
    with pytest.raises(RegistrationError, match=r"mine\.scale@fused is .*: a variant is a class, a function"):
        suite.component("scale", reference=Scale, variants={"fused": target})


def test_an_unknown_variant_gets_a_suggestion(suite):
    made = suite.component("scale", reference=Scale, variants={"torch": Scale})
    with pytest.raises(
        NnbenchError, match=r"no variant named 'torhc'. Did you mean torch\? It has reference, torch and compiled"
    ):
        made.variant("torhc")


def test_an_unknown_case_gets_the_valid_ones(suite):
    made = suite.component("scale", reference=Scale, cases=[case(randn(2)), case(randn(3))])
    assert made.case("3") is made.cases[1]
    with pytest.raises(NnbenchError, match=r"no case '4'. Its cases are 2 and 3"):
        made.case("4")


def test_components_do_not_change_once_registered(suite):
    made = suite.component("scale", reference=Scale)
    with pytest.raises(TypeError):
        made.variants["torch"] = Variant("torch", Scale)
    with pytest.raises(AttributeError):
        made.kind = "loss"


def test_what_is_not_worth_compiling_says_why(suite):
    made = suite.component("slow", reference=Scale, not_compiled="its loop is unrolled")
    with pytest.raises(NotMeasurable, match="its loop is unrolled"):
        made.variant("compiled").build()
