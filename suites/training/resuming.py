"""Checkpoints: files from which training goes on as if it had never stopped."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from nnbench.suites.training.files import read_safely, refuse_misfit, write_whole
from nnbench.suites.training.loop import TrainingState
from torch import Tensor

PARTS = ("epoch", "loss", "history", "model", "optimizer", "scheduler", "kinds", "generator", "torch")


class Checkpoint:
    """A file with all of the state of training: what is resumed from it is the run that never stopped, to the bit.

    ``save(state)`` after an epoch writes the epoch, its loss (``monitor``), the history, the states of model, optimizer
    and scheduler, and of the random generators: the one that orders the samples and torch's own (dropout's). It returns
    whether it wrote; with ``best_only`` it does where ``monitor`` is the best value so far, the lowest or (``mode``
    "max") the highest; NaN is never the best. A file is written whole or not at all. ``load(state)`` puts it all back;
    nothing in the file is run. ``ValueError``: a mode that is neither, a value to monitor that the history lacks, a
    file of something else, of another network, optimizer or scheduler (it says which, and changes nothing).
    Source: Neural Networks - Intermediate Handout; torch.save; keras.callbacks.ModelCheckpoint.
    """

    def __init__(
        self,
        path: str | Path = "checkpoint.pt",
        best_only: bool = False,
        monitor: str = "validation_loss",
        mode: str = "min",
    ) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"mode is 'min' or 'max', not {mode!r}")
        self.path = Path(path)
        self.best_only = best_only
        self.monitor = monitor
        self.mode = mode

    def save(self, state: TrainingState) -> bool:
        if self.monitor not in state.history:
            raise ValueError(f"there is no {self.monitor!r} to monitor; the history has {', '.join(state.history)}")
        values = state.history[self.monitor]
        if self.best_only and not self._is_best(values):
            return False
        write_whole(_content(state, values[-1]), self.path)
        return True

    def _is_best(self, values: list[float]) -> bool:
        earlier = [value for value in values[:-1] if not math.isnan(value)]
        if self.mode == "min":
            return values[-1] < min(earlier, default=math.inf)
        return values[-1] > max(earlier, default=-math.inf)

    def load(self, state: TrainingState) -> None:
        content = read_safely(self.path)
        held = content if isinstance(content, dict) else {}
        missing = [part for part in PARTS if part not in held]
        if missing:
            raise ValueError(f"{self.path} is no checkpoint: it lacks {', '.join(missing)}")
        refuse_misfit(state.model, content["model"], self.path)
        if content["kinds"] != _kinds(state):
            raise ValueError(
                f"{self.path} is of {' and '.join(content['kinds'])}, not of {' and '.join(_kinds(state))}"
            )
        _restore(state, content)


def _kinds(state: TrainingState) -> list[str]:
    return [type(part).__name__ for part in (state.optimizer, state.scheduler) if part is not None]


def _content(state: TrainingState, loss: float) -> dict[str, Any]:
    return {
        "epoch": state.epoch,
        "loss": loss,
        "history": state.history,
        "model": state.model.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "scheduler": None if state.scheduler is None else state.scheduler.state_dict(),
        "kinds": _kinds(state),
        "generator": state.generator.get_state(),
        "torch": [torch.get_rng_state(), *_states_of_gpus()],
    }


def _states_of_gpus() -> list[Tensor]:
    return torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []  # equivalent: where no GPU is there


def _restore(state: TrainingState, content: dict[str, Any]) -> None:
    state.optimizer.load_state_dict(content["optimizer"])  # the first, because it may refuse
    state.model.load_state_dict(content["model"])
    if state.scheduler is not None:
        state.scheduler.load_state_dict(content["scheduler"])
    state.generator.set_state(content["generator"])
    state.history.clear()
    state.history.update(content["history"])
    on_cpu, *on_gpus = content["torch"]
    torch.set_rng_state(on_cpu)
    torch.cuda.set_rng_state_all(on_gpus[: torch.cuda.device_count()])  # equivalent: where no GPU is used
