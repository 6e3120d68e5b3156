"""Softmax regression beside the formula in NumPy: one affine map of flattened inputs, and no softmax."""

import numpy as np
import pytest
import torch

import nnbench

NET = nnbench.component("architectures.softmax_regression")


@pytest.mark.parametrize("variant", ["reference", "torch"])
def test_it_is_one_affine_map_of_flattened_inputs(variant):
    network = NET.variant(variant).build(input_size=6, num_classes=3)
    x = torch.randn(5, 2, 3)
    weight, bias = (one.detach().numpy() for one in network.parameters())
    assert (weight.shape, bias.shape) == ((3, 6), (3,))
    assert np.allclose(network(x).detach().numpy(), x.numpy().reshape(5, 6) @ weight.T + bias, atol=1e-6)
    with pytest.raises(RuntimeError):
        network(torch.randn(5, 7))


def test_it_is_sized_for_mnist_when_nothing_is_said():
    network = NET.reference.build()
    assert sum(one.numel() for one in network.parameters()) == 7850
