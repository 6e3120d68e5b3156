"""Clipping, penalties and early stopping wrong as people get them wrong: the battery sees each."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from nnbench.suites.regularizers.clip_grad_norm import clip_grad_norm_ as clip
from nnbench.suites.regularizers.early_stopping import EarlyStopping
from torch import Tensor, nn
from wrong_targets import rows_of, what_is_wrong


def clipped(factor_of, norm_of=None):
    """Clipping with another factor, or another norm."""

    def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
        given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
        gradients = [parameter.grad for parameter in given if parameter.grad is not None]
        kept = [gradient.clone() for gradient in gradients]
        norm = clip(given, max_norm, norm_type, error_if_nonfinite, foreach)
        norm = norm_of(kept, norm_type) if norm_of and kept else norm
        for gradient, before in zip(gradients, kept, strict=True):
            gradient.copy_(before * factor_of(before, norm, max_norm, norm_type))
        return norm

    return clip_grad_norm_


def factor(gradient, norm, max_norm, order):
    return (max_norm / (norm + 1e-6)).clamp(max=1)


def by_itself(gradient, norm, max_norm, order):
    return (max_norm / (torch.linalg.vector_norm(gradient, order) + 1e-6)).clamp(max=1)


def new_gradients(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    for parameter in given:
        parameter.grad = None if parameter.grad is None else parameter.grad.clone()
    return clip(given, max_norm, norm_type, error_if_nonfinite, foreach)


def penalty(term, chosen=lambda parameters: parameters, at_once=sum):
    """An L1 or L2 penalty with another term, or of some of the parameters."""

    class Penalty(nn.Module):
        def __init__(self, l1=0.01, l2=0.01):
            super().__init__()
            self.factor = l1 if l1 != 0.01 else l2

        def forward(self, *parameters):
            return self.factor * at_once([term(one) for one in chosen(parameters)])

    return Penalty


def l1(weights):
    return weights.abs().sum()


def l2(weights):
    return weights.square().sum()


def matrices(parameters):
    return [one for one in parameters if one.dim() > 1]


def stopping(**methods: Any) -> type:
    return type("Toy", (EarlyStopping,), methods)


class LongerByOne(EarlyStopping):
    def __init__(self, patience=5, *more, **settings):
        super().__init__(patience + 1, *more, **settings)


class ShorterByOne(EarlyStopping):
    def __init__(self, patience=5, *more, **settings):
        super().__init__(max(patience - 1, 0), *more, **settings)


def improves(better):
    """Whether a loss, turned so that lower is better, is better than the best."""

    def method(self, loss):
        sign = 1 if self.mode == "min" else -1
        return better(sign * loss, sign * self.best, self.min_delta)

    return method


def views(self, model):
    if self.restore_best_weights and model is not None:
        self.best_state = dict(model.state_dict())


def parameters_alone(self, model):
    if self.restore_best_weights and model is not None:
        self.best_state = model.state_dict() | {name: one.detach().clone() for name, one in model.named_parameters()}


def at_once(self, loss, model=None):
    stop = EarlyStopping.__call__(self, loss, model)
    if self.counter:
        self._restore(model)
    return stop


WRONG: dict[str, dict[str, Any]] = {
    "regularizers.clip_grad_norm": {
        "made longer below the limit": clipped(lambda g, norm, limit, order: limit / (norm + 1e-6)),
        "each tensor by its own norm": clipped(by_itself),
        "each tensor's norm added": clipped(
            factor, lambda gradients, order: sum(torch.linalg.vector_norm(one, order) for one in gradients)
        ),
        "an infinite norm left alone": clipped(
            lambda g, norm, limit, order: factor(g, norm, limit, order) if norm.isfinite() else torch.ones_like(norm)
        ),
        "an infinite order taken for 2": clipped(
            factor, lambda gradients, order: torch.linalg.vector_norm(torch.stack([one.norm() for one in gradients]))
        ),
        "no millionth": clipped(lambda g, norm, limit, order: (limit / norm).clamp(max=1)),
        "each number clipped": clipped(lambda g, norm, limit, order: (limit / g.abs()).clamp(max=1)),
        "the norm after clipping": lambda parameters, *more, **settings: (
            clip(parameters := list(parameters), *more, **settings),
            clip(parameters, *more, **settings),
        )[1],
        "other tensors for gradients": new_gradients,
    },
    "regularizers.l1": {
        "the last parameter forgotten": penalty(l1, lambda parameters: parameters[:-1]),
        "the first parameter alone": penalty(l1, lambda parameters: parameters[:1]),
        "biases spared": penalty(l1, matrices),
        "a mean": penalty(lambda weights: weights.abs().mean()),
        "without the sign": penalty(torch.sum),
        "the square": penalty(l2),
    },
    "regularizers.l2": {
        "the last parameter forgotten": penalty(l2, lambda parameters: parameters[:-1]),
        "biases spared": penalty(l2, matrices),
        "half": penalty(lambda weights: l2(weights) / 2),
        "a mean": penalty(lambda weights: weights.square().mean()),
        "no gradient": penalty(lambda weights: l2(weights.detach()) + 0 * weights.sum()),
    },
    "regularizers.early_stopping": {
        "patience too long by one": LongerByOne,
        "patience too short by one": ShorterByOne,
        "min_delta of the wrong sign": stopping(improves=improves(lambda loss, best, delta: loss < best + delta)),
        "min_delta ignored": stopping(improves=improves(lambda loss, best, delta: loss < best)),
        "min_delta itself is enough": stopping(improves=improves(lambda loss, best, delta: loss <= best - delta)),
        "NaN improves": stopping(improves=improves(lambda loss, best, delta: not loss >= best - delta)),
        "the mode ignored": stopping(improves=lambda self, loss: loss < self.best - self.min_delta),
        "best weights not restored": stopping(_restore=lambda self, model: None),
        "best weights not copied": stopping(_remember=views),
        "buffers not copied": stopping(_remember=parameters_alone),
        "restored before it stops": stopping(__call__=at_once),
        "the counter lost when taken up again": stopping(
            load_state_dict=lambda self, state: EarlyStopping.load_state_dict(self, state | {"counter": 0})
        ),
        "the best weights lost when taken up again": stopping(
            load_state_dict=lambda self, state: EarlyStopping.load_state_dict(self, state | {"best_state": None})
        ),
    },
}
RIGHT: dict[str, Any] = {
    "regularizers.clip_grad_norm": clipped(factor),
    "regularizers.early_stopping": stopping(improves=improves(lambda loss, best, delta: loss < best - delta)),
    "regularizers.l1": penalty(l1),
    "regularizers.l2": penalty(l2),
}


@pytest.mark.parametrize(("identifier", "name"), rows_of(WRONG))
def test_the_battery_sees_what_is_wrong(identifier, name):
    assert what_is_wrong(identifier, WRONG[identifier][name])


@pytest.mark.parametrize("identifier", RIGHT)
def test_what_is_made_in_the_same_way_and_right_passes(identifier):
    assert not what_is_wrong(identifier, RIGHT[identifier])
