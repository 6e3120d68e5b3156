"""``--device``: without a GPU one clear line and exit code 2, in a parent that does not import torch."""

import importlib.metadata
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from nnbench import machine
from nnbench.cli import commands, options
from nnbench.errors import NnbenchError

A_GPU = {"name": "NVIDIA H200", "memory_gib": 140.4, "driver": "580.159"}


@click.command()
@options.device
def told(device, dtype):
    click.echo(f"{device} {dtype}")


def with_option():
    """The commands that have the option, each as it is registered."""
    found = {name: commands.nnbench.get_command(None, name) for name in commands.COMMANDS}
    return [name for name, command in found.items() if any(one.name == "device" for one in command.params)]


def answer(*arguments):
    return CliRunner().invoke(told, arguments, standalone_mode=True)


def test_the_cpu_is_the_default():
    assert answer().output == "cpu None\n"


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
def test_a_dtype_is_taken(dtype):
    assert answer("--dtype", dtype).output == f"cpu {dtype}\n"


def test_an_unknown_device_is_refused_with_the_valid_ones():
    refused = answer("--device", "gpu")
    assert refused.exit_code == 2
    assert "'gpu' is not one of 'cpu', 'cuda'" in refused.output


def test_without_a_gpu_cuda_is_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(machine, "gpus", list)
    refused = answer("--device", "cuda").exception
    assert isinstance(refused, NnbenchError)
    assert str(refused) == "--device cuda: no NVIDIA GPU answers here; --device cpu is the default"


def test_a_torch_without_cuda_is_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(machine, "gpus", lambda: [A_GPU])
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.11.0+cpu")
    refused = answer("--device", "cuda").exception
    assert str(refused) == "--device cuda: torch 2.11.0+cpu is built without CUDA; --device cpu is the default"


def test_with_a_gpu_cuda_is_taken(monkeypatch):
    monkeypatch.setattr(machine, "gpus", lambda: [A_GPU])
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.11.0+cu130")
    assert answer("--device", "cuda", "--dtype", "bfloat16").output == "cuda bfloat16\n"


PROGRAM = """
import sys
from nnbench import cli, machine
machine.gpus = lambda: []
sys.argv = ["nnbench", *sys.argv[1:]]
try:
    cli.main()
finally:
    print("torch" in sys.modules)
"""


@pytest.mark.parametrize("command", with_option() or [pytest.param("", marks=pytest.mark.skip("no command has it"))])
def test_every_command_that_has_it_refuses_before_anything_starts(command, tmp_path):
    line = [sys.executable, "-c", PROGRAM, command, "--device", "cuda"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "nnbench: --device cuda: no NVIDIA GPU answers here; --device cpu is the default"
    ]
    assert done.stdout.splitlines() == ["False"]
    assert list(tmp_path.iterdir()) == []
