"""Running a suite's file: under a name of its own, with its neighbours within reach."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from nnbench.errors import RegistrationError


def run_file(path: Path) -> ModuleType:
    """Import a suite file under a name of its own, so that two files called mine.py do not meet."""
    name = f"nnbench_suite_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    if not path.is_file():
        raise RegistrationError("there is no such file")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise RegistrationError("it is not a Python file")
    _make_way_for_neighbours(path.parent)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


_folders: list[str] = []  # of suite files, in the order of loading


def _make_way_for_neighbours(folder: Path) -> None:
    """Let a suite import the files beside it, as ``python mine.py`` would, and not another suite's of the same name."""
    for name, module in list(sys.modules.items()):
        place = Path(getattr(module, "__file__", None) or "").parent
        if str(place) in _folders and place != folder and not name.startswith("nnbench_suite_"):
            del sys.modules[name]
    _folders.append(str(folder))
    sys.path[:] = [str(folder), *(entry for entry in sys.path if entry != str(folder))]
