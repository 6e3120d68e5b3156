"""The metrics: one table that says of each its unit, which direction is better and whether it is exact."""

from __future__ import annotations

from dataclasses import dataclass

ANCHORED = "anchored_"


@dataclass(frozen=True)
class Metric:
    """What a stored number means. ``mode`` is the call that it belongs to, empty where it belongs to none."""

    name: str
    unit: str
    title: str
    better: str = "less"  # "less", "more" or "neither"
    exact: bool = False  # free of noise: any change is real
    mode: str = ""
    beside: bool = False  # where it is skipped, the rest is measured all the same


def anchored(mode: str) -> str:
    """The metric of a commit's time over the anchor's, one value a process pair; its context names the anchor."""
    return f"{ANCHORED}{mode}"


def _timed(mode: str) -> tuple[Metric, ...]:
    return (
        Metric(f"{mode}_time", "s", f"{mode} (CPU time)", mode=mode),
        Metric(f"{mode}_wall_time", "s", f"{mode} (wall time)", mode=mode),
        Metric(f"{mode}_cold_time", "s", f"{mode} (GPU, cache flushed)", mode=mode, beside=True),
        Metric(f"{mode}_hot_time", "s", f"{mode} (GPU, graph replayed)", mode=mode, beside=True),
        Metric(f"{mode}_host_time", "s", f"{mode} (launch on the host)", mode=mode),
        Metric(anchored(mode), "1", f"{mode}, over the anchor's", mode=mode, beside=True),
    )


# The share by which two counts of CPU instructions of the same code may differ (docs/methodology.md).
INSTRUCTIONS_SHARE = 0.005

TIMED_MODES = ("forward", "backward", "forward_backward", "step", "call")
# What is timed only when it is asked for: the sum of others, or what takes seconds.
MODES_ON_REQUEST = ("forward_backward",)
COUNTERS_ON_REQUEST = ("instructions", "graph_breaks")  # they take seconds
TRIAL, EXPERIMENT = "trial", "experiment"  # rows that close a trial, and say what an experiment is made of
COMPILE = "compile"  # not a mode of calls: it happens once
# Of a function that takes each number by itself: its values at evenly spaced points, whose ends the context names.
CURVES = {"curve_value": "values, as a curve", "curve_derivative": "derivative, as a curve"}
# Many numbers in an order of their own: drawn, and in no table or series.
DRAWN = (*CURVES, "confusion", "predicted", "actual")

METRICS = {
    metric.name: metric
    for metric in (
        *(metric for mode in TIMED_MODES for metric in _timed(mode)),
        Metric("calibration_time", "s", "calibration kernel"),
        Metric("noise_floor", "1", "the same code against itself"),
        Metric("measured_share", "1", "share of the time inside measured code", better="more"),
        Metric("peak_memory", "B", "peak memory growth", beside=True),
        Metric("cuda_peak_memory", "B", "GPU allocator's peak growth", beside=True),
        Metric("cuda_used_memory", "B", "GPU memory in use (NVML)", better="neither", beside=True),
        Metric("energy", "J", "GPU energy a call", beside=True),
        Metric("compile_time", "s", "compiling, once (wall time)"),
        Metric("peak_live_bytes", "B", "peak of live tensors", exact=True),
        Metric("flops", "1", "FLOPs", exact=True),
        Metric("operators", "1", "operators dispatched", exact=True),
        Metric("saved_bytes", "B", "bytes saved for backward", exact=True),
        Metric("moved_bytes", "B", "bytes that must be moved", exact=True),
        Metric("graph_breaks", "1", "graph breaks under torch.compile", exact=True),
        Metric("parameters", "1", "parameters", better="neither", exact=True),
        Metric("buffers", "1", "buffers", better="neither", exact=True),
        Metric("state_bytes", "B", "optimizer state, bytes a parameter", exact=True),
        Metric("instructions", "1", "CPU instructions", beside=True),
        *(Metric(name, "1", title, better="neither", beside=True) for name, title in CURVES.items()),
        Metric("train_loss", "1", "training loss"),
        Metric("validation_loss", "1", "validation loss"),
        Metric("validation_accuracy", "1", "validation accuracy", better="more"),
        Metric("learning_rate", "1", "learning rate", better="neither"),
        Metric("gradient_norm", "1", "norm of the last gradient before clipping", better="neither"),
        Metric("test_loss", "1", "test loss"),
        Metric("test_accuracy", "1", "test accuracy", better="more"),
        Metric("training_time", "s", "training time, wall"),
        # Of a trial, measured once at its end.
        Metric("train_accuracy", "1", "training accuracy, evaluation mode", better="more"),
        Metric("evaluated_train_loss", "1", "training loss, evaluation mode"),
        Metric("calibration_error", "1", "calibration error, test"),
        Metric("confusion", "1", "test samples by true class and predicted", better="neither"),
        Metric("weight_norm", "1", "norm of the weights", better="neither"),
        Metric("small_weights", "1", "share of weights below 0.001", better="neither"),
        Metric("dead_units", "1", "share of hidden units that never change"),
        Metric("dropout_masks", "1", "what dropout layers kept", better="neither"),
        Metric("predicted", "1", "predicted values, test", better="neither"),
        Metric("actual", "1", "actual values, test", better="neither"),
        Metric(TRIAL, "1", "epochs of a trial", better="neither"),
        Metric(EXPERIMENT, "1", "trials of an experiment", better="neither"),
        # What other tools measured, as they measured it: more is worse, which is all that asv knows.
        Metric("time", "s", "time, imported"),
        Metric("memory", "B", "memory, imported"),
        Metric("value", "1", "value, imported"),
    )
}

# Built-in measurements that are not of any component carry this suite name, so that no pattern selects them.
CALIBRATION = "calibration"


# What is timed of each kind; what a suite drives itself is timed as a whole.
MODES = {
    "module": ("forward", "backward"),
    "loss": ("forward", "backward"),
    "architecture": ("forward", "backward"),
    "optimizer": ("step",),
    "scheduler": ("step",),
    "initializer": ("call",),
    "regularizer": ("forward", "backward"),
    "metric": ("call",),
    "transform": ("call",),
    "procedure": ("call",),
}
DRIVEN = ("call",)


def modes(kind: str, is_driven: bool) -> tuple[str, ...]:
    """What is timed of a component of this kind; ``is_driven`` where its suite says how it is put through its paces."""
    return DRIVEN if is_driven else MODES[kind]


def main_metric(timed: tuple[str, ...]) -> str:
    """The metric under which a failure of a component with these modes is recorded."""
    return f"{timed[0]}_time"
