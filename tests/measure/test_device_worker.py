"""A worker that is told a device and a dtype: its cases say so, and without a GPU their rows do."""

from dataclasses import asdict

import pytest
import torch

from nnbench.discovery import Source
from nnbench.processes.process import Limits, WorkerProcess

SUITE = """
from torch import nn
import nnbench

suite = nnbench.Suite("mine")
suite.component("relu", reference=nn.ReLU, variants={"torch": nn.ReLU}, cases=[nnbench.case(nnbench.randn(4))])
"""


@pytest.fixture
def worker(tmp_path):
    (tmp_path / "mine.py").write_text(SUITE)
    made = WorkerProcess(Limits(), threads=1)
    source = Source("file", str(tmp_path / "mine.py"), "mine.py")
    request = {"do": "load", "sources": [asdict(source)], "threads": 1, "memory_limit": made.memory_limit}
    made.load = lambda **more: list(made.ask(request | more))
    yield made
    made.kill()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU: then it is no skipped row")
def test_cases_are_on_the_device_and_in_the_dtype_that_were_asked_for(worker):
    told = next(one["components"] for one in worker.load(device="cuda", dtype="bfloat16") if "components" in one)
    (case,) = told[0]["cases"]
    assert (case["label"], case["device"], case["dtype"]) == ("4,bfloat16,cuda", "cuda", "bfloat16")
    names = {"component": "mine.relu", "variant": "torch", "case": case["label"]}
    (row,) = worker.ask({"do": "check", "seed": 1, **names})
    assert (row["row"]["status"], row["row"]["note"]) == ("skipped", "no NVIDIA GPU is at hand")
    *_, lost = worker.ask({"do": "measure", "seed": 1, "round": 0, "budget": 0.001, "threads": 1, **names})
    assert lost["failed"]["status"] == "skipped"
