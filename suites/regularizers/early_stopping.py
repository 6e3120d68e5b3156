"""Stopping a training run whose validation loss no longer improves."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from nnbench.suites.regularizers.loss_scripts import loss_scripts
from torch import Tensor, nn

from nnbench.catalog import Evidence, Suite, Variant
from nnbench.specs import case, rand

suite = Suite("regularizers")
MODES = ("min", "max")


class EarlyStopping:
    """Stops after ``patience`` epochs without an improvement.

    Called once an epoch with the validation loss, it returns whether to stop. A loss is an improvement if
    ``loss < best - min_delta``, with ``mode`` "max" if ``loss > best + min_delta``; best is that of the latest
    improvement, infinite before the first. NaN is none, and counts towards the patience like any other. With
    ``restore_best_weights`` the model, handed over at every call, gets back the weights that it had at the best epoch
    when the run stops. A patience of 0 is as one of 1. ``epoch`` counts calls, ``best_epoch`` is 0 before the first
    improvement. ``ValueError`` for a negative patience or min_delta, another mode, and for no model to restore.
    Source: keras.callbacks.EarlyStopping; Prechelt (1998).
    """

    def __init__(
        self, patience: int = 5, min_delta: float = 0.0, restore_best_weights: bool = False, mode: str = "min"
    ) -> None:
        if patience < 0 or not min_delta >= 0:
            raise ValueError(f"patience and min_delta are 0 or more, not {patience} and {min_delta}")
        if mode not in MODES:
            raise ValueError(f"mode is one of {', '.join(MODES)}, not {mode!r}")
        self.patience, self.min_delta, self.mode = patience, min_delta, mode
        self.restore_best_weights = restore_best_weights
        self.epoch, self.counter = 0, 0
        self.best, self.best_epoch = math.inf if mode == "min" else -math.inf, 0
        self.best_state: dict[str, Tensor] | None = None

    def __call__(self, loss: float | Tensor, model: nn.Module | None = None) -> bool:
        loss = loss.item() if isinstance(loss, Tensor) else float(loss)
        if self.restore_best_weights and model is None:
            raise ValueError("restore_best_weights takes the model at every call")
        self.epoch += 1
        if self.improves(loss):
            self.best, self.best_epoch, self.counter = loss, self.epoch, 0
            self._remember(model)
            return False
        self.counter += 1
        stop = self.counter >= self.patience
        if stop:
            self._restore(model)
        return stop

    def improves(self, loss: float) -> bool:
        """Whether a loss is better than the best by more than min_delta; comparisons with NaN are false."""
        return loss < self.best - self.min_delta if self.mode == "min" else loss > self.best + self.min_delta

    def _remember(self, model: nn.Module | None) -> None:
        if self.restore_best_weights and model is not None:
            # Copies: the tensors of a state_dict are the model's own, and training goes on in them.
            self.best_state = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def _restore(self, model: nn.Module | None) -> None:
        if model is not None and self.best_state is not None:
            model.load_state_dict(self.best_state)

    def state_dict(self) -> dict[str, Any]:
        """What a run that is resumed needs: counts, the best so far, and its weights."""
        return {name: getattr(self, name) for name in STATE}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where another one was; ``KeyError`` for a state that lacks something."""
        for name in STATE:
            setattr(self, name, state[name])


STATE = ("epoch", "counter", "best", "best_epoch", "best_state")


class ByNotBeingWorse(EarlyStopping):
    """As the handout has it: what is not worse than the best is the best, and NaN is not worse than anything.

    It asks ``loss > best - min_delta`` to count an epoch without improvement, and takes everything else for one.
    """

    def improves(self, loss: float) -> bool:
        if self.best_epoch == 0:
            return True
        is_worse = loss > self.best - self.min_delta if self.mode == "min" else loss < self.best + self.min_delta
        return not is_worse


class TinyModel(nn.Module):
    """Three weights, and a buffer as running statistics are, to see which epoch's they are."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3, dtype=dtype))
        self.seen: Tensor
        self.register_buffer("seen", torch.zeros((), dtype=dtype))


def drive(make: Callable[..., Any], draws: Tensor) -> dict[str, Any]:
    """Where each script of losses is stopped, its best loss and epoch, and the model's weights after each call.

    Every run is gone through in one piece, and again with a fresh object from where some have stood still for a while.
    """
    scripts = loss_scripts(draws.double().numpy())
    return {
        name: {"whole": watched(make, losses, draws), "resumed": watched(make, losses, draws, len(losses) // 3 + 3)}
        for name, losses in scripts.items()
    }


def watched(make: Callable[..., Any], losses: np.ndarray, draws: Tensor, resumed_at: int = 0) -> dict[str, Any]:
    """A run whose weights are, in each epoch, the epoch's number plus its draw; "stopped" is 0 if it never is."""
    stopper, model, stops = make(), TinyModel(draws.dtype), False
    after = []
    for epoch, loss in enumerate(losses.tolist(), start=1):
        stopper = resumed(stopper, make()) if epoch == resumed_at else stopper
        model.weight.data.fill_(epoch + float(draws[epoch - 1]))
        model.seen.fill_(epoch)
        stops = shown_a_tensor(stopper, loss, model) if resumed_at else stopper(loss, model)
        best = torch.as_tensor(stopper.best, dtype=torch.float64)
        after.append([tensor.detach().clone() for tensor in (best, model.weight, model.seen)])
        if stops:
            break
    named = zip(("best_losses", "weights", "seen"), map(torch.stack, zip(*after, strict=True)), strict=True)
    return {"stopped": len(after) if stops else 0, "best_epoch": stopper.best_epoch, **dict(named)}


def resumed(stopped: Any, fresh: Any) -> Any:
    """A fresh stopper that goes on from another one's state, as from a file."""
    fresh.load_state_dict(copy.deepcopy(stopped.state_dict()))
    return fresh


def shown_a_tensor(stopper: Any, loss: float, model: nn.Module) -> bool:
    """The answer to a loss in a tensor that is used again, as by a training loop that sums into it."""
    running = torch.tensor(loss, dtype=torch.float64)
    stops = bool(stopper(running, model))
    running.zero_()
    return stops


def early_stopping_oracle(draws: np.ndarray, **arguments: Any) -> dict[str, Any]:
    right = {name: _outcome(losses, draws, **arguments) for name, losses in loss_scripts(draws).items()}
    return {name: {"whole": outcome, "resumed": outcome} for name, outcome in right.items()}


def _outcome(
    losses: np.ndarray,
    draws: np.ndarray,
    patience: int = 5,
    min_delta: float = 0.0,
    restore_best_weights: bool = False,
    mode: str = "min",
) -> dict[str, Any]:
    """From one improvement to the next in the whole script, until the next is too far away."""
    costs = losses if mode == "min" else -losses
    best, place = np.inf, -1
    bests = np.full(costs.size, np.inf)
    while True:
        better = place + 1 + np.flatnonzero(costs[place + 1 :] < best - min_delta)
        if better.size == 0 or better[0] - place > max(patience, 1):
            break
        place = int(better[0])
        bests[place:] = best = costs[place]
    last = place + max(patience, 1)
    stopped = last < costs.size
    epochs = np.arange(min(last + 1, costs.size))
    if restore_best_weights and stopped and place >= 0:
        epochs[-1] = place
    return {
        "stopped": last + 1 if stopped else 0,
        "best_epoch": place + 1,
        "best_losses": bests[: epochs.size] * (1 if mode == "min" else -1),
        "weights": np.tile((epochs + 1 + draws[epochs])[:, None], 3),
        "seen": epochs + 1.0,
    }


def nan_in_the_documented_form(documented: Variant, reference: Variant) -> Evidence:
    """E18: after a NaN the best loss is forgotten, and a run that stays NaN goes on for ever."""
    forgetting = [0.9, 0.6, math.nan, 0.8]
    staying = [0.9, 0.6, *[math.nan] * 100]
    bests, ends = [], []
    for variant in (documented, reference):
        stopper = variant.build(patience=5)
        for loss in forgetting:
            stopper(loss)
        bests.append(stopper.best)
        waiting = variant.build(patience=5)
        ends.append(next((epoch for epoch, loss in enumerate(staying, start=1) if waiting(loss)), 0))
    told = [f"stopped after epoch {end}" if end else f"not stopped in {len(staying)} epochs" for end in ends]
    says = (
        f"After the losses 0.9, 0.6, NaN and 0.8 the documents' best is {bests[0]}, the reference's {bests[1]}. With "
        f"0.9, 0.6 and then NaN for good, and a patience of 5, the documents' run is {told[0]}, the reference's "
        f"{told[1]}."
    )
    return Evidence(bests[0] != 0.6 and ends[0] == 0, says)


suite.component(
    "early_stopping",
    kind="regularizer",
    reference=EarlyStopping,
    variants={
        "keras": Variant(
            "keras",
            "nnbench.suites._keras.regularizers:EarlyStopping",
            difference="the first loss is the best so far even where it is NaN, which no loss is below",
        ),
        "documented": Variant(
            "documented", ByNotBeingWorse, erratum="E18", evidence={"E18": nan_in_the_documented_form}
        ),
    },
    oracle=early_stopping_oracle,
    drive=drive,
    cases=[
        case(rand(40), patience=5, min_delta=0.001),
        case(rand(40), patience=7, min_delta=0),
        case(rand(40), patience=10, restore_best_weights=True),
        case(rand(40), patience=5, restore_best_weights=True),
        case(rand(40), patience=5, restore_best_weights=True, mode="max"),
        *(case(rand(40), patience=5, min_delta=0.2, mode=mode) for mode in ("min", "max")),
        case(rand(40), patience=0),
        case(rand(80), patience=10, restore_best_weights=True),
        case(rand(20), timed=False),
    ],
    documented=["handout", "guide", "fundamentals", "pytorch"],
)
