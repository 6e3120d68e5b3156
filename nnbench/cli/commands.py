"""The commands: one file each, imported when it is called, so that reading commands start at once."""

from __future__ import annotations

import importlib
import keyword
import sys
import warnings
from typing import Any

import click

from nnbench.cli import interruption
from nnbench.errors import NnbenchError, did_you_mean, listing

COMMANDS = {
    "list": "what is registered",
    "check": "is it right: every variant against its reference",
    "run": "check, then measure, then store",
    "duel": "which of two is faster: blocks of both in turn",
    "history": "the commits of a range, each measured in turn with the same anchor",
    "show": "one component: documentation, source, cases, last results; or one run",
    "diff": "what changed between two runs, or two commits",
    "trend": "how stored numbers went from run to run",
    "regressions": "what got worse, and with which commit",
    "train": "does it train: an architecture by its recipe, on real data",
    "compare": "which is better: optimizers, dropout rates, any setting, and how sure",
    "report": "a run as one HTML file",
    "import": "results of asv and pytest-benchmark, brought in",
    "export": "the store as CSV, JSON or asv results",
    "results": "the stored runs: which there are, fewer files, still whole",
    "data": "data sets: what is here, and getting more",
    "machine": "this computer and its software, as every run stores them",
}

USAGE = 2

EPILOG = """\b
Exit codes: 0 fine, 1 something is wrong or got worse, 2 usage,
3 some cases could not be measured, 4 too noisy to decide, 130 Ctrl-C.

\b
Example:
  nnbench run 'layers.*' --quick
"""


class Interrupted(Exception):
    """Ctrl-C, on its way through click."""


class LazyGroup(click.Group):
    """A group that knows its commands' names and summaries, and imports a command's module only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            hint = did_you_mean(cmd_name, COMMANDS)
            raise click.UsageError(f"no command named {cmd_name!r}. {hint} Commands are {listing(COMMANDS)}.", ctx)
        module = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        command: click.Command = importlib.import_module(f"nnbench.cli.{module}").command
        interruption.raised()
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # click would put an empty line between what is said of it
            raise Interrupted from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG)
@click.version_option(package_name="nnbench-harness")
def nnbench() -> None:
    """Is a neural-network component right, fast, small, trainable; and has that changed?"""


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    click.echo(f"nnbench: {message}", err=True)


def run() -> int:
    """Run a command, and turn what the user can put right into one line and exit code 2."""
    warnings.showwarning = _show_warning
    try:
        code = nnbench.main(prog_name="nnbench", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except NnbenchError as error:
        click.echo(f"nnbench: {error}", err=True)
        return USAGE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (Interrupted, click.Abort):
        raise KeyboardInterrupt from None
    except BrokenPipeError:  # the reader of our output (head, less) has left
        sys.stderr.close()
        return 0
