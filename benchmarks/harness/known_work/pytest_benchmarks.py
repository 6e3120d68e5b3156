"""The known work for pytest-benchmark: the amount comes from the environment, so that two runs have it by one name."""

import os

import pytest

from known_work import OPERATIONS, call


@pytest.mark.parametrize("name", OPERATIONS)
def test_call(benchmark, name):
    benchmark(call(name, int(os.environ["KNOWN_TIMES"])))
