"""Outcomes of metrics, transforms and procedures: right ones pass, and each kind of wrong one is told."""

import itertools

import numpy as np
import pytest
import torch

from nnbench import Suite, Variant, case, rand, randint, randn
from nnbench.checks.battery import check
from nnbench.checks.evidence import Wrong
from nnbench.checks.leaves import leaves

SEED = 11
PAIR = (randn(40), randn(40))
RIGHT = {"passed", "skipped"}


def rows(reference, *, variant="reference", kind="metric", inputs=PAIR, **more):
    made = Suite("mine").component("thing", kind=kind, reference=reference, cases=[case(*inputs)], **more)
    return {row.check: row for row in check(made, variant, made.cases[0], SEED)}


def wrong(found):
    return {name for name, row in found.items() if row.status not in RIGHT}


def distance(a, b):
    return {"mean": (a - b).abs().mean(), "count": len(a), "unit": "1"}


def distance_oracle(a, b):
    return {"mean": float(np.mean(np.abs(a - b))), "count": a.size, "unit": "1"}


def test_a_right_metric_passes_every_check():
    found = rows(distance, oracle=distance_oracle)
    assert not wrong(found)
    assert list(found) == [
        *("outcome_float64", "outcome_float32", "answers_anew", "inputs_unchanged", "layouts", "repeats", "defaults")
    ]
    assert found["outcome_float64"].note.endswith("against its oracle")
    assert 0 < found["outcome_float32"].error < found["outcome_float32"].allowance < 1e-4


def keeps(a, b, kept={}):  # noqa: B006  the mistake on trial
    return kept.setdefault("first", distance(a, b))


def writes(a, b):
    answer = distance(a, b)
    a += 1
    return answer


WRONG = {
    "off": (lambda a, b: distance(a, b) | {"mean": (a - b).abs().mean() * (1 + 1e-9)}, "outcome_float64"),
    "in half precision": (
        lambda a, b: distance(a, b) | {"mean": (a.half() - b.half()).abs().mean().to(a.dtype)},
        "outcome_float32",
    ),
    "a wrong count": (lambda a, b: distance(a, b) | {"count": len(a) + 1}, "outcome_float64"),
    "a wrong word": (lambda a, b: distance(a, b) | {"unit": "m"}, "outcome_float64"),
    "a missing part": (lambda a, b: {"mean": distance(a, b)["mean"]}, "outcome_float64"),
    "nothing that can be compared": (lambda a, b: object(), "outcome_float64"),
    "not a number": (lambda a, b: distance(a, b) | {"mean": torch.tensor(float("nan"))}, "outcome_float64"),
    "kept from the first call": (keeps, "answers_anew"),
    "written into its input": (writes, "inputs_unchanged"),
    "taken for contiguous": (
        lambda a, b: distance(a.as_strided(a.shape, (1,)), b.as_strided(b.shape, (1,))),
        "layouts",
    ),
    "by chance": (lambda a, b: distance(a, b) | {"mean": distance(a, b)["mean"] + torch.rand(1)[0]}, "outcome_float64"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_one_is_caught(name):
    reference, caught_by = WRONG[name]
    found = rows(reference, oracle=distance_oracle)
    assert caught_by in wrong(found)


def test_what_differs_from_call_to_call_does_not_repeat():
    count = itertools.count()
    found = rows(lambda a, b: distance(a, b)["mean"] + 1e-3 * next(count), oracle=lambda a, b: np.abs(a - b).mean())
    assert "repeats" in wrong(found)


def test_what_is_wrong_is_told_with_its_place():
    found = rows(WRONG["a wrong word"][0], oracle=distance_oracle)
    assert found["outcome_float64"].note == "'m' where '1' is right at ['unit'] against its oracle"


@pytest.mark.parametrize("outcome", [lambda a, b: True, lambda a, b: a.mean() * 0])
def test_a_case_that_cannot_fail_is_mistrusted(outcome):
    def oracle(a, b):
        return outcome(torch.as_tensor(a), torch.as_tensor(b))

    found = rows(outcome, oracle=oracle)
    assert found["outcome_float64"].status == "mistrusted"


def test_another_implementation_judges_where_there_is_no_oracle():
    def other(a, b):
        return distance(b, a)

    found = rows(distance, variants={"peer": other})
    assert found["outcome_float64"].note.endswith("against peer")
    assert not wrong(found)
    assert "outcome_float64" in wrong(rows(WRONG["off"][0], variants={"peer": other}))


def test_without_any_judge_it_says_so():
    found = rows(distance)
    assert found["outcome_float64"].status == "skipped"
    assert "no oracle and no other variant" in found["outcome_float64"].note


def test_a_judge_that_raises_is_not_the_variants_fault():
    def broken(a, b):
        raise ValueError("no")

    found = rows(broken, variant="peer", variants={"peer": distance})
    assert "reference, which it would be judged by, gives no answer" in found["outcome_float64"].note


class Counter:
    """Counts what is above a threshold, over several calls."""

    def __init__(self, threshold=0.5, step=1):
        self.threshold, self.step, self.count = threshold, step, 0

    def update(self, values):
        self.count += self.step * int((values > self.threshold).sum())


def count_both(make, first, second):
    counter = make()
    counter.update(first)
    counter.update(second)
    return counter.count


def test_a_drive_puts_it_through_its_paces():
    inputs = (rand(30), rand(30))
    more = {"inputs": inputs, "drive": count_both, "kind": "procedure"}
    oracle = lambda a, b: int((np.concatenate([a, b]) > 0.5).sum())  # noqa: E731
    found = rows(Counter, oracle=oracle, **more)
    assert not wrong(found)
    assert "outcome_float32" not in found

    class Double(Counter):
        def __init__(self, threshold=0.5):
            super().__init__(threshold, 2)

    assert "outcome_float64" in wrong(rows(Double, oracle=oracle, **more))


def noisy(images):
    return images.double() / 255 + torch.randn(images.shape)


def test_chance_is_compared_under_the_same_seed():
    inputs = (randint(256, (4, 5)),)

    def fixed(images):
        return images.double() / 255 + torch.randn(images.shape, generator=torch.Generator().manual_seed(3))

    def other_order(images):
        torch.rand(1)
        return noisy(images)

    more = {"kind": "transform", "inputs": inputs, "properties": ["stochastic"]}
    assert not wrong(rows(noisy, variants={"torch": lambda images: noisy(images)}, **more))
    found = rows(noisy, variants={"torch": other_order}, **more)
    assert wrong(found) >= {"outcome_float64", "outcome_float32"}
    assert wrong(rows(fixed, variants={"torch": fixed}, **more)) == {"another_seed"}


def test_an_erratum_is_proved_by_its_evidence():
    from nnbench import Evidence

    def shows(documented, reference):
        return Evidence(float(documented.build()(torch.ones(1))) != 1.0, "it gives 2 where 1 is right")

    def doubled(a, b=None):
        return 2 * a

    def right(a, b=None):
        return 1 * a

    for target, status in ((doubled, "expected"), (right, "failed")):
        documented = Variant("documented", target, erratum="E99", evidence={"E99": shows})
        found = rows(right, variant="documented", variants={"documented": documented}, oracle=lambda a, b: a)
        assert (found["evidence_E99"].status, found["evidence_E99"].erratum) == (status, "E99")
    assert found["evidence_E99"].note == "E99 no longer shows: it gives 2 where 1 is right"


def test_evidence_that_raises_is_a_failure():
    def broken(documented, reference):
        raise RuntimeError("no such thing")

    documented = Variant("documented", distance, erratum="E99", evidence={"E99": broken})
    found = rows(distance, variant="documented", variants={"documented": documented}, oracle=distance_oracle)
    assert found["evidence_E99"].status == "failed"
    assert "no such thing" in found["evidence_E99"].note


def test_a_known_difference_is_expected_and_must_show():
    different = Variant("keras", WRONG["off"][0], difference="it rounds up")
    found = rows(distance, variant="keras", variants={"keras": different}, oracle=distance_oracle)
    assert (found["outcome_float64"].status, found["outcome_float64"].erratum) == ("expected", "")
    assert found["outcome_float64"].note.startswith("known difference, it rounds up: off by")
    same = Variant("keras", distance, difference="it rounds up")
    found = rows(distance, variant="keras", variants={"keras": same}, oracle=distance_oracle)
    assert found["erratum"].status == "failed"


def test_leaves_of_an_outcome_have_their_places():
    found = list(leaves({"a": [1, (2.0, None)], "b": np.float32(3), "c": torch.ones(2)}))
    assert [path for path, _ in found] == ["['a'][0]", "['a'][1][0]", "['a'][1][1]", "['b']", "['c']"]
    with pytest.raises(Wrong, match="object"):
        list(leaves([object()]))


def test_what_cannot_be_had_is_skipped_once():
    missing = Variant("keras", "no_such_package:Thing", difference="it rounds up")
    found = rows(distance, variant="keras", variants={"keras": missing}, oracle=distance_oracle)
    assert [(row.status, row.note) for row in found.values()] == [
        ("skipped", "cannot be imported: No module named 'no_such_package'")
    ]


def iterated(growth):
    """A procedure that carries each rounding on, and enlarges it: the logistic map, 25 times."""

    def procedure(start):
        for _ in range(25):
            start = growth * start * (1 - start)
        return start

    return procedure


def test_a_procedure_is_allowed_what_rounding_its_inputs_changes():
    def oracle(start):
        for _ in range(25):
            start = 3.7 * (start - start**2)
        return start

    more = {"kind": "procedure", "inputs": (rand(50),), "oracle": oracle}
    assert not wrong(rows(iterated(3.7), **more))
    assert "outcome_float64" in wrong(rows(iterated(3.7 * (1 + 1e-9)), **more))
    assert "outcome_float64" in wrong(rows(iterated(3.7), **more | {"kind": "metric"}))


def test_a_known_difference_excuses_no_exception():
    def broken(a, b):
        raise ValueError("no")

    made = Variant("keras", broken, difference="it rounds up")
    found = rows(distance, variant="keras", variants={"keras": made}, oracle=distance_oracle)
    assert found["outcome_float64"].status == "failed"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_coarse_answer_does_not_excuse_itself(dtype):
    def coarse(a, b):
        return distance(a, b) | {"mean": distance(a, b)["mean"].to(dtype)}

    found = rows(coarse, oracle=distance_oracle)
    assert "came out where torch.float64 is right at ['mean']" in found["outcome_float64"].note


def test_whole_numbers_stay_whole_numbers():
    def counted(a, b):
        return (a > b).sum()

    inputs = {"inputs": (randint(9, (50,)), randint(9, (50,)))}
    oracle = lambda a, b: np.asarray((a > b).sum())  # noqa: E731
    assert not wrong(rows(counted, oracle=oracle, **inputs))
    assert "outcome_float64" in wrong(rows(lambda a, b: counted(a, b).float(), oracle=oracle, **inputs))


def test_of_integers_alone_numbers_are_made_in_torchs_default_dtype():
    inputs = {"inputs": (randint(9, (50,)), randint(9, (50,)))}
    assert not wrong(rows(lambda a, b: (a > b).float().mean(), oracle=lambda a, b: (a > b).mean(), **inputs))


def test_a_mapping_has_no_order():
    def turned(a, b):
        return dict(reversed(distance(a, b).items()))

    assert not wrong(rows(turned, oracle=distance_oracle))


def test_an_unstable_procedure_sets_no_allowance_of_its_own():
    """What is on trial is judged by how its oracle answers to a rounding, not by how it does itself."""

    def unstable(start):
        seed = int(start.sum().double().mul(2**40)) % 2**31  # another for the least change of the inputs
        noise = torch.randn(start.shape, generator=torch.Generator().manual_seed(seed))
        return start.sin() * (1 + 1e-3 * noise)

    found = rows(unstable, oracle=np.sin, kind="procedure", inputs=(rand(50),))
    assert {"outcome_float64", "answers_anew"} <= wrong(found)
