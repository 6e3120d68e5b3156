"""One torch thread for every test, and speed tests that only run in earnest when they are asked for."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Without ``--benchmark-only`` each speed test calls its case once: that it runs is tested, how fast is not."""
    if not config.getoption("benchmark_only", default=False):
        config.option.benchmark_disable = True
