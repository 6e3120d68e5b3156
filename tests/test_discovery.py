"""Finding suites, loading them, and what a broken one costs."""

import importlib.metadata
import json
import sys

import pytest
import torch
from torch import nn

import nnbench
from nnbench import discovery
from nnbench.discovery import Catalog, Source, describe, load, sources, unknown
from nnbench.errors import NnbenchError, UnknownComponent

SUITE = """\
import nnbench

suite = nnbench.Suite("{suite}")


def double(x):
    return 2 * x


suite.component("{component}", reference=double, cases=[nnbench.case(nnbench.randn(2))])
"""


@pytest.fixture(autouse=True)
def forget_imports(tmp_path, monkeypatch):
    """Suite files put their folder on the path and themselves among the modules; what is installed here is left out."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **wanted: [])
    monkeypatch.chdir(tmp_path)
    yield
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


@pytest.fixture
def suite_file(write):
    """A good suite file."""
    return lambda name="mine.py", suite="mine", component="double": write(
        name, SUITE.format(suite=suite, component=component)
    )


def from_files(*paths):
    return [Source("file", str(path), path.name) for path in paths]


def problem_of(path):
    """The one problem of a broken suite, which must not cost its neighbour anything."""
    beside = path.with_name("beside.py")
    beside.write_text(SUITE.format(suite="beside", component="double"))
    catalog = load(from_files(path, beside))
    assert list(catalog.components) == ["beside.double"]
    (problem,) = catalog.problems
    return problem


def test_a_suite_file_gives_its_components(suite_file):
    path = suite_file()
    catalog = load(from_files(path))
    assert catalog.problems == ()
    assert catalog.components["mine.double"].location == f"{path}:10"


def test_each_source_is_announced_before_it_is_imported(suite_file):
    wanted = from_files(suite_file("first.py", "first"), suite_file("second.py", "second"))
    announced = []
    load(wanted, before=lambda source: announced.append((source, len(sys.modules))))
    assert [source for source, _ in announced] == wanted
    assert announced[0][1] < announced[1][1]


def test_a_syntax_error_is_told_with_its_line(write):
    path = write("bad.py", "import nnbench\n\nx = = 3\n")
    problem = problem_of(path)
    assert (problem.source, problem.file, problem.line) == ("bad.py", str(path), 3)
    assert problem.message.startswith("SyntaxError: invalid syntax")


def test_an_exception_is_told_with_the_line_of_the_suite_not_of_the_library(write):
    write("library.py", "def helper():\n    return int('many')\n")
    path = write("bad.py", "import library\n\n\ndef setup():\n    library.helper()\n\n\nsetup()\n")
    problem = problem_of(path)
    assert (problem.file, problem.line) == (str(path), 5)
    assert problem.message == "ValueError: invalid literal for int() with base 10: 'many'"


def test_a_refused_registration_is_told_without_the_name_of_the_exception(write):
    path = write("bad.py", SUITE.format(suite="bad", component="double") + 'suite.component("x", reference=None)\n')
    problem = problem_of(path)
    assert problem.line == 11
    assert problem.message.startswith("bad.x@reference is None: a variant is a class")
    assert str(problem) == f"suite bad.py: {path}:11: {problem.message}"


def test_a_suite_that_leaves_the_process_costs_only_itself(write):
    problem = problem_of(write("bad.py", "import sys\n\nsys.exit(3)\n"))
    assert (problem.line, problem.message) == (3, "SystemExit: 3")


def test_a_missing_package_is_told(write):
    assert "No module named 'no_such_package'" in problem_of(write("bad.py", "import no_such_package\n")).message


def test_a_file_without_a_suite_is_told_what_it_should_hold(write):
    assert 'a suite file holds suite = nnbench.Suite("mine")' in problem_of(write("bad.py", "x = 3\n")).message


def test_an_entry_point_without_its_attribute_costs_only_itself(suite_file, monkeypatch, tmp_path):
    suite_file("entered.py", "entered")
    monkeypatch.syspath_prepend(tmp_path)
    catalog = load([Source("entry point", "entered:sweet", "theirs"), *from_files(suite_file())])
    assert list(catalog.components) == ["mine.double"]
    assert "has no attribute 'sweet'" in catalog.problems[0].message


def test_a_module_that_is_not_there_costs_only_itself(suite_file):
    catalog = load([Source("module", "nowhere.at.all", "nowhere.at.all"), *from_files(suite_file())])
    assert list(catalog.components) == ["mine.double"]
    assert str(catalog.problems[0]) == "suite nowhere.at.all: nowhere.at.all: " + catalog.problems[0].message


def test_two_files_of_the_same_name_are_two_suites(suite_file):
    first, second = suite_file("a/mine.py", "first"), suite_file("b/mine.py", "second")
    catalog = load(from_files(first, second))
    assert list(catalog.components) == ["first.double", "second.double"]
    assert catalog.problems == ()


def test_a_suite_file_imports_its_neighbour(write):
    write("neighbouring_kernels.py", "def double(x):\n    return 2 * x\n")
    path = write(
        "mine.py",
        'import nnbench\nfrom neighbouring_kernels import double\n\nsuite = nnbench.Suite("mine")\n'
        'suite.component("double", reference=double)\n',
    )
    assert load(from_files(path)).components["mine.double"].reference.build()(4) == 8


def test_a_component_registered_by_two_suites_costs_the_second_only_that_one(suite_file):
    first = suite_file("first.py", "same")
    second = suite_file("second.py", "same")
    second.write_text(second.read_text() + 'suite.component("other", reference=double)\n')
    catalog = load(from_files(first, second))
    assert list(catalog.components) == ["same.double", "same.other"]
    assert catalog.components["same.double"].location == f"{first}:10"
    (problem,) = catalog.problems
    assert (problem.file, problem.line) == (str(second), 10)
    assert problem.message == f"same.double is registered already at {first}:10; this one is left out"


def test_the_built_in_suites_come_before_files(suite_file):
    suite_file()
    *built_in, last = sources(["mine.py"])
    assert Source("built-in", "nnbench.suites.layers.linear", "layers.linear") in built_in
    assert all(source.locator.startswith("nnbench.suites.") for source in built_in)
    assert last.kind == "file"


def own(found):
    return [source for source in found if not source.locator.startswith("nnbench.suites.")]


def test_a_file_given_by_name_is_found_from_here(suite_file):
    path = suite_file("folder/mine.py")
    assert own(sources(["folder/mine.py"])) == [Source("file", str(path), "folder/mine.py")]


def test_a_suite_given_twice_in_the_same_words_is_loaded_once(suite_file):
    suite_file()
    assert len(own(sources(["mine.py", "mine.py"]))) == 1


def test_a_file_that_is_not_there_is_told_at_once():
    with pytest.raises(NnbenchError, match=r"--suite names gone\.py, but there is no file .*gone\.py"):
        sources(["gone.py"])


def test_a_project_names_its_suites_relative_to_its_settings(suite_file, write, tmp_path):
    path = suite_file("project/benchmarks/mine.py")
    write("project/pyproject.toml", '[tool.nnbench]\nsuites = ["benchmarks/mine.py", "package.suite"]\n')
    (tmp_path / "project/src/deep").mkdir(parents=True)
    assert own(sources(directory=tmp_path / "project/src/deep")) == [
        Source("file", str(path), "benchmarks/mine.py"),
        Source("module", "package.suite", "package.suite"),
    ]


def test_a_project_without_settings_of_ours_has_no_suites(write, tmp_path):
    write("pyproject.toml", '[project]\nname = "other"\n')
    assert own(sources(directory=tmp_path)) == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("[tool.nnbench\n", r"pyproject\.toml is not valid TOML"),
        ('[tool.nnbench]\nsuites = "mine.py"\n', r"\[tool\.nnbench\] suites is a list of texts"),
        ("[tool.nnbench]\nsuites = [3]\n", r"\[tool\.nnbench\] suites is a list of texts"),
    ],
)
def test_malformed_settings_are_told_with_their_file(write, tmp_path, settings, told):
    write("pyproject.toml", settings)
    with pytest.raises(NnbenchError, match=told):
        sources(directory=tmp_path)


@pytest.mark.parametrize("value", ["entered", "entered:suite", "entered:Holder.suite"])
def test_installed_packages_bring_suites_by_entry_points(suite_file, monkeypatch, tmp_path, value):
    path = suite_file("entered.py", "entered")
    path.write_text(path.read_text() + "\n\nclass Holder:\n    suite = suite\n")
    monkeypatch.syspath_prepend(tmp_path)
    point = importlib.metadata.EntryPoint("theirs", value, "nnbench.suites")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point] if group == point.group else [])
    (found,) = own(sources())
    assert found == Source("entry point", value, "theirs")
    assert list(load([found]).components) == ["entered.double"]


@pytest.fixture
def registered(monkeypatch):
    """A process in which two suites are registered."""
    layers, losses = nnbench.Suite("layers"), nnbench.Suite("losses")
    made = [layers.component(name, reference=nn.ReLU) for name in ("linear", "conv2d")]
    made.append(losses.component("mse", reference=nn.MSELoss, kind="loss"))
    monkeypatch.setattr(discovery, "default_catalog", lambda: Catalog({one.id: one for one in made}))
    return made


def test_components_are_listed_in_order_of_registration(registered):
    assert nnbench.components() == tuple(registered)
    assert nnbench.component("layers.conv2d") is registered[1]


def test_a_typo_in_a_component_gets_a_suggestion(registered):
    with pytest.raises(UnknownComponent, match=r"'layers\.linar'\. Did you mean layers\.linear\b.*\?") as unknown:
        nnbench.component("layers.linar")
    assert str(unknown.value).endswith("? `nnbench list layers` shows all 2.")
    assert isinstance(unknown.value, LookupError)


def test_an_id_like_no_other_gets_the_whole_list(registered):
    with pytest.raises(UnknownComponent, match=r"no component named 'xyz'. `nnbench list` shows all 3\."):
        nnbench.component("xyz")


def test_a_problem_becomes_a_warning_for_those_who_import_nnbench(write, monkeypatch):
    path = write("bad.py", "x = = 3\n")
    monkeypatch.setattr(discovery, "sources", lambda: from_files(path))
    discovery.default_catalog.cache_clear()
    try:
        with pytest.warns(UserWarning, match=r"suite bad\.py: .*bad\.py:1: SyntaxError"):
            assert nnbench.components() == ()
    finally:
        discovery.default_catalog.cache_clear()


def test_a_description_is_plain_data():
    made = nnbench.Suite("mine").component(
        "linear",
        reference=nn.Linear,
        variants={"late": "somewhere:Linear"},
        kind="architecture",
        cases=[nnbench.case(nnbench.randn(8, 16), in_features=16, out_features=4, dtype="float64")],
        properties=["mode", "batch_independent"],
        documented=["book"],
        recipe=nnbench.Recipe("mnist", "MSELoss", "SGD", {"lr": 0.1, "betas": (0.9, 0.99)}, 64, 1),
    )
    told = describe(made)
    assert json.loads(json.dumps(nnbench.model.plain(told))) == {
        "id": "mine.linear",
        "kind": "architecture",
        "summary": "Applies an affine linear transformation to the incoming data: :math:`y = xA^T + b`.",
        "documented": ["book"],
        "properties": ["batch_independent", "mode"],
        "variants": ["reference", "late"],
        "cases": [
            {
                "label": "8x16,in_features=16,out_features=4,float64",
                "spec": made.cases[0].spec,
                "arguments": {"in_features": 16, "out_features": 4},
                "inputs": ["8x16"],
                "dtype": "float64",
                "device": "cpu",
                "timed": True,
                "elements": 128,
            }
        ],
        "recipe": {
            "data": "mnist",
            "loss": "MSELoss",
            "optimizer": "SGD",
            "optimizer_arguments": {"lr": 0.1, "betas": [0.9, 0.99]},
            "batch_size": 64,
            "epochs": 1,
            "features_argument": "input_size",
            "classes_argument": "num_classes",
            "arguments": {},
            "scheduler": "",
            "scheduler_arguments": {},
            "patience": 0,
            "clip_norm": 0.0,
            "every_run": False,
            "note": "",
            "data_arguments": {},
            "standardize": False,
            "augment": "",
            "augment_arguments": {},
            "backbone": {},
        },
        "location": made.location,
        "modes": ["forward", "backward"],
        "errata": {},
        "differences": {},
        "on_request": ["compiled"],
        "doc": made.doc,
    }


def test_a_description_survives_the_way_to_the_parent_process():
    made = nnbench.Suite("mine").component("relu", reference=torch.relu, cases=[nnbench.case(nnbench.randn(2))])
    told = describe(made)
    assert nnbench.model.component_info(json.loads(json.dumps(nnbench.model.plain(told)))) == told


def test_a_suite_that_the_project_names_and_lacks_costs_only_itself(write, tmp_path):
    write("pyproject.toml", '[tool.nnbench]\nsuites = ["gone.py"]\n')
    catalog = load([source for source in sources(directory=tmp_path) if source.kind == "file"])
    assert [problem.message for problem in catalog.problems] == ["there is no such file"]


def test_a_suite_is_no_component_and_a_suite_misspelt_gets_a_suggestion():
    known = ["layers.linear", "layers.conv2d", "losses.mse"]
    assert unknown("layers", known).startswith(
        "'layers' is a suite, not a component; `nnbench list layers` shows its 2"
    )
    assert "Did you mean layers?" in unknown("layerz", known)
