"""Wrong versions of the recurrent layers, around one right formulation."""

import torch
from torch.nn import functional

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


def lstm_gates(x, h, p):
    gates = functional.linear(x, p["weight_ih"], p["bias_ih"]) + functional.linear(h, p["weight_hh"], p["bias_hh"])
    return gates.chunk(4, -1)


def lstm_step(
    x, state, p, order="ifgo", gates=lstm_gates, squash=torch.tanh, cell=None, new=torch.tanh, projected=True
):
    h, c = state
    named = dict(zip(order, gates(x, h, p), strict=True))
    i, f, o = (named[name].sigmoid() for name in "ifo")
    g = new(named["g"])
    c = f * c + i * g if cell is None else cell(i, f, g, c)
    h = o * squash(c)
    return (h if p["weight_hr"] is None or not projected else h @ p["weight_hr"].T), c


def gru_step(x, state, p, turned=False, order="rzn", gated=None, new=torch.tanh):
    (h,) = state
    of_x = functional.linear(x, p["weight_ih"], p["bias_ih"]).chunk(3, -1)
    of_h = functional.linear(h, p["weight_hh"], p["bias_hh"]).chunk(3, -1)
    both = dict(zip(order, zip(of_x, of_h, strict=True), strict=True))
    r, z = (sum(both[name]).sigmoid() for name in "rz")
    of_state = r * both["n"][1] if gated is None else gated(r, h, p)
    n = new(both["n"][0] + of_state)
    return (z * n + (1 - z) * h if turned else (1 - z) * n + z * h,)


def detached(step):
    return lambda x, state, p: step(x, tuple(part.detach() for part in state), p)


def dropped_between(steps, layer, last):
    return steps if last else functional.dropout(steps, layer.dropout, layer.training)


def recurrent(
    layer,
    x,
    start,
    step,
    drop=dropped_between,
    outputs=torch.stack,
    backward=lambda steps: steps.flip(0),
    forward_again=lambda side: side.flip(0),
    begin=lambda part, place: part[place],
    batch_first=None,
    join=lambda sides: torch.cat(sides, -1),
    lasts=lambda lasts: lasts,
):
    first = layer.batch_first if batch_first is None else batch_first
    turned = x.dim() == 3 and first
    steps = x.transpose(0, 1) if turned else x
    found = []
    for place in range(layer.num_layers):
        sides = []
        for end in ("", "_reverse")[: 1 + layer.bidirectional]:
            p = {name: getattr(layer, f"{name}_l{place}{end}", None) for name in NAMES}
            state = tuple(begin(part, len(found)) for part in start)
            states = []
            for one in backward(steps) if end else steps:
                state = step(one, state, p)
                states.append(state[0])
            side = outputs(states)
            sides.append(forward_again(side) if end else side)
            found.append(state)
        steps = drop(join(sides), layer, place == layer.num_layers - 1)
    last = tuple(torch.stack(parts) for parts in zip(*lasts(found), strict=True))
    return (steps.transpose(0, 1) if turned else steps), last


def zeros(layer, x, size, batch_first=None):
    first = layer.batch_first if batch_first is None else batch_first
    samples = x.shape[0 if first else 1 : 1 if first else 2] if x.dim() == 3 else ()
    return x.new_zeros(layer.num_layers * (1 + layer.bidirectional), *samples, size)


def lstm(layer, x, **changed):
    sizes = (layer.proj_size or layer.hidden_size, layer.hidden_size)
    start = tuple(zeros(layer, x, size, changed.get("batch_first")) for size in sizes)
    return recurrent(layer, x, start, **{"step": lstm_step} | changed)


def gru(layer, x, hx=None, **changed):
    start = zeros(layer, x, layer.hidden_size, changed.get("batch_first")) if hx is None else hx
    outputs, (last,) = recurrent(layer, x, (start,), **{"step": gru_step} | changed)
    return outputs, last


def of_lstm(**changed):
    return lambda layer, x: lstm(layer, x, **changed)


def of_gru(**changed):
    return lambda layer, x, *hx: gru(layer, x, *hx, **changed)


def stepping(step, **changed):
    return {"step": lambda x, state, p: step(x, state, p, **changed)}


def with_a_bias_less(x, h, p):
    return lstm_gates(x, h, p | {"bias_hh": None if p["bias_hh"] is None else 0 * p["bias_hh"]})


def candidate_of_the_reset_state(r, h, p):
    """As the paper has it, and not torch: the reset gate applied before the product."""
    bias = None if p["bias_hh"] is None else p["bias_hh"].chunk(3)[2]
    return functional.linear(r * h, p["weight_hh"].chunk(3)[2], bias)


def without_reset(r, h, p):
    bias = None if p["bias_hh"] is None else p["bias_hh"].chunk(3)[2]
    return functional.linear(h, p["weight_hh"].chunk(3)[2], bias) + 0 * r


def carried_over(run):
    """Each call begins with the state that the call before it ended with."""

    def forward(layer, x, *hx):
        kept = layer.__dict__.setdefault("kept", {})
        outputs, last = run(
            layer, x, begin=lambda part, place: kept.get((tuple(part.shape), part.dtype, place), part[place])
        )
        for part in last if isinstance(last, tuple) else (last,):
            for place, one in enumerate(part.detach()):
                kept[tuple(part.shape), part.dtype, place] = one
        return outputs, last

    return forward


def in_every_layer(make):
    """What is wrong around the steps, whatever a step does."""
    return {
        "states swapped between layers": make(lasts=lambda lasts: lasts[::-1]),
        "the last output at every step": make(outputs=lambda states: torch.stack(states[-1:] * len(states))),
        "the output before a step for that after it": make(
            outputs=lambda states: torch.stack([0 * states[0], *states[:-1]])
        ),
        "the first state of the first layer for all": make(begin=lambda part, place: part[0] + 0.01 * place),
        "backward read forward": make(backward=lambda steps: steps),
        "backward outputs left backward": make(forward_again=lambda side: side),
        "backward before forward": make(join=lambda sides: torch.cat(sides[::-1], -1)),
        "batches second whatever is asked": make(batch_first=False),
        "no dropout": make(drop=lambda steps, layer, last: steps),
        "dropout in evaluation": make(
            drop=lambda steps, layer, last: steps if last else functional.dropout(steps, layer.dropout)
        ),
        "dropout after the last layer too": make(drop=lambda steps, layer, last: dropped_between(steps, layer, False)),
    }


RIGHT_RECURRENCE = {"layers.lstm": [lstm], "layers.gru": [gru]}
WRONG_RECURRENCE = {
    "layers.lstm": {
        **in_every_layer(of_lstm),
        "gates in Keras' old order": of_lstm(**stepping(lstm_step, order="igfo")),
        "input and forget gate swapped": of_lstm(**stepping(lstm_step, order="figo")),
        "output gate and candidate swapped": of_lstm(**stepping(lstm_step, order="ifog")),
        "the cell not squashed": of_lstm(**stepping(lstm_step, squash=lambda c: c)),
        "a sigmoid of the candidate": of_lstm(**stepping(lstm_step, new=torch.sigmoid)),
        "forget and input gate coupled": of_lstm(**stepping(lstm_step, cell=lambda i, f, g, c: f * c + (1 - f) * g)),
        "nothing forgotten": of_lstm(**stepping(lstm_step, cell=lambda i, f, g, c: c + i * g)),
        "a forget gate opened by a bias of 1": of_lstm(
            **stepping(
                lstm_step, gates=lambda x, h, p: [t + (place == 1) for place, t in enumerate(lstm_gates(x, h, p))]
            )
        ),
        "one bias only": of_lstm(**stepping(lstm_step, gates=with_a_bias_less)),
        "states detached at each step": of_lstm(step=detached(lstm_step)),
        "the cell detached at each step": of_lstm(
            step=lambda x, state, p: lstm_step(x, (state[0], state[1].detach()), p)
        ),
        "the last states detached": of_lstm(lasts=lambda lasts: [tuple(t.detach() for t in one) for one in lasts]),
        "the state of the call before": carried_over(lstm),
    },
    "layers.gru": {
        **in_every_layer(of_gru),
        "the update gate turned round": of_gru(**stepping(gru_step, turned=True)),
        "reset and update gate swapped": of_gru(**stepping(gru_step, order="zrn")),
        "the reset gate applied before the product": of_gru(**stepping(gru_step, gated=candidate_of_the_reset_state)),
        "nothing reset": of_gru(**stepping(gru_step, gated=without_reset)),
        "a sigmoid of the candidate": of_gru(**stepping(gru_step, new=torch.sigmoid)),
        "the state detached at each step": of_gru(step=detached(gru_step)),
        "the given state ignored": lambda layer, x, *hx: gru(layer, x),
        "the state of the call before": carried_over(gru),
    },
}
