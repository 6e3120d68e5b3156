"""Augmented images: what is done to one, and that the same come whoever makes them."""

import pytest
import torch
from torch import nn
from trained_things import recipe

from nnbench.failures import NotMeasurable
from nnbench.train.augment import augmented, chance_of, crop_and_flip
from nnbench.train.fit import Training
from nnbench.train.parts import Part, Parts
from nnbench.train.trajectory import checksum


def images(number=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Part((torch.rand(number, 2, 6, 6, generator=generator) + 1,), torch.arange(number) % 3)


def taken(workers, first=0):
    places = torch.arange(40).split(16)[first:]
    batches = augmented(images(), places, recipe(augment="crop_and_flip"), (3, 0, first), workers)
    return [batch.inputs[0] for batch in batches]


def test_workers_make_the_batches_that_the_process_itself_makes():
    alone, beside = taken(workers=0), taken(workers=2)
    assert [len(batch) for batch in alone] == [16, 16, 8]
    assert all(torch.equal(one, other) for one, other in zip(alone, beside, strict=True))


def test_a_later_batch_does_not_depend_on_those_before_it():
    assert torch.equal(taken(workers=0)[2], taken(workers=0, first=2)[0])


def test_another_epoch_and_another_seed_have_other_images():
    drawn = [torch.rand(4, generator=chance_of(*of)).tolist() for of in ((0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 1, 1))]
    assert len({tuple(one) for one in drawn}) == 4


def test_each_image_is_a_part_of_itself_with_a_black_border_or_its_mirror():
    given = images(200).inputs[0]
    made = crop_and_flip(given, chance_of(1), padding=2)
    padded = nn.functional.pad(given, [2] * 4)
    found = []
    for before, after in zip(padded, made, strict=True):
        cuts = {(top, left): before[:, top : top + 6, left : left + 6] for top in range(5) for left in range(5)}
        places = [(place, False) for place, cut in cuts.items() if torch.equal(cut, after)]
        places += [(place, True) for place, cut in cuts.items() if torch.equal(cut.flip(2), after)]
        assert len(places) == 1
        found += places
    assert {place for place, _ in found} == {(top, left) for top in range(5) for left in range(5)}
    assert 60 < sum(mirrored for _, mirrored in found) < 140


def test_what_is_not_known_and_what_are_no_images_are_refused():
    with pytest.raises(NotMeasurable, match="no augmentation is called 'none'; there are crop_and_flip"):
        next(augmented(images(), [torch.arange(4)], recipe(augment="none"), (0, 0, 0), 0))
    points = Part((torch.zeros(4, 3),), torch.zeros(4))
    with pytest.raises(NotMeasurable, match="is for images"):
        next(augmented(points, [torch.arange(4)], recipe(augment="crop_and_flip"), (0, 0, 0), 0))


class Flat(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Dropout(0.2), nn.Linear(72, 3))


def training(seed=0):
    torch.manual_seed(seed)
    parts = Parts("pictures", "abc", "made", images(), None, images(12, 1), 6, 3, stays=True)
    return Training(Flat(), parts, recipe(augment="crop_and_flip"), seed)


def test_a_training_on_them_is_stopped_and_gone_on_with_like_any_other():
    whole = training()
    wanted = [one.train_loss for one in whole.run(3)]
    begun = training()
    before = [one.train_loss for one in begun.run(1)]
    state = begun.state()
    resumed = training()
    torch.rand(5)
    resumed.restore(state)
    assert before + [one.train_loss for one in resumed.run(3)] == wanted
    assert checksum(resumed.model) == checksum(whole.model)
