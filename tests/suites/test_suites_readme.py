"""The example in the suites' README is a suite that loads."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from nnbench import discovery

README = Path(__file__).parents[2] / "suites" / "README.md"


def test_the_example_registers_a_component_that_works(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    (tmp_path / "mine.py").write_text(example)
    catalog = discovery.load([discovery.Source("file", str(tmp_path / "mine.py"), "mine.py")])
    assert catalog.problems == ()
    made = catalog.components["mine.squared_relu"].reference.build()
    assert made(torch.tensor([-2.0, 0.0, 3.0])).tolist() == [0.0, 0.0, 9.0]
