"""For asv's virtualenv environments: put one harness over the one that a commit of nnbench's own repository installed.

``python asv_overlay.py`` runs under the environment's Python, behind pip. What pip installed keeps its suites alone.
"""

import shutil
import sysconfig
from pathlib import Path

SUITES = "suites"


def overlay(harness: Path, installed: Path) -> None:
    """Replace all of an installed nnbench but its suites by the files of ``harness``.

    Raises ``FileNotFoundError`` where no suites are installed: then nothing of the commit would be left.
    """
    if not (installed / SUITES / "__init__.py").is_file():
        raise FileNotFoundError(f"there is no {SUITES} in {installed}: the commit was not installed there")
    for old in [path for path in installed.iterdir() if path.name != SUITES]:
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    shutil.copytree(harness, installed, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", SUITES))


if __name__ == "__main__":
    overlay(Path(__file__).resolve().parents[1], Path(sysconfig.get_path("purelib"), "nnbench"))
