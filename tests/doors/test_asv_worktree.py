"""asv's worktree environment: the commit's modules and no others, the installed harness, and nothing installed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from asv import util
from asv.repo import get_repo

from nnbench.commits.trees import HARNESS, Tree
from nnbench.doors import asv_checkout, asv_worktree
from nnbench.doors.asv_guard import Guard
from nnbench.doors.asv_overlay import overlay
from nnbench.doors.asv_worktree import VERSION, Worktree

CONFIGURATION = {
    "version": 1,
    "project": "toy",
    "repo": ".",
    "branches": ["main"],
    "plugins": [".nnbench.doors.asv_worktree"],
    "environment_type": "worktree",
}


def git(folder, *arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "core.hooksPath=/dev/null"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "next")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A repository whose package says 1 in its first commit, 2 in its second, 9 in its working tree; we stand in it."""
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch", "main")
    first = commit(root, {"src/toy/__init__.py": "VALUE = 1\n", ".gitignore": "__pycache__/\n.asv/\n"})
    second = commit(root, {"src/toy/__init__.py": "VALUE = 2\n"})
    (root / "src/toy/__init__.py").write_text("VALUE = 9\n")
    monkeypatch.chdir(root)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    return SimpleNamespace(folder=root, first=first, second=second)


@pytest.fixture
def environment(root):
    """The environment of that repository, created; its lock is given back, as the end of a process would."""
    made = Worktree(configuration(), VERSION, {}, {})
    made.create()
    yield made
    asv_worktree._locks.pop(made._path).close()


def configuration(**more):
    """What asv's constructors read of a configuration."""
    folders = {"env_dir": ".asv/env", "repo_subdir": "", "dvcs": "git"}
    limits = {"install_timeout": 9, "default_benchmark_timeout": 9, "build_cache_size": 0}
    commands = dict.fromkeys(("build_command", "install_command", "uninstall_command"))
    return SimpleNamespace(**(CONFIGURATION | folders | limits | commands | more))


def install(environment, commit_hash):
    conf = configuration()
    environment.install_project(conf, get_repo(conf), commit_hash)


def value_in(environment, tmp_path, code="import toy; print(toy.VALUE)"):
    """What a script prints that is run as asv runs its own."""
    script = tmp_path / "script.py"
    script.write_text(code)
    return environment.run([str(script), "run", "benchmarks"], dots=False, cwd=str(tmp_path)).strip()


def value_in_the_same_second(environment, tmp_path):
    """The files of both commits have one size and now one time: bytecode of the one would pass for the other's."""
    os.utime(Path(environment._build_root, "src/toy/__init__.py"), (1e9, 1e9))
    return value_in(environment, tmp_path)


# The commit, and nothing but the commit


def test_each_commits_own_module_is_imported(environment, root, tmp_path):
    seen = []
    for one in (root.first, root.second, root.first):
        install(environment, one)
        seen.append(value_in_the_same_second(environment, tmp_path))
    assert seen == ["1", "2", "1"]
    assert (root.folder / "src/toy/__init__.py").read_text() == "VALUE = 9\n"


def test_a_bytecode_cache_elsewhere_does_not_mix_up_commits(environment, root, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / "cache"))
    for one, expected in ((root.first, "1"), (root.second, "2")):
        install(environment, one)
        assert value_in_the_same_second(environment, tmp_path) == expected
    assert not (tmp_path / "cache").exists()


def test_the_working_tree_on_the_search_path_gives_way_to_the_commit(environment, root, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(root.folder / "src"))
    install(environment, root.first)
    assert value_in(environment, tmp_path) == "1"


def test_a_module_that_only_the_working_tree_would_serve_is_refused(environment, root, tmp_path):
    """It lies where nothing of the commit is looked for, and the commit has it: measuring it would be a lie."""
    install(environment, commit(root.folder, {"deep/below/other.py": "VALUE = 3\n"}))
    code = f"import sys; sys.path.append({str(root.folder / 'deep/below')!r})\nimport other"
    with pytest.raises(util.ProcessError) as error:
        value_in(environment, tmp_path, code)
    assert "the working tree would be measured in its name" in error.value.stderr + error.value.stdout


def test_an_installed_copy_of_the_project_is_refused(tmp_path, monkeypatch):
    site = tmp_path / "site"
    (site / "toy_project-1.dist-info").mkdir(parents=True)
    (site / "toy_project-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: toy-project\nVersion: 1\n")
    (site / "toy_project-1.dist-info/RECORD").write_text("toy_copy/__init__.py,,\n")
    (site / "toy_copy").mkdir()
    (site / "toy_copy/__init__.py").touch()
    folder = tmp_path / "commit"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "toy-project"\n')
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr("nnbench.doors.asv_guard.site_folders", lambda: (site,))
    guard = Guard.of(Tree("1a2b", str(folder), str(tmp_path / "root")))
    with pytest.raises(ImportError, match="the same code would be measured for every commit"):
        guard.find_spec("toy_copy")
    assert guard.find_spec("json").name == "json"


def test_harness_is_the_installed_one_and_suites_are_the_commits(environment, root, tmp_path):
    """A commit of nnbench's own repository brings a harness too: a newer or an older one must not time it."""
    own = {
        "pyproject.toml": '[tool.setuptools]\npackage-dir = { "nnbench.suites" = "suites" }\n',
        "nnbench/__init__.py": "raise SystemExit('the commit's harness')\n",
        "suites/__init__.py": "",
        "suites/toy.py": "from nnbench import Suite\nsuite = Suite('toy')\nVALUE = 4\n",
    }
    install(environment, commit(root.folder, own))
    code = (
        "import nnbench.metrics\nimport nnbench.suites.toy as toy\n"
        "from nnbench.doors.registry import catalog\n"
        "print(nnbench.metrics.__file__, toy.__file__, len(catalog().components), catalog().problems)"
    )
    harness, suite, components, problems = value_in(environment, tmp_path, code).split()
    assert Path(harness).parent == HARNESS
    assert suite == str(Path(environment._build_root, "suites/toy.py"))
    assert (components, problems) == ("0", "()")  # those of the commit: none of the built-in ones


def test_the_place_to_run_in_is_asvs(environment, root, tmp_path):
    install(environment, root.first)
    assert value_in(environment, tmp_path, "import os; print(os.getcwd())") == str(tmp_path)


def test_a_project_below_the_top_is_named_by_repo_subdir(root, tmp_path):
    last = commit(root.folder, {"python/toy/__init__.py": "VALUE = 7\n"})
    conf = configuration(repo_subdir="python")
    made = Worktree(conf, VERSION, {}, {})
    made.create()
    made.install_project(conf, get_repo(conf), last)
    assert value_in(made, tmp_path) == "7"
    asv_worktree._locks.pop(made._path).close()


# Checking out


def test_what_is_not_the_commits_goes_before_the_next(environment, root):
    project = Path(environment._build_root)
    install(environment, root.second)
    assert environment.installed_commit_hash == root.second
    (project / "src/toy/left_over.py").touch()
    (project / "src/toy/__init__.py").write_text("VALUE = 8\n")
    assert environment.installed_commit_hash is None, "a checkout that was changed is no commit"
    install(environment, root.second)
    assert environment.installed_commit_hash == root.second
    assert not (project / "src/toy/left_over.py").exists()
    assert (project / "src/toy/__init__.py").read_text() == "VALUE = 2\n"


def test_repository_stays_as_it_is_and_no_hook_runs(environment, root, tmp_path):
    hook = root.folder / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path / 'hooked'}\n")
    hook.chmod(0o755)
    before = git(root.folder, "status", "--porcelain", "--branch")
    install(environment, root.first)
    assert git(root.folder, "status", "--porcelain", "--branch") == before
    assert not (tmp_path / "hooked").exists()


@pytest.mark.parametrize("lost", ["folder", "administration"])
def test_a_checkout_that_was_deleted_by_half_is_made_anew(environment, root, lost):
    install(environment, root.first)
    project = Path(environment._build_root)
    gone = project if lost == "folder" else root.folder / ".git/worktrees"
    subprocess.run(["rm", "-r", str(gone)], check=True)
    assert environment.installed_commit_hash is None
    install(environment, root.first)
    assert asv_checkout.checked_out(project) == root.first


def test_a_commit_that_is_not_there_is_asvs_failure_and_not_the_last_ones_time(environment, root):
    install(environment, root.first)
    with pytest.raises(util.ProcessError):
        install(environment, "0" * 40)
    assert environment.installed_commit_hash is None


# What is refused


def test_another_python_and_packages_to_install_are_refused(root):
    with pytest.raises(util.UserError, match=r"asv's own Python .* not 2.7"):
        Worktree(configuration(), "2.7", {}, {})
    with pytest.raises(util.UserError, match=r"installs nothing, so it cannot bring torch"):
        Worktree(configuration(), VERSION, {"torch": "2.13.0"}, {})


def test_two_processes_do_not_share_a_checkout(environment, root):
    """The second would change the commit under the first."""
    code = (
        "import sys, pathlib\nfrom asv import util\nfrom nnbench.doors.asv_worktree import Worktree\n"
        "one = Worktree.__new__(Worktree)\none._path = sys.argv[1]\n"
        "try:\n    one._lock()\nexcept util.UserError as error:\n    sys.exit(str(error))"
    )
    done = subprocess.run([sys.executable, "-c", code, environment._path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "another asv is using" in done.stderr


# The alternative, a virtualenv


def test_harness_is_laid_over_an_installed_commit_and_its_suites_stay(tmp_path):
    installed, harness = tmp_path / "installed", tmp_path / "harness"
    for path, text in {
        installed / "old.py": "the commit's",
        installed / "deep/old.py": "the commit's",
        installed / "suites/__init__.py": "the commit's",
        harness / "new.py": "ours",
        harness / "suites/__init__.py": "ours",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    overlay(harness, installed)
    left = {str(path.relative_to(installed)): path.read_text() for path in installed.rglob("*.py")}
    assert left == {"new.py": "ours", "suites/__init__.py": "the commit's"}


def test_an_environment_without_the_commit_is_not_taken_for_one(tmp_path):
    with pytest.raises(FileNotFoundError, match="the commit was not installed there"):
        overlay(HARNESS, tmp_path)


# asv itself


def test_asv_measures_three_commits_and_compares_and_publishes(root):
    """No torch: one trivial benchmark, in the working tree alone, that asks the commit's package for its value."""
    last = commit(root.folder, {"src/toy/__init__.py": "VALUE = 3\n"})
    (root.folder / "src/toy/__init__.py").write_text("VALUE = 9\n")
    (root.folder / "asv.conf.json").write_text(json.dumps(CONFIGURATION))
    (root.folder / "benchmarks").mkdir()
    (root.folder / "benchmarks/__init__.py").touch()
    (root.folder / "benchmarks/values.py").write_text("import toy\n\ndef track_value():\n    return toy.VALUE\n")
    asv(root.folder, "machine", "--yes")
    asv(root.folder, "run", "--launch-method", "forkserver", "ALL")
    results = [json.loads(path.read_text()) for path in root.folder.glob("results/*/*-worktree-*.json")]
    values = {one["commit_hash"]: one["results"]["values.track_value"][0] for one in results}
    assert values == {root.first: [1], root.second: [2], last: [3]}
    told = asv(root.folder, "compare", root.first, last)
    assert "values.track_value" in next(line for line in told.splitlines() if line.startswith("| +"))
    asv(root.folder, "publish")
    (regression,) = json.loads((root.folder / "html/regressions.json").read_text())["regressions"]
    assert regression[0] == "values.track_value"


def asv(folder, *arguments):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ASV", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "asv", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=inherited,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
