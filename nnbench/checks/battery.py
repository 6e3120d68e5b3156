"""Which checks a component gets, and running them: one row each, whatever the component does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

import torch

from nnbench.catalog import Component, Evidence, Variant
from nnbench.checks import (
    backward,
    behaviour,
    filling,
    filling_numbers,
    initial_weights,
    inputs,
    modes,
    outcomes,
    schedule_protocol,
    schedules,
    signature,
    special_numbers,
    step_rules,
    step_settings,
    steps,
    usable,
    values,
    weights,
)
from nnbench.checks.evidence import Finding, NoJudge, Skip, Unusable, Wrong
from nnbench.checks.trial import Trial
from nnbench.failures import explain
from nnbench.model import EVIDENCE, NO_LONGER_SHOWS, Check, CheckStatus, Status
from nnbench.specs import Case

Checker = Callable[[Trial], Finding]


def _callable_checks(component: Component, case: Case) -> dict[str, Checker]:
    in_dtype = {
        f"forward_{case.dtype}": values.forward_dtype,
        f"gradients_{case.dtype}": values.gradients_dtype,
    }
    return {
        "answers": usable.answers,
        "forward_float64": values.forward_float64,
        **(in_dtype if case.dtype != "float64" else {}),
        "inputs_unchanged": behaviour.inputs_unchanged,
        "own_memory": behaviour.own_memory,
        "answers_anew": behaviour.answers_anew,
        "later_calls": behaviour.later_calls,
        "deterministic": behaviour.deterministic,
        "mode": behaviour.mode,
        "wide_inputs": values.wide_inputs,
        "offset_inputs": values.offset_inputs,
        "gradients_float64": values.gradients_float64,
        "gradcheck": values.gradcheck,
        "accumulation": backward.accumulation,
        "partial_gradients": backward.partial_gradients,
        "without_gradients": backward.without_gradients,
        "whole_numbers": special_numbers.whole_numbers,
        "special_values": special_numbers.special_values,
        "sizes": inputs.sizes,
        "layouts": inputs.layouts,
        "same_input": inputs.same_input,
        "saved_state": weights.saved_state,
        "changed_weights": weights.changed_weights,
        "initial_weights": initial_weights.initial_weights,
        "defaults": signature.defaults,
        **_declared_checks(component),
    }


def _declared_checks(component: Component) -> dict[str, Checker]:
    called_for = [checks for declared, checks in DECLARED.items() if declared in component.properties]
    return {name: checker for checks in called_for for name, checker in checks.items()}


def _optimizer_checks(component: Component, case: Case) -> dict[str, Checker]:
    in_dtype = {f"steps_{case.dtype}": steps.steps_dtype}
    return {
        "steps_float64": steps.steps_float64,
        **(in_dtype if case.dtype != "float64" else {}),
        "resume": step_rules.resume,
        "resume_elsewhere": step_settings.resume_elsewhere,
        "missing_gradient": step_rules.missing_gradient,
        "parameter_layouts": step_rules.parameter_layouts,
        "settings": step_settings.settings,
        "groups": step_settings.groups,
        "added_group": step_rules.added_group,
        "without_gradients": step_rules.without_gradients,
        "closure": step_rules.closure,
        "gaps": steps.gaps,
        "state": steps.state,
        "defaults": signature.defaults,
    }


def _outcome_checks(component: Component, case: Case) -> dict[str, Checker]:
    # A procedure of many steps carries the rounding of each into the next: float64 is where it can be judged.
    in_dtype = {f"outcome_{case.dtype}": outcomes.outcome_dtype}
    in_layouts = {"layouts": outcomes.layouts} if component.kind in ("metric", "transform") else {}
    by_chance = {"another_seed": outcomes.another_seed} if "stochastic" in component.properties else {}
    return {
        "outcome_float64": outcomes.outcome_float64,
        **(in_dtype if case.dtype != "float64" and component.kind != "procedure" else {}),
        "answers_anew": outcomes.answers_anew,
        "inputs_unchanged": outcomes.inputs_unchanged,
        **in_layouts,
        "repeats": outcomes.repeats,
        "defaults": signature.defaults,
        **by_chance,
    }


def _scheduler_checks(component: Component, case: Case) -> dict[str, Checker]:
    return {
        "closed_form": schedules.closed_form,
        "chained": schedules.chained,
        "resume": schedules.resume,
        "rates_only": schedules.rates_only,
        "begun_later": schedule_protocol.begun_later,
        "sent_to_an_epoch": schedule_protocol.sent_to_an_epoch,
        "outside_rates": schedule_protocol.outside_rates,
        "later_group": schedule_protocol.later_group,
        "same_state": schedule_protocol.same_state,
        "defaults": signature.defaults,
    }


def _initializer_checks(component: Component, case: Case) -> dict[str, Checker]:
    return {
        "distribution": filling.distribution,
        "same_numbers": filling_numbers.same_numbers,
        "another_seed": filling.another_seed,
        "without_a_graph": filling.without_a_graph,
        "unrelated": filling.unrelated,
        "generator": filling_numbers.generator,
        "layouts": filling_numbers.layouts,
        "nothing_to_fill": filling_numbers.nothing_to_fill,
        "defaults": signature.defaults,
    }


# What a declared property calls for, beside what the kind does.
DECLARED: dict[str, dict[str, Checker]] = {
    "mode": {"evaluation_float64": modes.evaluation_float64, "state_after_call": modes.state_after_call},
    "stochastic": {"training_statistics": modes.training_statistics},
    "batch_independent": {"batch_independent": modes.batch_independent},
    "elementwise": {"elementwise": modes.elementwise},
}

# One entry a kind; what a suite drives itself is judged by its outcome.
CHECKS: dict[str, Callable[[Component, Case], dict[str, Checker]]] = {
    "module": _callable_checks,
    "loss": _callable_checks,
    "architecture": _callable_checks,
    "regularizer": _callable_checks,
    "optimizer": _optimizer_checks,
    "scheduler": _scheduler_checks,
    "initializer": _initializer_checks,
    "metric": _outcome_checks,
    "transform": _outcome_checks,
    "procedure": _outcome_checks,
}


def checkers(component: Component, case: Case) -> dict[str, Checker]:
    """The checks that a component calls for, by name, in order."""
    called_for = _outcome_checks if component.drive is not None else CHECKS[component.kind]
    return called_for(component, case)


def names(component: Component, variant: str, case: Case) -> list[str]:
    """What ``check`` can be asked to make ``only``: the checks, and in the first case the errata's evidence."""
    evidence = component.variant(variant).evidence if _is_first(component, case) else ()
    return [*checkers(component, case), *(EVIDENCE + erratum for erratum in evidence)]


def check(component: Component, variant: str, case: Case, seed: int, only: Collection[str] = ()) -> Iterator[Check]:
    """Every check that the component's kind calls for, or those of them that are named, in order.

    A component that raises fails the check that it raises in, and gets no more of them: they would say the same again.
    """
    if case.device != "cpu":
        yield from on_device(component, variant, case, seed, only)
        return
    trial = Trial(component, variant, case, seed)
    reason = component.variant(variant).expected_to_fail
    shown = False
    wanted = {name: checker for name, checker in checkers(component, case).items() if not only or name in only}
    for place, (name, checker) in enumerate(wanted.items()):
        finding = _expected_to_fail(_run(checker, trial), component.variant(variant))
        shown = shown or finding.status == CheckStatus.EXPECTED
        yield _row(component, variant, case, seed, name, finding)
        if finding.cause == Status.SKIPPED and not place:
            return  # it cannot be had here; nothing was seen of it, for it or against it
        if finding.cause and finding.cause != Status.SKIPPED:
            break
    yield from _errata(component, variant, case, seed, only)
    if reason and not shown and not component.variant(variant).evidence and not only:
        finding = Finding(CheckStatus.FAILED, note=f"{reason} no longer shows: every check passes")
        yield _row(component, variant, case, seed, NO_LONGER_SHOWS, finding)


# What may differ on another device. All else is of the code, and is checked on the CPU.
ON_DEVICE = ("forward", "gradients", "steps")


def on_device(component: Component, variant: str, case: Case, seed: int, only: Collection[str] = ()) -> Iterator[Check]:
    """Outputs and gradients, or an optimizer's steps, worked out on the case's device and compared on the CPU.

    Of a kind that has none of these, or where none is asked for, the code is checked on the CPU.
    """
    called_for, here = checkers(component, case), replace(case, device="cpu")
    wanted = [name for name in called_for if name.rpartition("_")[0] in ON_DEVICE and (not only or name in only)]
    if not wanted:
        on_cpu = check(component, variant, here, seed, only)
        yield from (replace(row, case=case.label, spec=case.spec) for row in on_cpu)
        return
    if not torch.cuda.is_available():
        nowhere = Finding(CheckStatus.SKIPPED, note="no NVIDIA GPU is at hand")
        yield _row(component, variant, case, seed, "all", nowhere)
        return
    trial = Trial(component, variant, here, seed, device=case.device)
    for name in wanted:
        finding = _expected_to_fail(_run(called_for[name], trial), component.variant(variant))
        yield _row(component, variant, case, seed, name, finding)
        if finding.cause:
            return


def _errata(component: Component, variant: str, case: Case, seed: int, only: Collection[str]) -> Iterator[Check]:
    """Each erratum's own evidence, once a component: with its first case."""
    tried = component.variant(variant)
    if not _is_first(component, case):
        return
    for erratum, evidence in tried.evidence.items():
        if not only or EVIDENCE + erratum in only:
            finding = _proved(erratum, evidence, tried, component.reference)
            yield replace(_row(component, variant, case, seed, EVIDENCE + erratum, finding), erratum=erratum)


def _is_first(component: Component, case: Case) -> bool:
    return case.label == component.cases[0].label


def _proved(erratum: str, evidence: Callable[..., Evidence], documented: Variant, reference: Variant) -> Finding:
    try:
        found = evidence(documented, reference)
    except Exception as error:  # noqa: BLE001  a suite is anybody's code
        return Finding(CheckStatus.FAILED, note=f"{erratum}: its evidence could not be had: {explain(error)[1]}")
    if found.shown:
        return Finding(CheckStatus.EXPECTED, note=f"{erratum}: {found.says}")
    return Finding(CheckStatus.FAILED, note=f"{erratum} no longer shows: {found.says}")


def _run(checker: Checker, trial: Trial) -> Finding:
    try:
        return checker(trial)
    except Skip as reason:
        return Finding(CheckStatus.SKIPPED, note=str(reason))
    except Unusable as verdict:
        return Finding(CheckStatus.FAILED, note=str(verdict), cause=Status.WRONG)
    except Wrong as verdict:
        return Finding(CheckStatus.FAILED, note=str(verdict))
    except NoJudge as reason:
        return Finding(CheckStatus.FAILED, note=str(reason), cause=Status.FAILED)
    except Exception as error:  # noqa: BLE001  a component is anybody's code
        status, note = explain(error)
        if status == Status.SKIPPED:
            return Finding(CheckStatus.SKIPPED, note=note, cause=Status.SKIPPED)
        return Finding(CheckStatus.FAILED, note=note if status == Status.FAILED else f"{status}: {note}", cause=status)


def _expected_to_fail(finding: Finding, variant: Variant) -> Finding:
    """A known difference is in what comes out: a variant that has one and gives no answer at all has failed."""
    is_no_answer = bool(finding.cause) and not variant.erratum
    if variant.expected_to_fail and finding.status == CheckStatus.FAILED and not is_no_answer:
        return replace(finding, status=CheckStatus.EXPECTED, note=f"{variant.expected_to_fail}: {finding.note}")
    return finding


def _row(component: Component, variant: str, case: Case, seed: int, name: str, finding: Finding) -> Check:
    return Check(
        component=component.id,
        variant=variant,
        case=case.label,
        check=name,
        status=finding.status,
        error=finding.error,
        allowance=finding.allowance,
        note=finding.note,
        seed=seed,
        spec=case.spec,
        cause=finding.cause,
        erratum=component.variant(variant).erratum if finding.status == CheckStatus.EXPECTED else "",
    )
