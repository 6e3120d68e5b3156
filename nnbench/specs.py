"""What a suite says about its cases: inputs, constructor arguments and training recipes, as plain records."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nnbench.errors import RegistrationError

DTYPES = ("float64", "float32", "float16", "bfloat16")
DEVICES = ("cpu", "cuda")


@dataclass(frozen=True)
class InputSpec:
    """A tensor to be drawn from a seed: "randn", "rand" (uniform in (0, 1)) or "randint" (``low <= x < high``).

    As one of a case's inputs it is what the component is called with; as a constructor argument (a loss's class
    weights, say) it is drawn once, before the component is built.
    """

    distribution: str
    shape: tuple[int, ...]
    low: int = 0
    high: int = 0
    requires_grad: bool = False

    @property
    def label(self) -> str:
        """The shape, with the range where there is one: ``32x784``, ``32(0..9)``, ``32(0-1)``."""
        size = "x".join(str(n) for n in self.shape) or "scalar"
        ranges = {"randint": f"({self.low}..{self.high - 1})", "rand": "(0-1)"}
        return size + ranges.get(self.distribution, "")

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


def randn(*shape: int | Sequence[int], requires_grad: bool = True) -> InputSpec:
    """Standard-normal input of this shape, in the case's dtype; gradients towards it are checked and timed.

    >>> randn(64, 1024).label
    '64x1024'
    """
    return InputSpec("randn", _shape(shape), requires_grad=requires_grad)


def rand(*shape: int | Sequence[int], requires_grad: bool = True) -> InputSpec:
    """Uniform input in (0, 1) of this shape, for what takes probabilities; otherwise as ``randn``.

    >>> rand(32, 1).label
    '32x1(0-1)'
    """
    return InputSpec("rand", _shape(shape), requires_grad=requires_grad)


def randint(low: int, high: int | Sequence[int], size: Sequence[int] | None = None) -> InputSpec:
    """Integers (int64) from ``low`` to ``high - 1``; called as ``torch.randint``: (high, size) or (low, high, size).

    >>> randint(5, (10,)).label
    '10(0..4)'
    """
    if size is None:
        low, high, size = 0, low, high  # type: ignore[assignment]
    if not (isinstance(size, list | tuple) and isinstance(low, int) and isinstance(high, int) and low < high):
        raise RegistrationError("randint takes (high, size) or (low, high, size), size a tuple, low below high")
    return InputSpec("randint", _shape(size), low=low, high=high)


def _shape(sizes: Sequence[Any]) -> tuple[int, ...]:
    flat = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], Sequence) else tuple(sizes)
    wrong = [size for size in flat if isinstance(size, bool) or not isinstance(size, int) or size < 0]
    if wrong:
        raise RegistrationError(f"an input's sizes are whole numbers from 0 up, not {wrong[0]!r}")
    return flat


@dataclass(frozen=True)
class Case:
    """Constructor arguments, input specification, dtype and device: what a component is measured with.

    One that is not ``timed`` is there for the checks alone. ``items`` is how many samples (tokens, images) one call
    goes through, for throughput.
    """

    inputs: tuple[InputSpec, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    dtype: str = "float32"
    device: str = "cpu"
    name: str = ""
    timed: bool = True
    items: int | None = None

    @property
    def label(self) -> str:
        """Short and without spaces; it is unique within a component: ``32x784,in_features=784,out_features=128``."""
        if self.name:
            return self.name
        shapes = [spec.label for spec in self.inputs]
        arguments = [f"{name}={_short(value)}" for name, value in self.arguments.items()]
        special = [self.dtype] * (self.dtype != "float32") + [self.device] * (self.device != "cpu")
        return ",".join([*shapes, *arguments, *special]) or "default"

    @property
    def spec(self) -> str:
        """Hash of all that decides the work: cases with equal specs may be compared across commits."""
        content = {
            "inputs": [_plain(spec) for spec in self.inputs],
            "arguments": {name: _plain(value) for name, value in self.arguments.items()},
            "dtype": self.dtype,
            "device": self.device,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    def on(self, device: str, dtype: str = "") -> Case:
        """The same case on another device, and in another dtype where one is given; its label and spec then say so.

        >>> case(randn(4), name="small").on("cuda", "bfloat16").label
        'small,bfloat16,cuda'
        """
        moved = replace(
            self, device=_known("device", device, DEVICES), dtype=_known("dtype", dtype or self.dtype, DTYPES)
        )
        changed = [new for new, old in ((moved.dtype, self.dtype), (moved.device, self.device)) if new != old]
        return replace(moved, name=",".join([self.name, *changed])) if self.name else moved

    @property
    def plain_arguments(self) -> dict[str, Any]:
        return {name: _plain(value) for name, value in self.arguments.items()}


def case(
    *inputs: InputSpec,
    dtype: str = "float32",
    device: str = "cpu",
    name: str = "",
    timed: bool = True,
    items: int | None = None,
    **arguments: Any,
) -> Case:
    """One thing to measure: inputs, the component's constructor arguments, and where and in what to run.

    For an optimizer the inputs are the shapes of the parameters that it steps. ``name`` replaces the label that is
    made of the sizes. ``timed=False`` keeps a case to the checks: an option whose speed nobody asks for. ``items`` is
    how many samples (tokens, images) one call goes through, where throughput shall be shown.

    >>> case(randn(64, 1024), normalized_shape=1024).label
    '64x1024,normalized_shape=1024'
    """
    _known("dtype", dtype, DTYPES)
    _known("device", device, DEVICES)
    wrong = [spec for spec in inputs if not isinstance(spec, InputSpec)]
    if wrong:
        raise RegistrationError(
            f"a case's inputs are made with randn(...), rand(...) or randint(...), not {wrong[0]!r}; "
            "constructor arguments are given by name"
        )
    if items is not None and items < 1:
        raise RegistrationError(f"a case's items are how many samples one call goes through, 1 or more, not {items!r}")
    made = Case(tuple(inputs), dict(arguments), dtype, device, name, timed, items)
    _ = made.spec  # refuses, here and now, an argument that has no stable description
    return made


def _known(what: str, value: str, valid: Sequence[str]) -> str:
    if value not in valid:
        raise RegistrationError(f"a case's {what} is one of {', '.join(valid)}, not {value!r}")
    return value


@dataclass(frozen=True)
class Recipe:
    """How the documents train an architecture: the data, the loss, the optimizer and their settings.

    ``data`` names a data set of ``nnbench data`` or a generator or table of scikit-learn's ("make_classification",
    "make_regression", "breast_cancer", "iris"), ``data_arguments`` what its name leaves open:

    - the generator's own arguments (``n_samples``, ``n_features``, ``n_informative``, ``n_classes``, ``noise``); where
      none of them is given it makes 1,000 samples of 20 features, of 3 classes or with a noise of 10;
    - of images the ``mean`` and ``deviation`` of each channel that they are standardized by, where they are;
    - of sentences their ``length`` in words and the ``vocabulary_size``, of a series the ``window``, how many values
      the next one is predicted from;
    - where the data comes without such a part, ``test_share`` of all samples and ``validation_share`` of the others,
      rounded down and drawn with ``random_state`` (0 where it is not given), which is the generator's too.

    ``standardize`` says that the features, and the targets of a regression, are taken less the mean of the training
    part and divided by its deviation. Images are divided by their ``scale`` instead.

    ``loss``, ``optimizer`` and ``scheduler`` are names of ``torch.nn``, ``torch.optim`` and
    ``torch.optim.lr_scheduler``. ``features_argument`` and ``classes_argument`` name the constructor arguments that
    follow from the data (empty where none does; without the first, images are not flattened), ``arguments`` are the
    others. ``patience`` is early stopping's, in epochs, ``clip_norm`` the largest norm
    that all gradients together may have; 0 for none. ``augment`` names what happens to the training images each time
    that they are seen ("crop_and_flip", with ``augment_arguments``), nothing where empty. ``backbone`` is of
    transfer learning: the name pattern of the ``weights`` file that the network's argument of this name takes, the
    ``data`` that a backbone is trained on where there is no such file, and which other fields of the recipe are others
    then. ``every_run`` says that each ``nnbench run`` trains
    its first epoch. ``note`` tells what of it is documented and what had to be chosen.
    """

    data: str
    loss: str
    optimizer: str
    optimizer_arguments: Mapping[str, Any]
    batch_size: int
    epochs: int
    features_argument: str = "input_size"
    classes_argument: str = "num_classes"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    data_arguments: Mapping[str, Any] = field(default_factory=dict)
    standardize: bool = False
    scheduler: str = ""
    scheduler_arguments: Mapping[str, Any] = field(default_factory=dict)
    patience: int = 0
    clip_norm: float = 0.0
    augment: str = ""
    augment_arguments: Mapping[str, Any] = field(default_factory=dict)
    backbone: Mapping[str, Any] = field(default_factory=dict)
    every_run: bool = False
    note: str = ""


def _plain(value: Any) -> Any:
    """The stable, JSON-ready form of an argument; refuses what has none (its repr would change from run to run)."""
    if isinstance(value, InputSpec):
        return {
            "distribution": value.distribution,
            "shape": list(value.shape),
            "low": value.low,
            "high": value.high,
            "requires_grad": value.requires_grad,
        }
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if "<lambda>" in getattr(value, "__qualname__", ""):
        raise RegistrationError("a case's argument is a lambda, which has no name to tell it by; define a function")
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    raise RegistrationError(
        f"a case's arguments are numbers, strings, lists, dictionaries, classes, functions or randn(...), "
        f"not {type(value).__name__}: give tensors as randn(...) and build other objects inside the component"
    )


def _short(value: Any) -> str:
    if isinstance(value, InputSpec):
        return value.label
    if isinstance(value, list | tuple):
        return "(" + "+".join(_short(item) for item in value) + ")"
    if hasattr(value, "__qualname__"):
        return str(value.__qualname__)
    return str(value).replace(" ", "")
