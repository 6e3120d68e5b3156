"""Bytes that a call has to move."""

import pytest
import torch

from nnbench.measure.traffic import Reach, Traffic


@pytest.mark.parametrize(
    ("tensors", "size"),
    [
        (lambda x: [x], 64),
        (lambda x: [x, x], 64),
        (lambda x: [x[:2], x[1:3]], 48),
        (lambda x: [x[:1], x[3:]], 32),
        (lambda x: [x.t()], 64),
        (lambda x: [x[:, :3]], 48),
        (lambda x: [x[:, :1], x[:, 1:]], 48),  # how far columns overlap is not looked into: at least the larger
        (lambda x: [x[0].expand(7, 4)], 16),
        (lambda x: [x.view(-1).unfold(0, 4, 1)], 64),
        (lambda x: [x[:0]], 0),
        (lambda x: [x[2, 3]], 4),
    ],
)
def test_each_byte_of_a_storage_counts_once(tensors, size):
    reach = Reach()
    for tensor in tensors(torch.ones(4, 4)):
        reach.add(tensor)
    assert reach.bytes == size


def test_what_is_picked_from_counts_as_far_as_it_is_picked():
    reach = Reach()
    reach.add(torch.ones(100), limit=12)
    assert reach.bytes == 12


def test_reading_what_was_written_before_is_free():
    traffic, x = Traffic(), torch.ones(4)
    traffic.write(1, x)
    traffic.read(1, x)
    assert traffic.bytes == 16
    traffic.read(2, x)
    traffic.write(2, x)
    assert traffic.bytes == 16 + 32
