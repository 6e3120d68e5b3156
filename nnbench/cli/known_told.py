"""What ``nnbench check --convergence`` and ``nnbench train`` say of figures that are known from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import fmean

from nnbench.bands import Band
from nnbench.known_figures import known
from nnbench.report.words import plural
from nnbench.units import share


def beside_known(bands: Iterable[Band]) -> Iterator[str]:
    """A sentence for each band of which others' figures are known."""
    for band in bands:
        figure = known(band.task, band.data, band.epochs)
        if figure is None:
            continue
        ours = band.values["test_accuracy"]
        difference = figure.less_than(ours)
        agrees = "agrees with" if difference.low <= 0 <= difference.high else "is not"
        told = f"its band's {share(fmean(ours))} test accuracy over {len(ours)} seeds {agrees} the known {figure.told}"
        yield f"{band.task} on {band.data}, {plural(band.epochs, 'epoch')}: {told}"
