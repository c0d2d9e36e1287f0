"""Muon: matrices turned, the rest as AdamW's, kernels as the matrices they are."""

import copy

import pytest
import torch
from torch import nn

from ddpm_demo.training.muon import Muon, is_matrix, orthogonal

RATE, DECAY = 0.01, 0.1


def gradients(network, seed):
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def stepped(network, optimizer, count=3):
    for seed in range(count):
        gradients(network, seed)
        optimizer.step()
    return network


@pytest.mark.parametrize("shape", [(16, 64), (96, 64), (32, 288)])
def test_all_singular_values_become_about_one_and_the_directions_stay(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0)).double()
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    matrix = u @ torch.diag(torch.logspace(0, -1.5, len(s), dtype=s.dtype)) @ v
    turned = orthogonal(matrix)
    assert turned.shape == shape
    inner = u.T @ turned @ v.T
    assert 0.6 < inner.diagonal().min() and inner.diagonal().max() < 1.3
    assert (inner - torch.diag(inner.diagonal())).abs().max() < 1e-9
    assert orthogonal(torch.zeros(shape)).abs().max() == 0


def test_matrices_go_as_torchs_muon_takes_them():
    """Which computes the turning in bfloat16."""
    torch.manual_seed(0)
    ours = nn.Linear(128, 96, bias=False)
    theirs, start = copy.deepcopy(ours), ours.weight.detach().clone()
    stepped(ours, Muon(ours.parameters(), RATE, weight_decay=DECAY))
    settings = {"weight_decay": DECAY, "momentum": 0.95, "adjust_lr_fn": "match_rms_adamw"}
    stepped(theirs, torch.optim.Muon(theirs.parameters(), RATE, **settings))
    difference = (ours.weight - theirs.weight).norm() / (ours.weight - start).norm()
    assert difference < 0.02


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_kernel_is_the_matrix_of_its_outputs(layout):
    torch.manual_seed(0)
    flat = nn.Linear(16 * 9, 32, bias=False)
    kernel = nn.Conv2d(16, 32, 3, bias=False)
    kernel.weight.data = flat.weight.detach().clone().view(32, 16, 3, 3)
    kernel.to(memory_format=layout)
    for network in (flat, kernel):
        optimizer = Muon(network.parameters(), RATE, weight_decay=DECAY)
        for seed in range(3):
            numbers = torch.randn(32, 16 * 9, generator=torch.Generator().manual_seed(seed))
            # As the weight lies in memory, which is how gradients come.
            network.weight.grad = torch.empty_like(network.weight).copy_(
                numbers.view(network.weight.shape)
            )
            optimizer.step()
    torch.testing.assert_close(kernel.weight.flatten(1), flat.weight, rtol=1e-5, atol=1e-6)


def test_what_is_no_matrix_goes_as_adamw_takes_it_and_keeps_its_gradient():
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Conv2d(3, 32, 3), nn.GroupNorm(4, 32), nn.Conv2d(32, 3, 3))
    theirs = copy.deepcopy(ours)
    assert not any(is_matrix(parameter) for parameter in ours.parameters())
    settings = {"lr": RATE, "betas": (0.9, 0.99), "weight_decay": DECAY}
    stepped(ours, Muon(ours.parameters(), **settings))
    stepped(theirs, torch.optim.AdamW(theirs.parameters(), **settings, fused=True))
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)
    wide = nn.Conv2d(32, 32, 3)
    stepped(wide, Muon(wide.parameters(), RATE), 1)
    assert wide.weight.grad is not None and wide.bias.grad is not None
