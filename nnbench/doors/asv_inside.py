"""Inside a worktree environment: run a script of asv's with the commit's modules and the installed harness.

``python -P asv_inside.py SCRIPT ARGUMENT ...``; the tree stands in the environment variable ``NNBENCH_ASV_TREE``.
"""

import os
import runpy
import sys
from pathlib import Path


def main() -> None:
    _import_the_harness()
    from nnbench.commits.trees import enter
    from nnbench.doors.asv_guard import Guard
    from nnbench.doors.registry import tree

    script, *arguments = sys.argv[1:]
    place, commits = Path.cwd(), tree()
    assert commits is not None
    enter(commits)
    os.chdir(place)  # where asv wants its benchmarks to run
    first = os.environ["ASV_PYTHONPATH"].split(os.pathsep)
    sys.path[:] = dict.fromkeys([*first, *sys.path])
    sys.meta_path.insert(0, Guard.of(commits, benchmarks=arguments[1:2]))
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


def _import_the_harness() -> None:
    """The one that asv's plugin is of, wherever it lies, and nothing else that lies there.

    Once its package is imported its modules are looked for in its own folder, whatever the commit brings.
    """
    folder = str(Path(__file__).resolve().parents[2])
    before = list(sys.path)
    sys.path.insert(0, folder)
    import nnbench.doors

    assert nnbench.doors.__file__ == str(Path(__file__).resolve().with_name("__init__.py"))
    sys.path[:] = before


if __name__ == "__main__":
    main()
