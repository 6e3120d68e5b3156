"""Losses wrong as people get them wrong, in no single place of the reference: the battery sees each."""

import pytest
import torch
from torch.nn import functional
from wrong_versions import failures, registered, right_rows_of, rows_of, with_lost_gradients

# Losses of a difference


def reduced(loss, losses):
    return {"none": losses, "mean": losses.mean(), "sum": losses.sum()}[loss.reduction]


def huber(loss, x, target):
    return functional.huber_loss(x, target, loss.reduction, loss.delta)


def smooth_l1(loss, x, target):
    return functional.smooth_l1_loss(x, target, reduction=loss.reduction, beta=loss.beta)


def jumping(border):
    """The parabola and the line without what makes them meet."""

    def forward(loss, x, target):
        d, b = x - target, getattr(loss, border)
        return reduced(loss, torch.where(d.abs() < b, d**2 / 2, b * d.abs()) / (b if border == "beta" and b else 1))

    return forward


def mixed(loss, x, target, alpha):
    return reduced(loss, alpha * (x - target) ** 2 + (1 - alpha) * (x - target).abs())


# Losses over classes


def classes_along(x):
    return min(x.dim() - 1, 1)


def cross_entropy(loss, x, target, **changed):
    settings = {name: getattr(loss, name) for name in ("weight", "ignore_index", "label_smoothing", "reduction")}
    return functional.cross_entropy(x, target, **settings | changed)


def divided_by(mass):
    """Cross-entropy with another denominator of the mean over classes: of the weights' and which are ignored."""

    def forward(loss, x, target):
        if loss.reduction != "mean" or target.is_floating_point():
            return cross_entropy(loss, x, target)
        weight = x.new_ones(x.shape[classes_along(x)]) if loss.weight is None else loss.weight
        ignored = target == loss.ignore_index
        return cross_entropy(loss, x, target, reduction="sum") / mass(weight[target * ~ignored], ignored)

    return forward


def of_log_p(log_p):
    """Cross-entropy with other log-probabilities, where nothing is smoothed."""

    def forward(loss, x, target):
        if loss.label_smoothing or target.is_floating_point():
            return cross_entropy(loss, x, target)
        settings = {"weight": loss.weight, "ignore_index": loss.ignore_index, "reduction": loss.reduction}
        places = log_p(x), target
        return functional.nll_loss(*places, **settings)

    return forward


def smoothed_by(share):
    """Cross-entropy with other targets: of the smoothing, the number of classes, and 1 where a class is right."""

    def forward(loss, x, target):
        if not loss.label_smoothing or target.is_floating_point():
            return cross_entropy(loss, x, target)
        classes, ignored = x.shape[classes_along(x)], target == loss.ignore_index
        right = functional.one_hot(target, classes).movedim(-1, classes_along(x)).to(x.dtype)
        q = share(loss.label_smoothing, classes, right)
        losses = functional.cross_entropy(x, q, loss.weight, reduction="none").masked_fill(ignored, 0)
        weight = x.new_ones(classes) if loss.weight is None else loss.weight
        return losses.sum() / weight[target[~ignored]].sum() if loss.reduction == "mean" else reduced(loss, losses)

    return forward


def skips_what_is_ignored(loss, x, target):
    found = cross_entropy(loss, x, target)
    is_listed = loss.reduction == "none" and not target.is_floating_point()
    return found[target != loss.ignore_index] if is_listed else found


def takes_the_likeliest_class(loss, x, target):
    is_soft = target.is_floating_point()
    return cross_entropy(loss, x, target.argmax(1) if is_soft else target, **{"ignore_index": -100} if is_soft else {})


def in_doubt(entropy):
    """``1 - p``, and not quite 0 where the power's slope would be infinite."""
    return -torch.expm1(-entropy.clamp(min=1e-30))


def focal(loss, x, target, doubt=in_doubt, gamma=None):
    entropy = functional.cross_entropy(x, target, reduction="none")
    return reduced(loss, loss.alpha * doubt(entropy) ** (loss.gamma if gamma is None else gamma) * entropy)


def focal_of_the_mean(loss, x, target):
    entropy = functional.cross_entropy(x, target, reduction=loss.reduction)
    return loss.alpha * (-torch.expm1(-entropy)) ** loss.gamma * entropy


def composite(loss, x, target, shares=lambda x: x.softmax(1).mean(0), penalty=lambda x: (x**2).mean(), mass=True):
    entropy = functional.cross_entropy(x, target, loss.weight)
    if not mass:
        entropy = functional.cross_entropy(x, target, loss.weight, reduction="sum") / len(target)
    actual = functional.one_hot(target, x.shape[1]).to(x.dtype).mean(0)
    error = ((shares(x) - actual) ** 2).mean()
    return loss.cross_entropy_factor * entropy + loss.distribution_factor * error + loss.penalty_factor * penalty(x)


# Losses of yes or no


def bce(loss, p, target, **changed):
    return functional.binary_cross_entropy(p, target, **{"weight": loss.weight, "reduction": loss.reduction} | changed)


def bce_of_logs(least):
    def forward(loss, p, target):
        losses = -(target * least(p).log() + (1 - target) * least(1 - p).log())
        return reduced(loss, losses if loss.weight is None else loss.weight * losses)

    return forward


def with_logits(loss, x, target, weight=None, pos_weight=None):
    v, w = (1 if one is None else one for one in (loss.pos_weight, loss.weight))
    yes, no = -functional.logsigmoid(x), -functional.logsigmoid(-x)
    return reduced(loss, w * (v * target * yes + (1 - target) * no))


def with_logits_of(cost, on_no=False):
    """Another cost of yes; ``on_no``: the weight of yes counts for no as well."""

    def forward(loss, x, target):
        v, w = (1 if one is None else one for one in (loss.pos_weight, loss.weight))
        return reduced(loss, w * (v * target * cost(x) + (v if on_no else 1) * (1 - target) * cost(-x)))

    return forward


RIGHT = {
    "losses.mse": [lambda loss, x, t: reduced(loss, (x - t) ** 2)],
    "losses.l1": [lambda loss, x, t: reduced(loss, (x - t).abs())],
    "losses.huber": [huber],
    "losses.smooth_l1": [smooth_l1],
    "losses.mse_mae": [lambda loss, x, t: mixed(loss, x, t, loss.alpha)],
    "losses.cross_entropy": [
        cross_entropy,
        divided_by(lambda weights, ignored: weights[~ignored].sum()),
        of_log_p(lambda x: x.log_softmax(classes_along(x))),
        smoothed_by(lambda e, classes, right: (1 - e) * right + e / classes),
    ],
    "losses.focal": [focal],
    "losses.composite": [composite],
    "losses.bce": [bce],
    "losses.bce_with_logits": [with_logits, with_logits_of(lambda x: torch.logaddexp(-x, torch.zeros_like(x)))],
}
WRONG = {
    "losses.mse": {
        "half of it": lambda loss, x, t: reduced(loss, (x - t) ** 2 / 2),
        "its root": lambda loss, x, t: reduced(loss, (x - t) ** 2) ** 0.5,
        "the mean over the batch of sums": lambda loss, x, t: (
            reduced(loss, (x - t) ** 2) * (x.shape[1] if loss.reduction == "mean" else 1)
        ),
        "no gradient of the target": lambda loss, x, t: reduced(loss, (x - t.detach()) ** 2),
    },
    "losses.l1": {
        "slope 1 at 0": lambda loss, x, t: reduced(loss, torch.where(x >= t, x - t, t - x)),
        "smoothed by an epsilon": lambda loss, x, t: reduced(loss, ((x - t) ** 2 + 1e-12).sqrt()),
    },
    "losses.huber": {
        "scaled as smooth L1 is": lambda loss, x, t: huber(loss, x, t) / loss.delta,
        "a jump at the border": jumping("delta"),
    },
    "losses.smooth_l1": {
        "scaled as Huber's is": lambda loss, x, t: smooth_l1(loss, x, t) * (loss.beta or 1),
        "a jump at the border": jumping("beta"),
        "0 / 0 at beta = 0": lambda loss, x, t: reduced(
            loss, (torch.where((x - t).abs() <= loss.beta, (x - t) ** 2 / 2 / loss.beta, (x - t).abs() - loss.beta / 2))
        ),
    },
    "losses.mse_mae": {
        "the shares swapped": lambda loss, x, t: mixed(loss, x, t, 1 - loss.alpha),
        "equal shares": lambda loss, x, t: mixed(loss, x, t, 0.5),
    },
    "losses.cross_entropy": {
        "ignored targets in the denominator": divided_by(lambda weights, ignored: weights.sum()),
        "weights not in the denominator": divided_by(lambda weights, ignored: (~ignored).sum()),
        "smoothing over the other K - 1 classes": smoothed_by(
            lambda e, classes, right: (1 - e) * right + e / (classes - 1) * (1 - right)
        ),
        "smoothing on top of the right class": smoothed_by(lambda e, classes, right: right + e / classes),
        "smoothing forgotten": smoothed_by(lambda e, classes, right: right),
        "the logarithm of a clamped probability": of_log_p(lambda x: x.softmax(classes_along(x)).clamp(min=1e-7).log()),
        "exponentials that overflow": of_log_p(lambda x: (x.exp() / x.exp().sum(classes_along(x), keepdim=True)).log()),
        "softmax along the last dimension": of_log_p(lambda x: x.log_softmax(-1)),
        "softmax twice": of_log_p(lambda x: x.softmax(classes_along(x)).log_softmax(classes_along(x))),
        "a shorter list where targets are ignored": skips_what_is_ignored,
        "the likeliest class of soft targets": takes_the_likeliest_class,
    },
    "losses.focal": {
        "no gradient of the modulating factor": lambda loss, x, t: focal(
            loss, x, t, lambda entropy: -torch.expm1(-entropy.detach())
        ),
        "the factor of the mean": focal_of_the_mean,
        "gamma forgotten": lambda loss, x, t: focal(loss, x, t, gamma=2),
        "the factor of the likely class": lambda loss, x, t: focal(loss, x, t, lambda entropy: torch.exp(-entropy)),
    },
    "losses.composite": {
        "weights not in the denominator": lambda loss, x, t: composite(loss, x, t, mass=False),
        "the norm of the logits": lambda loss, x, t: composite(loss, x, t, penalty=lambda x: x.norm()),
        "the sum of their squares": lambda loss, x, t: composite(loss, x, t, penalty=lambda x: (x**2).sum()),
        "shares without gradient": lambda loss, x, t: composite(loss, x, t, lambda x: x.detach().softmax(1).mean(0)),
    },
    "losses.bce": {
        "probabilities clamped": bce_of_logs(lambda p: p.clamp(1e-7, 1 - 1e-7)),
        "an epsilon in the logarithm": bce_of_logs(lambda p: p + 1e-12),
        "0 * infinity at the ends": bce_of_logs(lambda p: p),
        "weights forgotten": lambda loss, p, t: bce(loss, p, t, weight=None),
        "no gradient of the target": lambda loss, p, t: bce(loss, p, t.detach()),
    },
    "losses.bce_with_logits": {
        "a sigmoid that overflows": with_logits_of(lambda x: torch.log(1 + torch.exp(-x))),
        "the logarithm of a clamped sigmoid": with_logits_of(lambda x: -x.sigmoid().clamp(1e-7, 1 - 1e-7).log()),
        "the logarithm of a sigmoid": with_logits_of(lambda x: -x.sigmoid().log()),
        "the slope of an absolute value at 0": with_logits_of(
            lambda x: functional.relu(-x) + torch.log1p(torch.exp(-x.abs()))
        ),
        "the weight of yes on no as well": with_logits_of(lambda x: -functional.logsigmoid(x), on_no=True),
        "probabilities expected": lambda loss, x, t: functional.binary_cross_entropy(
            x.clamp(0, 1), t, reduction=loss.reduction
        ),
    },
}


@pytest.mark.parametrize(("identifier", "forward"), right_rows_of(RIGHT))
def test_another_right_formulation_passes(identifier, forward):
    assert [(row.check, row.note) for row in failures(identifier, forward)] == []


@pytest.mark.parametrize(("identifier", "forward"), rows_of(with_lost_gradients(WRONG, RIGHT)))
def test_what_is_wrong_is_caught(identifier, forward):
    caught = next(failures(identifier, forward), None)
    assert caught is not None
    assert caught.status == "failed"


def test_every_component_stands_in_the_tables():
    assert set(RIGHT) == set(WRONG) == registered("losses")
