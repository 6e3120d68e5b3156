"""What a component is made of: what changes it, what does not, and what is too unclear to tell and so counts."""

import sys

import pytest

from nnbench.commits.changed_code import changed_pieces, changes_between, code_of
from nnbench.commits.dependencies import EFFECTS, Places, Start, Walk
from nnbench.commits.trees import Tree, import_folders, tree_sources
from nnbench.discovery import Source, load

LIBRARY = {
    "lib/__init__.py": "",
    "lib/norm.py": """
        import math
        from lib import kernels
        from lib.tools import scaled as scale

        LIMIT = 3

        def norm(x):
            '''The norm.'''
            return scale(kernels.mean(x)) * LIMIT

        def unused(x):
            return math.exp(x)
        """,
    "lib/kernels.py": """
        def mean(x):
            return helper(x)

        def helper(x):
            return x

        def other(x):
            return x
        """,
    "lib/tools.py": """
        def scaled(x):
            return x * 2
        """,
}


def indented(text):
    lines = text.strip("\n").splitlines()
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[margin:] for line in lines) + "\n"


@pytest.fixture
def project(tmp_path):
    """Writes files into a folder; a later text replaces an earlier one."""

    def write(**files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(indented(text))
        return tmp_path

    write(**LIBRARY)
    return write


def pieces(folder, name="norm", file="lib/norm.py"):
    found = Walk(Places((folder,))).pieces([Start(folder / file, name)], folder)
    return {f"{path.relative_to(folder).as_posix()}: {one}": digest for (path, one), digest in found.items()}


def test_definition_is_made_of_what_it_uses_here_and_elsewhere(project):
    found = set(pieces(project()))
    assert {"lib/norm.py: norm", "lib/norm.py: LIMIT", "lib/kernels.py: mean", "lib/kernels.py: helper"} <= found
    assert "lib/tools.py: scaled" in found
    assert not {"lib/norm.py: unused", "lib/kernels.py: other"} & found


@pytest.mark.parametrize(
    ("file", "old", "new", "moved"),
    [
        ("lib/kernels.py", "return helper(x)", "return helper(x) + 0", {"lib/kernels.py: mean"}),
        ("lib/tools.py", "x * 2", "x * 3", {"lib/tools.py: scaled"}),
        ("lib/norm.py", "LIMIT = 3", "LIMIT = 4", {"lib/norm.py: LIMIT"}),
        ("lib/norm.py", "math.exp(x)", "math.log(x)", set()),  # of a neighbour
        ("lib/norm.py", "The norm.", "Other words.", set()),
        ("lib/norm.py", "LIMIT = 3", "# a comment\nLIMIT = (3)", set()),
        ("lib/norm.py", "LIMIT = 3", "LIMIT = 3\nprint('hello')", {f"lib/norm.py: {EFFECTS}"}),
        ("lib/norm.py", "LIMIT = 3", "LIMIT = 3\nif __name__ == '__main__':\n    print(1)", set()),
    ],
)
def test_only_what_is_used_counts(project, file, old, new, moved):
    before = pieces(project())
    (project() / file).write_text(indented(LIBRARY[file]).replace(old, new, 1))
    assert set(changed_pieces(before, pieces(project()))) == moved


def test_patch_that_a_package_imports_counts(project):
    before = pieces(project())
    patched = project(**{"lib/__init__.py": "import lib.patches", "lib/patches.py": "import math\nmath.exp = abs"})
    assert f"lib/patches.py: {EFFECTS}" in changed_pieces(before, pieces(patched))


@pytest.mark.parametrize(
    "text",
    [
        "from lib.kernels import *\ndef norm(x): return mean(x)",
        "import lib.kernels as k\ndef norm(x): return getattr(k, 'me' + 'an')(x)",
        "from lib import kernels\ndef norm(x): return choose(kernels)(x)",
        "from . import kernels\nkinds = [kernels]\ndef norm(x): return kinds[0].mean(x)",
        "import lib.kernels\ndef norm(x): return lib.kernels.mean(x)",
        "def norm(x):\n    from lib.kernels import mean\n    return mean(x)",
        "from .kernels import mean\ndef mine(x): return mean(x)\ndef norm(x): return globals()['mine'](x)",
        "try:\n    from lib.kernels import mean\nexcept ImportError:\n    mean = None\ndef norm(x): return mean(x)",
        "from lib.kernels import mean\nREGISTER = {}\nREGISTER['a'] = mean\ndef norm(x): return REGISTER['a'](x)",
        "from lib.kernels import mean\nclass norm:\n    base = staticmethod(mean)",
    ],
)
def test_what_is_reached_in_roundabout_ways_is_found(project, text):
    assert "lib/kernels.py: helper" in pieces(project(**{"lib/norm.py": text}))


def test_file_that_cannot_be_parsed_counts_as_a_whole(project):
    before = pieces(project(**{"lib/tools.py": "def scaled(:"}))
    assert changed_pieces(before, pieces(project(**{"lib/tools.py": "def scaled(:  # more"})))


def test_changes_tell_the_sides_apart():
    changes = changes_between(
        {"a": {"f": "1"}, "b": {"f": "1"}, "gone": {}}, {"new": {}, "a": {"f": "2"}, "b": {"f": "1"}}
    )
    assert (changes.changed, changes.same) == ({"a": ("f",)}, ("b",))
    assert (changes.only_before, changes.only_after) == (("gone",), ("new",))


SUITE = """
    from functools import partial
    import nnbench
    from lib import norm, kernels, tools

    suite = nnbench.Suite("tiny")
    register = partial(suite.component, cases=[nnbench.case(nnbench.randn(2))])

    def made(factor):
        def inner(x):
            return kernels.other(x) * factor
        return inner

    def driver(build, x):
        return tools.scaled(x)

    register("norm", reference=norm.norm, variants={
        "lazy": "lib.kernels:mean", "bound": partial(kernels.mean), "closed": made(2), "lambda": lambda x: x,
        "foreign": abs,
    }
    )
    register("driven", reference=abs, drive=driver)
    """


@pytest.fixture
def code(project, monkeypatch):
    """The code of the suite's components, from a process that stands in for a worker."""
    folder = project(**{"suite.py": SUITE})
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    present = set(sys.modules)
    catalog = load([Source("file", str(folder / "suite.py"), "suite.py")])
    assert catalog.problems == ()
    yield code_of(catalog.components.values(), Tree("tree", str(folder), str(folder)))
    for name in set(sys.modules) - present:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("variant", "there", "not_there"),
    [
        ("norm@reference", "lib/norm.py: norm", "lib/kernels.py: other"),
        ("norm@lazy", "lib/kernels.py: helper", "lib/kernels.py: other"),
        ("norm@bound", "suite.py: registration of tiny.norm", "suite.py: driver"),
        ("norm@closed", "lib/kernels.py: other", "suite.py: driver"),
        ("norm@lambda", "suite.py: registration of tiny.norm", "suite.py: driver"),
        ("driven@reference", "lib/tools.py: scaled", "lib/norm.py: norm"),
    ],
)
def test_variant_is_made_of_its_own_target(code, variant, there, not_there):
    found = code[f"tiny.{variant}"]
    assert there in found
    assert not_there not in found


def test_what_the_tree_has_no_part_in_cannot_change(code):
    assert code["tiny.norm@foreign"] == {}


def test_search_path_of_a_tree_comes_before_the_working_trees(tmp_path):
    root, folder = tmp_path / "project", tmp_path / "commit"
    for place in (root / "src", root / "tools", root / ".venv/packages", folder / "src", folder / "tools"):
        place.mkdir(parents=True)
    tree = Tree("main", str(folder), str(root))
    present = ["", str(root / "src"), str(root / "tools"), str(root / ".venv/packages"), "/elsewhere"]
    assert import_folders(tree, present) == [
        str(folder / "src"),
        str(folder),
        str(folder / "tools"),
        str(root / ".venv/packages"),
        "/elsewhere",
    ]


def test_suites_are_those_of_the_tree(tmp_path):
    root, folder = tmp_path / "project", tmp_path / "commit"
    for place in (root / "deep", folder / "deep"):
        place.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.nnbench]\nsuites = ["not_mine.py"]')
    (folder / "pyproject.toml").write_text('[tool.nnbench]\nsuites = ["mine.py"]')
    for path in (root / "deep/one.py", root / "deep/new.py", folder / "deep/one.py", tmp_path / "outside.py"):
        path.write_text("")
    tree = Tree("main", str(folder), str(root), "deep")
    found = tree_sources(tree, ["one.py", "new.py", str(tmp_path / "outside.py")])
    files = [source.locator for source in found if source.kind == "file"]
    assert files == [str(folder / "mine.py"), str(folder / "deep/one.py"), str(tmp_path / "outside.py")]
    assert not [source for source in found if source.kind == "built-in"]


def test_built_in_suites_are_those_of_the_tree_where_it_has_them(tmp_path):
    (tmp_path / "suites/layers").mkdir(parents=True)
    for name in ("__init__.py", "one.py", "layers/__init__.py", "layers/two.py"):
        (tmp_path / "suites" / name).write_text("")
    (tmp_path / "pyproject.toml").write_text('[tool.setuptools]\npackage-dir = { "nnbench.suites" = "suites" }')
    found = tree_sources(Tree("main", str(tmp_path), str(tmp_path)), [])
    names = [source.locator for source in found if source.kind == "built-in"]
    assert names == ["nnbench.suites.layers.two", "nnbench.suites.one"]
