"""Runs made by hand: small ones for single questions, and one that looks like a real run of all suites."""

import math
import random

from nnbench.model import Check, CheckStatus, Measurement, Run, Status, check_to_measurement

MACHINE = {
    "id": "1f2e3d4c",
    "cpu": "AMD EPYC 7763 64-Core Processor",
    "cores": 2,
    "logical_cores": 4,
    "memory_gib": 15.6,
    "architecture": "x86_64",
    "gpus": [],
    "system": "Linux 6.1.0",
    "python": "3.11.2",
    "torch": "2.10.0",
    "numpy": "2.2.1",
    "nnbench-harness": "0.1.0",
    "threads": 1,
    "load": [0.52, 0.31, 0.2],
}


def run_of(*measurements, **changes):
    """A run of these measurements; keywords replace its other fields."""
    facts = {
        "id": "20260301T123045Z-a1b2c3",
        "started": "2026-03-01T12:30:45+00:00",
        "command": "nnbench run 'layers.*'",
        "commit": "deaa0301234567890abcdef",
        "dirty": False,
        "machine": MACHINE,
    }
    return Run(**(facts | changes), measurements=tuple(measurements))


def timed(variant, seconds, component="layers.linear", case="32x784", mode="forward", rounds=3, spread=0.001):
    """One mode's times of one variant in some rounds, all close together."""
    return [
        Measurement(
            component,
            variant,
            case,
            f"{mode}_time",
            "s",
            values=tuple(seconds * (1 + spread * (number + sample / 10)) for sample in range(5)),
            round=number,
        )
        for number in range(rounds)
    ]


def ended(status, note, variant="reference", component="layers.linear", case="32x784"):
    """The row that stands for a variant that got no time."""
    return Measurement(component, variant, case, "forward_time", "s", status=status, note=note)


def checked(status, variant="reference", component="layers.linear", case="32x784", name="values", **facts):
    """A check as a run stores it."""
    return check_to_measurement(Check(component, variant, case, name, status, **({"seed": 7} | facts)))


def trained(accuracy=0.9581, component="architectures.mlp", variant="reference", epoch=1, seed=3):
    """One epoch of a training."""
    values = {"train_loss": 0.31, "test_loss": 0.14, "test_accuracy": accuracy, "training_time": 4.2}
    context = {"data": "mnist", "seed": seed, "epoch": epoch}
    return [
        Measurement(component, variant, f"mnist,epoch={epoch}", metric, "1", (value,), context=context)
        for metric, value in values.items()
    ]


def calibrated(rounds=3):
    return [
        Measurement(
            f"calibration.{name}", "reference", "default", "calibration_time", "s", (value, value * 1.01), round=number
        )
        for number in range(rounds)
        for name, value in (("matrix_product", 3.1e-4), ("copy", 1.2e-3))
    ]


LAYER_CASES = {
    "layers.linear": ["32x784,in_features=784,out_features=128", "32x10,in_features=10,out_features=5",
                      "128x768,in_features=768,out_features=3072"],
    "layers.conv2d": ["1x3x32x32,in_channels=3,out_channels=64,kernel_size=3,stride=1,padding=1",
                      "32x3x32x32,in_channels=3,out_channels=32,kernel_size=3,padding=1",
                      "32x1x28x28,in_channels=1,out_channels=32,kernel_size=3",
                      "4x64x32x32,in_channels=64,out_channels=64,kernel_size=3,padding=1"],
    "layers.batch_norm2d": ["32x64x32x32,num_features=64", "8x3x8x8,num_features=3"],
    "layers.layer_norm": ["128x768,normalized_shape=768", "64x10,normalized_shape=10"],
    "layers.dropout": ["32x784,p=0.5", "128x3072,p=0.1"],
    "layers.max_pool2d": ["32x32x28x28,kernel_size=2", "4x64x112x112,kernel_size=3,stride=2,padding=1"],
    "layers.lstm": ["16x20x32,input_size=32,hidden_size=64,batch_first=True"],
    "layers.embedding": ["int64x128,num_embeddings=30522,embedding_dim=768", "int10x5,num_embeddings=10"],
    "activations.relu": ["64x1024", "32x10"],
    "activations.gelu": ["64x1024", "64x1024,approximate=tanh"],
    "activations.mish": ["64x1024"],
    "activations.softmax": ["64x1024,dim=1", "64x32768,dim=1"],
    "losses.cross_entropy": ["10x5+int10", "64x32768+int64"],
    "losses.mse": ["32x10+32x10", "64x3x64x64+64x3x64x64"],
    "optimizers.sgd": ["128x784+128,lr=0.01", "128x784+128,lr=0.01,momentum=0.9",
                       "128x784+128,lr=0.01,momentum=0.9,nesterov=True",
                       "128x784+128,lr=0.01,momentum=0.9,weight_decay=0.0001", "1024x1024+1024,lr=0.01,momentum=0.9"],
    "optimizers.adam": ["128x784+128,lr=0.001", "128x784+128,lr=0.001,betas=(0.9+0.999),eps=1e-08,weight_decay=0.0001",
                        "128x784+128,lr=0.001,eps=1e-07", "1024x1024+1024,lr=0.001"],
    "architectures.mlp": ["32x784,input_size=784,hidden_size=128,num_classes=10", "512x784,input_size=784"],
}  # fmt: skip
ALL_MODES = {"optimizers": ("step",)}
RIGHT = ("values", "precision", "gradients", "inputs_unchanged", "deterministic", "mode")


def _variant(draw, component, case, variant, typical):
    modes = ALL_MODES.get(component.partition(".")[0], ("forward", "backward"))
    for place, mode in enumerate(modes):
        for number in range(3):
            drift = math.exp(draw.gauss(0, 0.012))
            values = tuple(typical * (1 + 1.3 * place) * drift * (1 + abs(draw.gauss(0, 0.03))) for _ in range(15))
            yield Measurement(component, variant, case, f"{mode}_time", "s", values, round=number)
    for metric, unit, value in (("peak_memory", "B", typical * 6e9), ("parameters", "1", int(typical * 3e8))):
        yield Measurement(component, variant, case, metric, unit, (float(value),))
    if modes[0] == "forward":
        flops = typical * 2e10 if component in ("layers.linear", "layers.conv2d", "architectures.mlp") else 0.0
        yield Measurement(component, variant, case, "flops", "1", (float(int(flops)),))


def _bad(component, variant, case):
    """What goes wrong in the realistic run."""
    who = {"component": component, "variant": variant, "case": case}
    if (component, variant) == ("activations.mish", "reference"):
        note = "against torch: the largest error is at [3, 17], 0.8413 instead of 0.8650"
        yield checked(CheckStatus.FAILED, **who, error=0.0237, allowance=2.4e-7, note=note)
        yield ended(Status.WRONG, f"values: {note}", **who)
    if (component, variant) == ("layers.lstm", "reference"):
        note = "crashed: the worker died of signal 11 (SIGSEGV) while it was measuring this"
        yield ended(Status.CRASHED, note.removeprefix("crashed: "), **who)
    if (component, variant) == ("losses.cross_entropy", "documented"):
        note = "E03: the documents take the logarithm of a softmax that was taken already"
        yield checked(CheckStatus.EXPECTED, **who, error=0.41, allowance=1e-12, note=note, erratum="E03")
        yield ended(Status.WRONG, f"as documented: {note}", **who)
    if variant == "keras":
        yield ended(Status.SKIPPED, "cannot be imported: No module named 'keras'", **who)


def realistic(copies=1):
    """Seventeen components in 40 cases with two or three variants; one is wrong, one crashes, one is trained."""
    draw = random.Random(0)
    rows = calibrated()
    for copy in range(copies):
        suffix = f"_{copy}" if copy else ""
        for component, cases in LAYER_CASES.items():
            extra = {"layers.linear": ("compiled", "keras"), "losses.cross_entropy": ("documented",)}.get(component, ())
            for case in cases:
                typical = math.exp(draw.uniform(math.log(4e-6), math.log(8e-3)))
                for variant in ("reference", "torch", *extra):
                    name = component + suffix
                    bad = list(_bad(component, variant, case)) if not copy else []
                    rows += bad
                    if not bad:
                        speed = 1.0 if variant == "torch" else math.exp(draw.choice((0.0, 0.01, -0.3, 0.25, 0.6, 1.1)))
                        rows += _variant(draw, name, case, variant, typical * speed)
                        rows += [checked(CheckStatus.PASSED, variant, name, case, check, error=1e-9, allowance=1e-7)
                                 for check in RIGHT]  # fmt: skip
    return run_of(*rows, *trained(), command="nnbench run", dirty=True)


HOSTILE = (
    "<script>alert('x')</script>\"'&amp;{{ 7*7 }}|`$\\frac{1}{2}$ \u202e\x1b[31m]]>--><img src=http://evil.example/x>"
)


def hostile():
    """A run whose every text is an attack, or at least a nuisance."""
    where = {"component": HOSTILE, "case": HOSTILE}
    return run_of(
        *timed("reference", 1e-3, **where),
        *timed("torch", 2e-3, **where),
        *timed(HOSTILE, 4e-3, **where),
        ended(Status.CRASHED, HOSTILE * 50, "keras", **where),
        checked(CheckStatus.FAILED, "keras", **where, name=HOSTILE, note=HOSTILE * 50, error=math.inf, allowance=0.1),
        checked(CheckStatus.EXPECTED, "documented", **where, note=HOSTILE, erratum=HOSTILE),
        Measurement(
            HOSTILE, HOSTILE, HOSTILE, "test_accuracy", "1", (math.nan,), context={"data": HOSTILE, "epoch": 1}
        ),
        Measurement(f"calibration.{HOSTILE}", "reference", "default", "calibration_time", "s", (1e-3,)),
        command=HOSTILE * 20,
        commit=HOSTILE,
        started=HOSTILE,
        ended=HOSTILE,
        machine={HOSTILE: HOSTILE, "cpu": HOSTILE, "gpus": [{"name": HOSTILE}]},
    )


def only_failures(count=60):
    """A run in which everything failed."""
    return run_of(
        *(
            row
            for number in range(count)
            for row in (
                checked(CheckStatus.FAILED, case=f"32x{number}", error=0.5, allowance=1e-6, note="all of it is wrong"),
                ended(Status.WRONG, "values: all of it is wrong", case=f"32x{number}"),
            )
        )
    )
