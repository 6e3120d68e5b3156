"""The README keeps its word: its suite works, its commands run, its table came out of a committed run."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

from nnbench import history
from nnbench.cli import output
from nnbench.cli.report import caption
from nnbench.plan import parse
from nnbench.report import markdown_table

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "README.md").read_text()
RUN = re.search(r"Run `([^`]+)`", TEXT)[1]
COMMANDS = [
    shlex.split(line.partition("#")[0])[1:]
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("nnbench ")
]


def test_every_command_of_the_readme_runs(new_user):
    one = new_user("reader")
    suite = re.search(r"`mine.py`:\n```python\n(.*?)```", TEXT, re.DOTALL)
    (one.folder / "mine.py").write_text(suite[1])
    (one.folder / "README.md").write_text(TEXT)
    later = [arguments for arguments in COMMANDS if arguments[0] in ("report", "diff")]
    for arguments in [command for command in COMMANDS if command not in later] + later:
        committed = ["--results", ROOT / "results"] if RUN in arguments else []
        answer = one.run(*arguments, *committed)
        too_noisy = (output.UNDECIDED,) if arguments[0] == "run" else ()
        assert answer.code in (0, *too_noisy), f"nnbench {' '.join(arguments)}\n{answer.out}\n{answer.err}"


def test_the_readmes_own_component_without_its_eps_is_found_wrong(new_user):
    one = new_user("careless")
    suite = re.search(r"`mine.py`:\n```python\n(.*?)```", TEXT, re.DOTALL)
    (one.folder / "mine.py").write_text(suite[1].replace(", eps=1e-5)]", ")]"))
    assert one.run("check", "--suite", "mine.py", "mine").code == 1


def test_the_table_came_out_of_a_committed_run():
    patterns = next(command for command in COMMANDS if "--into" in command)
    parsed = [parse(text) for option, text in pairwise(patterns) if option == "--markdown"]
    run = history.find_run(ROOT / "results", RUN)
    table = markdown_table(run, lambda line: any(p.takes(line.component, line.variant, line.case) for p in parsed))
    assert f"{caption(run)}\n\n{table}" in TEXT
    assert "reference" in table
