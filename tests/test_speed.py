"""Every registered case under pytest-benchmark's own timer: ``pytest --benchmark-only``."""

import time

import pytest

from nnbench.doors import registry

KEYS = [pytest.param(key, mode, id=f"{mode}-{key}") for mode, keys in registry.keys().items() for key in keys]


@pytest.mark.benchmark(timer=time.thread_time, max_time=0.1, min_rounds=5, warmup=False, disable_gc=True)
@pytest.mark.parametrize(("key", "mode"), KEYS)
def test_speed(benchmark, key, mode):
    try:
        call = registry.ready(
            key, mode
        )  # called once already: the fixture decides its rounds from the first call it sees
    except LookupError as reason:
        pytest.skip(str(reason))  # a package that is not installed here
    component, _, rest = key.partition("@")
    benchmark.group = f"{component}[{rest.partition('[')[2]} {mode}"
    benchmark(call)
