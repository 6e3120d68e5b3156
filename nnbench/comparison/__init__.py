"""Statistics of comparisons over seeds: numbers in, numbers out. What the numbers may claim is in docs/compare.md."""

from nnbench.comparison.failed import finished
from nnbench.comparison.groups import apart, best_set, groups, letters, order
from nnbench.comparison.means import interval, intervals
from nnbench.comparison.pairwise import CONFIDENCE, DECIDED, LEAST, Pair, pairs

__all__ = [
    "CONFIDENCE",
    "DECIDED",
    "LEAST",
    "Pair",
    "apart",
    "best_set",
    "finished",
    "groups",
    "interval",
    "intervals",
    "letters",
    "order",
    "pairs",
]
