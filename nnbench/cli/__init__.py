"""The command line: one file a command, each imported when it is called, so that reading commands start at once."""

from __future__ import annotations

import importlib
import keyword
import signal
import sys
import warnings

import click

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

INTERRUPTED = 130  # what shells give for Ctrl-C

EPILOG = """\b
Exit codes: 0 fine, 1 something is wrong or got worse, 2 usage,
3 some cases could not be measured, 4 too noisy to decide, 130 Ctrl-C.

\b
Example:
  nnbench run 'layers.*' --quick
"""


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
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG)
@click.version_option(package_name="nnbench-harness")
def nnbench() -> None:
    """Is a neural-network component right, fast, small, trainable; and has that changed?"""


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    click.echo(f"nnbench: {message}", err=True)


def main() -> None:
    """Entry point: runs a command and turns what the user can put right into one line and exit code 2."""
    warnings.showwarning = _show_warning
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite end is Ctrl-C by another name
    try:
        code = nnbench.main(prog_name="nnbench", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except NnbenchError as error:
        click.echo(f"nnbench: {error}", err=True)
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("nnbench: interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of our output (head, less) has left
        sys.stderr.close()
        sys.exit(0)
