"""Flaws that nnbench once had, one test each: none comes back."""

import functools
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from nnbench import RegistrationError, Suite, Variant, case, randint, randn
from nnbench.checks.battery import check
from nnbench.checks.evidence import error_of
from nnbench.discovery import Source, describe, load, sources
from nnbench.errors import NnbenchError, ResultsError
from nnbench.history import last_results
from nnbench.measure.clock import Clock
from nnbench.measure.time import Plan, sample
from nnbench.model import Measurement, Run, plain
from nnbench.store import Journal, read_header, runs_folder, seal_abandoned, write_run
from nnbench.units import seconds
from nnbench.workload import Call


def component(reference, cases=None, kind="module", variants=None, **declared):
    cases = cases or [case(randn(8, 16))]
    return Suite("toy").component("thing", reference=reference, variants=variants, kind=kind, cases=cases, **declared)


def checked(made, variant="reference"):
    return {row.check: row for row in check(made, variant, made.cases[0], 7)}


def wrong_somewhere(rows):
    return any(not row.is_right for row in rows.values())


class Tanh(nn.Module):
    def forward(self, x):
        return torch.tanh(x)


class Off(nn.Module):
    def forward(self, x):
        return torch.tanh(x) * 1.001


# measuring


def test_time_a_cold_first_call_does_not_make_blocks_short():
    now, calls, lengths = 0, 0, []

    def run():
        nonlocal now, calls
        calls += 1
        now += 5_000_000 if calls == 1 else 10_000

    blocks = sample(Call(run, lambda: lengths.append(calls)), Plan(), Clock(lambda: now, lambda: now))
    last = lengths[-1] - lengths[-2]
    assert last * blocks[-1].wall >= 0.002


# checks that pass what is wrong


def test_checks_a_wrong_reference_in_a_float64_case():
    made = component(Off, [case(randn(8, 16), dtype="float64")], variants={"torch": nn.Tanh}, oracle=np.tanh)
    assert checked(made)["forward_float64"].status == "failed"


def test_checks_a_wrong_variant_when_torchs_is_missing():
    made = component(Tanh, variants={"torch": "no_such_module:Tanh", "mine": Off})
    assert checked(made, "mine")["forward_float64"].status == "failed"


def test_checks_a_broken_torch_variant_costs_only_itself():
    class Raises(nn.Module):
        def forward(self, x):
            raise RuntimeError("no kernel")

    made = component(Tanh, variants={"torch": Raises, "mine": Tanh}, oracle=np.tanh)
    assert checked(made, "mine")["forward_float64"].status == "passed"


def test_checks_a_stale_cache():
    class Stale(nn.Module):
        def forward(self, x):
            if not hasattr(self, "kept"):
                self.kept = torch.tanh(x)
            return self.kept

    assert wrong_somewhere(checked(component(Tanh, variants={"torch": nn.Tanh, "mine": Stale}), "mine"))


def test_checks_a_gradient_when_the_floor_overflows():
    class Steep(nn.Module):
        def forward(self, x):
            return x.sin() / 90000 * 300 * 300

    class Seven(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.sin() / 90000 * 300 * 300

        @staticmethod
        def backward(ctx, gradient):
            return gradient * 7

    cases = [case(randn(8, 16), dtype="float16")]
    made = component(
        Steep, cases, variants={"torch": Steep, "mine": type("M", (Steep,), {"forward": lambda s, x: Seven.apply(x)})}
    )
    assert wrong_somewhere(checked(made, "mine"))


def test_checks_a_frozen_parameter():
    class Linear(nn.Linear):
        def __init__(self):
            super().__init__(16, 4)

    class Frozen(Linear):
        def __init__(self):
            super().__init__()
            self.weight.requires_grad_(False)

    assert checked(component(Linear, variants={"mine": Frozen}), "mine")["gradients_float64"].status == "failed"


def test_checks_a_backward_in_half_precision():
    class Half(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.tanh(x)

        @staticmethod
        def backward(ctx, gradient):
            found = gradient * (1 - torch.tanh(ctx.saved_tensors[0]) ** 2)
            return found.half().float() if found.dtype == torch.float32 else found

    mine = type("M", (nn.Module,), {"forward": lambda self, x: Half.apply(x)})
    assert wrong_somewhere(checked(component(Tanh, variants={"torch": nn.Tanh, "mine": mine}), "mine"))


def test_checks_gradcheck_sees_one_part_in_a_thousand():
    class Bent(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            return gradient * 1.001

    wrong = type("M", (nn.Module,), {"forward": lambda self, x: Bent.apply(torch.tanh(x))})
    assert checked(component(wrong, oracle=np.tanh))["gradcheck"].status == "failed"


def test_checks_an_optimizer_that_does_nothing_in_bfloat16():
    class Idle(torch.optim.Adam):
        def step(self, closure=None):
            if self.param_groups[0]["params"][0].dtype != torch.bfloat16:
                super().step()

    cases = [case(randn(6, 3), lr=0.01, dtype="bfloat16")]
    made = component(torch.optim.Adam, cases, kind="optimizer", variants={"idle": Idle})
    assert not checked(made, "idle")["steps_bfloat16"].is_right


@pytest.mark.filterwarnings("ignore:Casting complex")
def test_checks_the_imaginary_part():
    assert error_of(torch.tensor([1 + 2j]), torch.tensor([1 + 5j])) > 0


# checks that fail what is right


def test_checks_integer_outputs():
    made = component(functools.partial(torch.argmax, dim=1), variants={"mine": functools.partial(torch.argmax, dim=1)})
    assert checked(made, "mine")["forward_float64"].status == "passed"


def test_checks_two_elements():
    made = component(Tanh, [case(randn(2))], variants={"mine": Tanh})
    assert checked(made, "mine")["forward_float64"].status == "passed"


def test_checks_an_oracle_is_given_the_tensor_arguments():
    class Weighted(nn.Module):
        def __init__(self, weight):
            super().__init__()
            self.register_buffer("weight", weight)

        def forward(self, x):
            return x.tanh() * self.weight

    made = component(Weighted, [case(randn(8, 16), weight=randn(16))], oracle=lambda x, weight: np.tanh(x) * weight)
    assert checked(made)["forward_float64"].status == "passed"


def test_checks_an_oracle_of_several_outputs():
    made = component(lambda x: (x.tanh(), x.sin()), oracle=lambda x: (np.tanh(x), np.sin(x)))
    assert checked(made)["forward_float64"].status == "passed"


def test_checks_an_optimizer_judged_by_torch_says_so():
    made = component(
        torch.optim.Adam, [case(randn(6, 3), lr=0.01)], kind="optimizer", variants={"torch": torch.optim.Adam}
    )
    assert "torch" in checked(made)["steps_float64"].note


# discovery

GOOD = "import nnbench\nsuite = nnbench.Suite('{0}')\nsuite.component('double', reference=lambda x: 2 * x)\n"


@pytest.fixture(autouse=True)
def on_path(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def good(tmp_path, name="beside"):
    path = tmp_path / f"{name}.py"
    path.write_text(GOOD.format(name))
    return Source("file", str(path), path.name)


@pytest.mark.parametrize("package", ["raise RuntimeError('boom')\n", "x = = 3\n"])
def test_discovery_a_package_that_breaks_costs_only_itself(tmp_path, package):
    (tmp_path / "broken_package").mkdir()
    (tmp_path / "broken_package/__init__.py").write_text(package)
    catalog = load([Source("module", "broken_package.suite", "theirs"), good(tmp_path)])
    assert list(catalog.components) == ["beside.double"]


def test_discovery_an_entry_point_that_is_no_suite_costs_only_itself(tmp_path):
    (tmp_path / "entered_function.py").write_text("def register(): pass\n")
    catalog = load([Source("entry point", "entered_function:register", "theirs"), good(tmp_path)])
    assert list(catalog.components) == ["beside.double"]


def test_discovery_neighbours_of_the_same_name_do_not_meet(tmp_path):
    found = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "helpers_of_suite.py").write_text(f"def work(x): return {folder!r}\n")
        path = tmp_path / folder / "mine.py"
        suite = f"suite = nnbench.Suite('{folder}')\nsuite.component('x', reference=work)\n"
        path.write_text(f"import nnbench\nfrom helpers_of_suite import work\n{suite}")
        found.append(Source("file", str(path), "mine.py"))
    made = load(found).components
    assert made["b.x"].reference.build()(0) == "b"


def test_discovery_one_file_named_in_two_ways_is_one_suite(tmp_path):
    first = good(tmp_path)
    assert load([first, Source("file", first.locator, "./beside.py")]).problems == ()


def test_discovery_one_suite_under_two_names_is_one_suite(tmp_path):
    source = good(tmp_path)
    Path(source.locator).write_text(GOOD.format("beside") + "again = suite\n")
    assert load([source]).problems == ()


@pytest.mark.parametrize("text", ["[tool]\nnnbench = 'x'\n", "tool = 3\n"])
def test_discovery_settings_that_are_no_table(tmp_path, text):
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(NnbenchError):
        sources(directory=tmp_path)


def test_discovery_a_named_module_without_a_suite_is_told(tmp_path):
    (tmp_path / "without_suite.py").write_text("x = 3\n")
    assert load([Source("module", "without_suite", "without_suite")]).problems


# registration


def test_catalog_properties_from_a_generator():
    assert component(nn.ReLU, properties=(name for name in ["mode"])).properties == {"mode"}


def test_catalog_documented_as_one_text():
    with pytest.raises(RegistrationError):
        component(nn.ReLU, documented="deepdive")


def test_catalog_summary_of_a_reference_given_as_text():
    assert not describe(component("torch.nn:ReLU")).summary.startswith("str(object=")


def test_catalog_a_variant_has_the_name_it_is_given():
    made = component(nn.ReLU, variants={"old": Variant("other", nn.ReLU)})
    assert made.variant("old").name == "old"


def test_catalog_a_case_without_the_inputs_that_forward_takes():
    with pytest.raises(RegistrationError):
        component(Tanh, [case()])


@pytest.mark.parametrize("arguments", [(0, 5, 10), (0.5, 3, (2,)), ("a", 3, (2,))])
def test_specs_randint_misused(arguments):
    with pytest.raises(RegistrationError):
        randint(*arguments)


# results

RUN = Run("20260101T000000Z-000000", "2026-01-01T00:00:00+00:00", "", "", False, {"id": "m"})
ROW = Measurement("a.b", "reference", "default", "forward_time", "s", (1.0,))


@pytest.mark.parametrize("newer", ["header", "row"])
def test_store_a_journal_of_a_newer_nnbench(tmp_path, newer):
    header = plain(RUN) | {"format": 2} | ({"host": "x"} if newer == "header" else {})
    row = plain(ROW) | ({"energy": 1.0} if newer == "row" else {})
    (tmp_path / "journals").mkdir()
    lines = [json.dumps({"run": header}), json.dumps({"measurement": row})]
    (tmp_path / "journals/x.jsonl").write_text("\n".join(lines) + "\n")
    (sentence,) = seal_abandoned(tmp_path)
    assert "format 2" in sentence


def test_store_a_newer_file_with_a_new_field_says_upgrade(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    header = plain(RUN) | {"format": 2, "host": "x"}
    pq.write_table(
        pa.table({"x": [1]}).replace_schema_metadata({b"nnbench": json.dumps(header).encode()}), tmp_path / "x.parquet"
    )
    with pytest.raises(ResultsError, match="upgrade"):
        read_header(tmp_path / "x.parquet")


@pytest.mark.parametrize("content", [{"format": "2"}, {"id": 5}])
def test_store_a_header_of_other_types(tmp_path, content):
    import pyarrow as pa
    import pyarrow.parquet as pq

    header = plain(RUN) | content
    pq.write_table(
        pa.table({"x": [1]}).replace_schema_metadata({b"nnbench": json.dumps(header).encode()}), tmp_path / "x.parquet"
    )
    with pytest.raises(ResultsError):
        read_header(tmp_path / "x.parquet")


def test_history_a_file_damaged_inside_costs_only_itself(tmp_path):
    write_run(runs_folder(tmp_path), RUN)
    rows = tuple(
        Measurement(f"a.b{n}", "reference", "c", "forward_time", "s", (1.0,), note=str(n * 7919)) for n in range(2000)
    )
    path = write_run(
        runs_folder(tmp_path), Run("20270101T000000Z-000000", RUN.started, "", "", False, {}, measurements=rows)
    )
    content = bytearray(path.read_bytes())
    for place in range(100, 600):
        content[place] ^= 0x5A
    path.write_bytes(bytes(content))
    with pytest.warns(UserWarning, match="it is left out"):
        assert last_results(tmp_path, "a.b1") == ("", ())


def test_history_a_run_copied_twice_counts_once(tmp_path):
    with Journal(tmp_path, RUN) as journal:
        journal.add(ROW)
    journal.sealed.with_name("copy.parquet").write_bytes(journal.sealed.read_bytes())
    assert len(last_results(tmp_path, "a.b")[1]) == 1


def test_history_a_star_in_the_folders_name_is_a_star(tmp_path):
    for name in ("res*", "rest"):
        with Journal(tmp_path / name, RUN) as journal:
            journal.add(ROW)
    assert len(last_results(tmp_path / "res*", "a.b")[1]) == 1


# words


@pytest.mark.parametrize(("value", "text"), [(0.9999, "1.00 s"), (9.999, "10.0 s"), (99.96, "100 s")])
def test_units_three_digits_where_rounding_adds_one(value, text):
    assert seconds(value) == text
