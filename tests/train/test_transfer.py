"""A backbone's weights: pretrained where a cache has them, else trained once on other data and kept."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import nnbench
from nnbench.data import ImageData
from nnbench.errors import NnbenchError
from nnbench.train import prepare as preparing
from nnbench.train import transfer
from nnbench.train.train import Request, train, trajectory

SUITE = nnbench.Suite("mine")


class Net(nn.Module):
    """A body, which may be loaded and frozen, and a head."""

    def __init__(self, num_classes=5, freeze=True, weights=None):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3, stride=4)
        self.head = nn.Linear(4, num_classes)
        if weights is not None:
            state = torch.load(weights, weights_only=True)
            self.load_state_dict({name: one for name, one in state.items() if name.startswith("body")}, strict=False)
        self.body.requires_grad_(not freeze)

    def forward(self, x):
        return self.head(self.body(x).relu().mean((2, 3)))


RECIPE = nnbench.Recipe(
    "cifar10_rest",
    "CrossEntropyLoss",
    "Adam",
    {"lr": 0.01},
    batch_size=8,
    epochs=2,
    features_argument="",
    arguments={"freeze": True},
    patience=1,
    backbone={"weights": "mine-*.pt", "data": "cifar10_first", "epochs": 3, "arguments": {"freeze": False}},
)
NET = SUITE.component(
    "net", reference=Net, kind="architecture", cases=[nnbench.case(nnbench.randn(2, 3, 8, 8))], recipe=RECIPE
)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Caches without weights, and images of ten classes."""
    random = np.random.RandomState(0)
    pixels = random.randint(0, 256, (60, 8, 8, 3), dtype=np.uint8)
    found = ImageData(
        "cifar10", "abc", pixels, np.arange(60) % 10, pixels, np.arange(60) % 10, tuple("0123456789"), 255
    )
    monkeypatch.setattr(preparing, "load", lambda name: found)
    monkeypatch.setenv("NNBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "users"))
    monkeypatch.setattr(transfer.torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path


def rows(**more):
    told = []
    found = list(train(NET, "reference", Request(**more), lambda *said: told.append(said)))
    return found, [said[2] for said in told if len(said) > 2]


def test_without_pretrained_weights_a_backbone_is_trained_on_the_other_data_and_the_rows_say_so(cache):
    found, told = rows()
    assert told[0] == "training its backbone on cifar10_first, epoch 1 of 3"
    assert told[-1] == "training its backbone on cifar10_first, epoch 3 of 3"
    said = found[0].context["backbone"]
    assert said.startswith("trained here on cifar10_first for 3 epochs, ")
    assert said.endswith("% right of its own test part; no pretrained weights are here")
    (kept,) = (cache / "backbones").glob("*.pt")
    assert torch.load(kept, weights_only=True).keys() == Net().state_dict().keys()


def test_it_is_trained_once_and_is_the_same_for_every_seed(cache):
    first, told = rows(seed=1)
    again, told_again = rows(seed=1)
    other, _ = rows(seed=2)
    assert told
    assert told_again == []
    assert [row.values for row in first if row.metric != "training_time"] == [
        row.values for row in again if row.metric != "training_time"
    ]
    assert {row.context["backbone"] for row in first + again + other} == {first[0].context["backbone"]}


def test_the_network_has_the_backbones_weights_and_training_leaves_them(cache):
    recipe, parts = transfer.transferred(NET, RECIPE, preparing.prepare(RECIPE), "cpu")
    made = Net(**recipe.arguments)
    (kept,) = (cache / "backbones").glob("*.pt")
    state = torch.load(kept, weights_only=True)
    assert torch.equal(made.body.weight, state["body.weight"])
    assert not torch.equal(made.head.weight, state["head.weight"])
    assert parts.backbone


def test_the_smaller_part_is_transferred_to_from_the_smaller_part():
    assert transfer._own_recipe(RECIPE, "cifar10_rest").data == "cifar10_first"
    assert transfer._own_recipe(RECIPE, "cifar10_rest_subset").data == "cifar10_first_subset"


@pytest.mark.parametrize("folder", ["weights", "hub/checkpoints"])
def test_pretrained_weights_of_a_cache_come_first(cache, folder):
    (cache / folder).mkdir(parents=True)
    torch.save(Net().state_dict(), cache / "plain.pt")
    content = (cache / "plain.pt").read_bytes()
    name = f"mine-{hashlib.sha256(content).hexdigest()[:8]}.pt"
    (cache / folder / name).write_bytes(content)
    found, told = rows()
    assert told == []
    assert found[0].context["backbone"] == f"pretrained weights, {name}"


def test_weights_that_are_not_what_their_name_says_are_not_taken(cache):
    (cache / "weights").mkdir()
    (cache / "weights" / "mine-01234567.pt").write_bytes(b"half of it")
    assert list(transfer.pretrained("mine-*.pt")) == []


def test_another_recipe_of_the_backbone_is_another_file(cache):
    own = transfer._own_recipe(RECIPE, "cifar10_rest")
    longer = transfer._own_recipe(RECIPE, "cifar10_rest")
    object.__setattr__(longer, "epochs", 4)
    assert transfer._key(NET, own) != transfer._key(NET, longer)


def test_where_nobody_may_write_beside_the_data_it_is_kept_in_the_users_cache_and_the_rows_say_so(cache):
    (cache / "backbones").write_text("in the way")
    found, told = rows()
    assert told
    assert "; kept in the user's cache, as beside the data nobody may write" in found[0].context["backbone"]
    (kept,) = (cache / "users").glob("nnbench/backbones/*.pt")
    assert torch.load(kept, weights_only=True).keys() == Net().state_dict().keys()
    assert rows()[1] == []


def test_one_that_can_be_kept_nowhere_is_refused_before_it_is_trained(cache):
    (cache / "backbones").write_text("in the way")
    (cache / "users").write_text("too")
    told = []
    with pytest.raises(NnbenchError, match=r"can be kept neither in .*backbones \(.*\) nor in .*; set NNBENCH_DATA to"):
        list(train(NET, "reference", Request(), lambda *said: told.append(said)))
    assert told == []


def test_one_that_diverges_is_not_kept(cache):
    hot = replace(RECIPE, backbone=RECIPE.backbone | {"optimizer": "SGD", "optimizer_arguments": {"lr": float("inf")}})
    with pytest.raises(NnbenchError, match="on cifar10_first: the loss is no longer finite"):
        transfer.backbone(NET, hot, "cifar10_rest", "cpu")
    assert list((cache / "backbones").glob("*")) == []


class Killed(Exception):
    """In the middle."""


@pytest.mark.parametrize("batches", [3, 4, 6, 9])
def test_a_checkpoint_covers_the_training_of_the_backbone_to_the_last_bit(cache, batches):
    rows()
    (kept,) = (cache / "backbones").glob("*.pt")
    wanted = torch.load(kept, weights_only=True)
    kept.unlink()
    request, seen = Request(checkpoint=str(cache / "kept" / "task.pt"), checkpoint_seconds=0), []

    def tell(done, of, before=""):
        seen.append(before)
        if len(seen) == batches + 1:  # one later than what is kept
            raise Killed

    with pytest.raises(Killed):
        list(train(NET, "reference", request, tell))
    list(train(NET, "reference", request, lambda done, of, before="": seen.append(before)))
    assert len([one for one in seen if one]) in (3 * 4 + 1, 3 * 4)  # four batches an epoch; one of them twice
    found = torch.load(kept, weights_only=True)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert [file.name for file in (cache / "kept").iterdir()] == ["task.pt"]


def test_before_the_first_steps_are_recorded_the_backbone_is_told(cache):
    told = []
    steps = list(trajectory(NET, "reference", Request(), 2, lambda *said: told.append(said)))
    assert len(steps) == 2
    assert told[0][2] == "training its backbone on cifar10_first, epoch 1 of 3"
