"""The command line. Importing this imports next to nothing, so that Ctrl-C is heard while everything else is."""

from __future__ import annotations

import sys

from nnbench.cli import interruption


def main() -> None:
    """Entry point: runs a command; Ctrl-C ends it in one line and exit code 130, whatever it is at."""
    interruption.leaves()
    try:
        from nnbench.cli import commands

        code = commands.run()
    except KeyboardInterrupt:
        code = interruption.told()
    sys.exit(code)
