"""Optimizers as people get them wrong: the mistake, the check that has to catch it, and what that has to say."""

from __future__ import annotations

import torch
from step_support import Adam, AdamW, Descent, Momentum

# What is computed otherwise.


class Uphill(Adam):
    def direction(self, gradient, state, group):
        return -super().direction(gradient, state, group)


class Uncorrected(Adam):
    def direction(self, gradient, state, group):
        m, v = self.moments(gradient, state, group)
        return m / (v.sqrt() + group["eps"])


class Underroot(Adam):
    """The epsilon inside the root."""

    def direction(self, gradient, state, group):
        m, v = self.moments(gradient, state, group)
        first, second = (beta ** state["step"] for beta in group["betas"])
        return m / (1 - first) / (v / (1 - second) + group["eps"]).sqrt()


class EpsilonFirst(Adam):
    """The epsilon added before the second moment is corrected."""

    def direction(self, gradient, state, group):
        m, v = self.moments(gradient, state, group)
        first, second = (beta ** state["step"] for beta in group["betas"])
        return m / (1 - first) / ((v.sqrt() + group["eps"]) / (1 - second) ** 0.5)


class DecayedAfterwards(AdamW):
    def move(self, parameter, gradient, state, group):
        Adam.move(self, parameter, gradient, state, group | {"weight_decay": 0.0})
        parameter *= 1 - group["lr"] * group["weight_decay"]


class DecayedByItself(AdamW):
    """The decay is not scaled by the learning rate."""

    def move(self, parameter, gradient, state, group):
        parameter *= 1 - group["weight_decay"]
        Adam.move(self, parameter, gradient, state, group | {"weight_decay": 0.0})


class FromZeros(Momentum):
    """The first gradient is dampened like the later ones."""

    def first(self, gradient, group):
        return (1 - group["dampening"]) * gradient


class Clipped(Adam):
    """Right for gradients of ordinary size."""

    def move(self, parameter, gradient, state, group):
        super().move(parameter, gradient.clamp(-100, 100), state, group)


class Rounded(Adam):
    """It keeps its parameters in half precision."""

    def move(self, parameter, gradient, state, group):
        super().move(parameter, gradient, state, group)
        if parameter.dtype == torch.float32:
            parameter.copy_(parameter.half())


class Greedy(Adam):
    """Decays its gradients where they lie."""

    def move(self, parameter, gradient, state, group):
        gradient.add_(group["weight_decay"] * parameter)
        super().move(parameter, gradient, state, group | {"weight_decay": 0.0})


class Idle(Adam):
    def step(self, closure=None):
        pass


# What belongs to one parameter, and is kept for several or not at all.


class Shared(Adam):
    """One state for all parameters of a shape."""

    def move(self, parameter, gradient, state, group):
        super().move(parameter, gradient, self.state[str(parameter.shape)], group)


class SharedCount(Adam):
    """One count for all parameters: it goes on with each of them."""

    counted = 0

    def steps_so_far(self, state):
        self.counted += 1
        return self.counted


class CommonCount(Adam):
    """One count of the optimizer's steps, which also counts for parameters that were left out or came later."""

    def step(self, closure=None):
        for group in self.param_groups:
            group["counted"] = self.param_groups[0].get("counted", 0) + (group is self.param_groups[0])
        return super().step(closure)

    def steps_so_far(self, state):
        return self.param_groups[0]["counted"]


class Unlisted(Momentum):
    """Its buffers are not in its state_dict."""

    def move(self, parameter, gradient, state, group):
        kept = self.__dict__.setdefault("kept", {})
        super().move(parameter, gradient, kept.setdefault(id(self.param_groups), {}).setdefault(parameter, {}), group)


class Count:
    """A number that a copy keeps and a file loses."""

    def __init__(self, number=0):
        self.number = number

    def __deepcopy__(self, memo):
        return Count(self.number)

    def __reduce__(self):
        return Count, ()


class LostInFiles(Adam):
    def move(self, parameter, gradient, state, group):
        super().move(parameter, gradient, state, group)
        state.setdefault("count", Count()).number += 1

    def steps_so_far(self, state):
        return state["count"].number + 1 if "count" in state else 1


class Forgetful(Adam):
    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict | {"state": {}})


class Stubborn(Adam):
    """Keeps the settings that it was built with."""

    def load_state_dict(self, state_dict):
        own = [dict(group) for group in self.param_groups]
        super().load_state_dict(state_dict)
        for group, before in zip(self.param_groups, own, strict=True):
            group["lr"] = before["lr"]


class Upset(Adam):
    """A new group costs the others their state."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        self.state.clear()


# Settings that are not where they belong.


class Fixed(Adam):
    """Steps with the learning rate that it was built with."""

    def move(self, parameter, gradient, state, group):
        super().move(parameter, gradient, state, group | {"lr": self.defaults["lr"]})


class FixedEpsilon(Adam):
    def move(self, parameter, gradient, state, group):
        super().move(parameter, gradient, state, group | {"eps": self.defaults["eps"]})


class FixedBetas(Adam):
    def move(self, parameter, gradient, state, group):
        super().move(parameter, gradient, state, group | {"betas": self.defaults["betas"]})


class FirstGroups(Adam):
    """The first group's settings are everybody's."""

    def move(self, parameter, gradient, state, group):
        super().move(parameter, gradient, state, self.param_groups[0])


class FirstGroupOnly(Adam):
    def move(self, parameter, gradient, state, group):
        if group is self.param_groups[0]:
            super().move(parameter, gradient, state, group)


# Memory in another order.


class ThroughFlatCopies(Descent):
    """Steps all numbers in a row: of what lies otherwise that is a copy."""

    def move(self, parameter, gradient, state, group):
        super().move(parameter.reshape(-1), gradient.reshape(-1), state, group)


class ThroughFlatViews(Descent):
    def move(self, parameter, gradient, state, group):
        super().move(parameter.view(-1), gradient.reshape(-1), state, group)


class AsGradientsLie(Adam):
    """Takes the gradient's numbers as they lie in memory."""

    def move(self, parameter, gradient, state, group):
        in_a_row = gradient.as_strided(gradient.shape, torch.empty(gradient.shape).stride())
        super().move(parameter, in_a_row, state, group)


class AsParametersLie(Descent):
    """Both are taken to lie in a row, which is right where both lie otherwise alike."""

    def move(self, parameter, gradient, state, group):
        row = (parameter.numel(),), (1,)
        super().move(parameter.as_strided(*row), gradient.as_strided(*row), state, group)


# Gradients of zero, and none.


class Overeager(Adam):
    """It takes a missing gradient for one of zeros, and weight decay then moves the parameter."""

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
        return super().step(closure)


class Helpless(Adam):
    """It cannot do without a gradient."""

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                self.move(parameter, parameter.grad, self.state[parameter], group)


class Coasting(Momentum):
    """A parameter that was once moved is carried on by its momentum without a gradient."""

    @torch.no_grad()
    def step(self, closure=None):
        loss = super().step(closure)
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None and parameter in self.state:
                    self.move(parameter, torch.zeros_like(parameter), self.state[parameter], group)
        return loss


class Sparing(Momentum):
    """It takes a gradient of zeros for a missing one."""

    def move(self, parameter, gradient, state, group):
        if gradient.any():
            super().move(parameter, gradient, state, group)


class Restarting(Momentum):
    """A parameter that was left out starts anew."""

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    self.state.pop(parameter, None)
        return super().step(closure)


# Closures.


class Twice(Descent):
    def loss_of(self, closure):
        if closure is not None:
            super().loss_of(closure)
        return super().loss_of(closure)


class DeafToClosures(Descent):
    def loss_of(self, closure):
        return None


class WithoutGradients(Descent):
    def loss_of(self, closure):
        return None if closure is None else closure()


class Silent(Descent):
    def step(self, closure=None):
        super().step(closure)


class Late(Descent):
    """Steps before it evaluates."""

    def step(self, closure=None):
        super().step()
        return self.loss_of(closure)


class Numbing(Descent):
    """Leaves gradients disabled."""

    def step(self, closure=None):
        loss = super().step(closure)
        torch.set_grad_enabled(False)
        return loss


class Dependent(Descent):
    """Steps only where gradients are enabled."""

    def step(self, closure=None):
        return super().step(closure) if torch.is_grad_enabled() else self.loss_of(closure)


class Waking(Descent):
    """Leaves gradients enabled."""

    def step(self, closure=None):
        loss = super().step(closure)
        torch.set_grad_enabled(True)
        return loss


# States.


class Unscaled(Adam):
    """Keeps sums where the others keep means; its steps are right."""

    def moments(self, gradient, state, group):
        beta1, beta2 = group["betas"]
        m = state["exp_avg"].mul_(beta1).add_(gradient)
        v = state["exp_avg_sq"].mul_(beta2).add_((1 - beta2) * gradient**2)
        return (1 - beta1) * m, v


class Ahead(Adam):
    """Its count is one further than torch's; its steps are right."""

    def move(self, parameter, gradient, state, group):
        super().move(parameter, gradient, state, group)
        state["step"] += "behind" not in state
        state["behind"] = True

    def steps_so_far(self, state):
        return state["step"] - ("behind" in state)


class Flattened(Adam):
    def moments(self, gradient, state, group):
        m, v = super().moments(gradient, state | {"exp_avg": state["exp_avg"].view_as(gradient)}, group)
        state["exp_avg"] = m.flatten()
        return m, v


OFF = "off by .* of its scale against its oracle, first at step"
GAPS = "off by .* first at step .*, with gradients zero or missing"

# the mistake: the family, the wrong one, the check that has to catch it, and what that has to say
WRONG = {
    "sign": ("adam", Uphill, "steps_float64", f"{OFF} 1$"),
    "no bias correction": ("adam", Uncorrected, "steps_float64", f"{OFF} 1$"),
    "epsilon inside the root": ("adam", Underroot, "steps_float64", OFF),
    "epsilon before the correction": ("adam", EpsilonFirst, "steps_float64", OFF),
    "clipped gradients": ("adam", Clipped, "steps_float64", OFF),
    "decoupled for coupled decay": ("adam", AdamW, "steps_float64", f"{OFF} 1$"),
    "coupled for decoupled decay": ("adamw", Adam, "steps_float64", f"{OFF} 1$"),
    "decay after the step": ("adamw", DecayedAfterwards, "steps_float64", f"{OFF} 1$"),
    "decay without the learning rate": ("adamw", DecayedByItself, "steps_float64", f"{OFF} 1$"),
    "momentum from zeros": ("momentum", FromZeros, "steps_float64", f"{OFF} 1$"),
    "gradients changed": ("adam", Greedy, "steps_float64", "its step changes the gradients that it is given"),
    "idle": ("adam", Idle, "steps_float64", f"{OFF} 1$"),
    "half precision": ("adam", Rounded, "steps_float32", "off by"),
    "shared state": ("adam", Shared, "steps_float64", OFF),
    "shared count": ("adam", SharedCount, "steps_float64", f"{OFF} 1$"),
    "common count, with gaps": ("adam", CommonCount, "gaps", GAPS),
    "common count, with a new group": ("adam", CommonCount, "added_group", "after a group was added on the way"),
    "state left out": ("momentum", Unlisted, "resume", "resumed from its state_dict it goes another way"),
    "state lost in files": ("adam", LostInFiles, "resume", "from its state_dict read from a file it goes another way"),
    "state lost": ("adam", Forgetful, "resume", "resumed from its state_dict it goes another way"),
    "own settings kept": ("adam", Stubborn, "resume_elsewhere", "does not replace the settings .*: lr, betas"),
    "state lost with a new group": ("adam", Upset, "missing_gradient", "after a group is added it steps"),
    "new group not stepped": ("adam", FirstGroupOnly, "added_group", "off by"),
    "deaf to lr": ("adam", Fixed, "settings", "its lr set in param_groups is not the one that it steps with"),
    "deaf to eps": ("adam", FixedEpsilon, "settings", "its eps set in param_groups"),
    "deaf to betas": ("adam", FixedBetas, "settings", "its betas set in param_groups"),
    "one group's settings": ("adam", FirstGroups, "groups", "where a second group has its own lr, betas, eps"),
    "flat copies": ("descent", ThroughFlatCopies, "parameter_layouts", "where its parameters (and gradients )?lie in"),
    "flat views": ("descent", ThroughFlatViews, "parameter_layouts", "raised RuntimeError"),
    "gradients as they lie": ("adam", AsGradientsLie, "parameter_layouts", "off by .* gradients lie in another order"),
    "parameters as they lie": ("descent", AsParametersLie, "parameter_layouts", "where its (parameters|gradients) lie"),
    "steps without a gradient": ("adam", Overeager, "missing_gradient", "it changes a parameter that has no gradient"),
    "needs a gradient": ("adam", Helpless, "missing_gradient", "raised TypeError"),
    "coasts without a gradient": ("momentum", Coasting, "gaps", GAPS),
    "rests on zeros": ("momentum", Sparing, "gaps", GAPS),
    "starts anew after a gap": ("momentum", Restarting, "gaps", GAPS),
    "only where gradients are": ("descent", Dependent, "without_gradients", "with gradients disabled goes another way"),
    "gradients left enabled": ("descent", Waking, "without_gradients", "leaves gradients enabled or disabled"),
    "closure twice": ("descent", Twice, "closure", "it evaluates the closure 2 times"),
    "closure ignored": ("descent", DeafToClosures, "closure", "it evaluates the closure 0 times"),
    "closure without gradients": ("descent", WithoutGradients, "closure", "the closure with gradients disabled"),
    "loss kept back": ("descent", Silent, "closure", "its step does not return the closure's loss"),
    "closure after the step": ("descent", Late, "closure", "given a closure goes another way"),
    "gradients left disabled": ("descent", Numbing, "closure", "leaves gradients enabled or disabled otherwise"),
    "sums for means": ("adam", Unscaled, "state", "in exp_avg, against"),
    "one step ahead": ("adam", Ahead, "state", "in step, against"),
    "state of another shape": ("adam", Flattened, "state", "off by inf of its scale in exp_avg"),
}
