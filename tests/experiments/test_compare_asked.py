"""What ``nnbench compare`` refuses before it starts a worker."""

import click
import pytest

from nnbench.cli.compare_asked import Asked, refuse
from nnbench.errors import NnbenchError


@pytest.mark.parametrize(("name", "written"), [("", ""), ("optimizers", "lr=1,2")])
def test_one_factor_is_named_and_one_only(name, written):
    with pytest.raises(click.UsageError, match="say "):
        refuse(Asked(name, written))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked("dropot"), "Did you mean dropout"),
        (Asked("", "lr"), "write lr=VALUES"),
        (Asked("", "lrr=1,2"), "Did you mean lr"),
        (Asked("", "lr=-1,1"), "above 0, not -1"),
        (Asked("", "lr=1:2"), "FIRST:LAST:HOW_MANY"),
        (Asked("optimizers", data="minst"), "Did you mean mnist"),
        (Asked("", "lr=0.1,0.01", tune=3), "leave --tune out"),
        (Asked("", "optimizer_arguments.lr=0.1,0.01", tune=3), "leave --tune out"),
        (Asked("dropout", tune=3, fixed={"lr": 0.1}), "leave --set lr out"),
        (Asked("dropout", tune=3, seed=9_999, seeds=2), "take seeds below"),
        (Asked("", "train_share=0.1,1", shares=(0.5,)), "leave one of them out"),
        (Asked("", "lr=0.1,0.01", fixed={"lr": 1.0}), "--set lr and --factor lr"),
    ],
)
def test_a_mistake_that_no_suite_can_mend_is_told_at_once(asked, said):
    with pytest.raises(NnbenchError, match=said):
        refuse(asked)


@pytest.mark.parametrize(
    "asked",
    [
        Asked("optimizers", tune=3, data="cifar10_subset", seed=9_990, seeds=10),
        Asked("", "optimizer=SGD,optimizers.adam", data="iris", shares=(0.5,), fixed={"lr": 0.1}),
    ],
)
def test_what_may_be_compared_is_not_refused(asked):
    refuse(asked)
