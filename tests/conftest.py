"""One torch thread for every test, and benchmarks that are timed only where ``--benchmark-only`` asks for it."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

pytest_plugins = ["pytester"]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Without ``--benchmark-only`` each benchmark is called once: that it runs is tested, how fast is not."""
    if not config.getoption("benchmark_only", default=False):
        config.option.benchmark_disable = True
