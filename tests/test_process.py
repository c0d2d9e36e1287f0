"""The process made visible: forward, posterior, a training step, the U-Net's drawing."""

import json
import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import torch
from diffusers import UNet2DModel
from scipy import stats

from ddpm_demo.core.denoiser import UNetDenoiser
from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.core.oracles import GaussianDenoiser
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.errors import UserError
from ddpm_demo.process.forward import (
    closed_form_and_chain,
    markov_chain,
    schedule_curves,
    strip_timesteps,
    value_histogram,
)
from ddpm_demo.process.posterior import posterior_of_value
from ddpm_demo.process.training_step import (
    loss_per_t,
    min_snr_weight,
    spread_timesteps,
    training_step,
)
from ddpm_demo.process.unet_diagram import unet_blocks
from ddpm_demo.process.unet_svg import WIDTH_PX, unet_svg
from ddpm_demo.training.objective import Objective

SHAPE = (3, 8, 8)
TINY = {
    "sample_size": 8,
    "block_out_channels": (8, 16),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
    "norm_num_groups": 4,
}


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return UNet2DModel(**TINY).eval()


@pytest.fixture(scope="module")
def cosine():
    return Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"})


def picture(seed=0):
    return torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(seed)) * 2 - 1


# --- forward


@pytest.mark.parametrize("x_0", [-1.0, 0.3])
def test_closed_form_and_chain_agree_on_10000_draws(schedule, x_0):
    found = closed_form_and_chain(schedule, x_0, [0, 10, 100, 500, 999], num_draws=10_000)
    assert [a.t for a in found] == [0, 10, 100, 500, 999]
    for a in found:
        assert a.mean == pytest.approx(math.sqrt(schedule.abar(a.t)) * x_0)
        assert a.std**2 == pytest.approx(1 - schedule.abar(a.t))
        # Four standard errors of the mean and of the standard deviation.
        for mean, std in ((a.closed_mean, a.closed_std), (a.chain_mean, a.chain_std)):
            assert abs(mean - a.mean) < 4 * a.std / math.sqrt(10_000)
            assert abs(std - a.std) < 4 * a.std / math.sqrt(20_000)
        assert a.chain_mean != a.closed_mean


def test_the_chain_has_a_state_for_every_t_and_is_a_chain(cosine):
    noise = NoiseSource([5], dtype=torch.float64)
    x_0 = torch.full((1, 4), 0.5, dtype=torch.float64)
    states = list(markov_chain(cosine, x_0, noise))
    assert len(states) == 1000
    again = NoiseSource([5], dtype=torch.float64)
    beta = cosine.betas[0]
    assert torch.allclose(
        states[0], (1 - beta).sqrt() * x_0 + beta.sqrt() * again.randn((4,)), atol=1e-15
    )
    # Neighbours are alike, the ends are not.
    assert (states[500] - states[499]).abs().max() < 0.3


def test_strips_run_from_the_picture_to_the_noise():
    assert strip_timesteps(1000, 5) == [-1, 249, 499, 749, 999]
    assert strip_timesteps(1000, 2) == [-1, 999]
    assert strip_timesteps(3, 4) == [-1, 0, 1, 2]
    for count in (1, 5):
        with pytest.raises(UserError) as caught:
            strip_timesteps(3, count)
        assert caught.value.key == "strip_range"


def test_curves_are_those_of_the_schedule(schedule):
    curves = schedule_curves(schedule)
    assert len(curves.t) == 1000
    assert curves.snr[500] == pytest.approx(schedule.snr(500))
    assert np.all(np.diff(curves.alphas_cumprod) < 0)
    assert curves.alphas_cumprod[7] == pytest.approx(np.prod(1 - curves.beta[:8]))


def test_the_histogram_of_noise_is_the_normal_density():
    histogram = value_histogram(torch.randn(200_000, generator=torch.Generator().manual_seed(0)))
    assert np.abs(histogram.density - histogram.normal).max() < 0.02
    width = histogram.centres[1] - histogram.centres[0]
    assert (histogram.density * width).sum() == pytest.approx(1)
    assert histogram.normal == pytest.approx(stats.norm.pdf(histogram.centres))
    outside = value_histogram(torch.tensor([9.0, -9.0]))
    assert outside.density[0] == pytest.approx(outside.density[-1])
    assert outside.density[0] > 0


# --- posterior


@pytest.mark.parametrize("t", [1, 300, 990])
def test_the_posterior_is_the_product_of_its_factors(schedule, t):
    x_t = float(schedule.q_sample(torch.tensor(0.6), t, torch.tensor(-0.7)))
    found = posterior_of_value(schedule, x_0=0.6, x_t=x_t, t=t, num_places=4001)
    product = found.prior * found.likelihood
    width = found.x[1] - found.x[0]
    product /= product.sum() * width
    # The grid covers the posterior whole, so both integrate to 1 on it.
    assert (found.posterior * width).sum() == pytest.approx(1, abs=1e-6)
    assert np.abs(found.posterior - product).max() < 1e-3 * found.posterior.max()
    assert found.mean == pytest.approx(found.c_0 * 0.6 + found.c_t * x_t)


@pytest.mark.parametrize("t", [0, -1, 1000])
def test_the_posterior_needs_a_step_before_it(schedule, t):
    with pytest.raises(UserError) as caught:
        posterior_of_value(schedule, 0.0, 0.0, t)
    assert caught.value.key == "posterior_t_range"


# --- training


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_the_training_step_is_the_one_that_training_takes(network, cosine, kind):
    denoiser = UNetDenoiser(network, cosine, kind)
    step = training_step(denoiser, picture(), seed=3)
    objective = Objective(cosine, kind, snr_gamma=5.0)
    t = torch.tensor([step.t])
    x_t, target = objective.corrupt(step.x_0, t, step.eps)
    assert torch.allclose(step.x_t, x_t, atol=1e-6)
    assert torch.allclose(step.target, target, atol=1e-5)
    with torch.inference_mode():
        output = network(x_t, t).sample
    assert torch.allclose(step.output, output, atol=1e-3)
    assert step.weight * step.loss == pytest.approx(float(objective.loss(output, target, t)), 1e-3)


def test_the_training_step_draws_t_from_its_seed(network, cosine):
    denoiser = UNetDenoiser(network, cosine, "sample")
    drawn = {training_step(denoiser, picture(), seed=s).t for s in range(5)}
    assert len(drawn) > 3
    assert training_step(denoiser, picture(), seed=1, t=7).t == 7
    step = training_step(denoiser, picture(), seed=1)
    assert step.prediction_type == "sample"
    assert torch.equal(step.target, step.x_0) and torch.equal(step.output, step.x0_hat)
    assert step.weight == min_snr_weight(cosine, step.t, "sample")


def test_losses_of_a_perfect_network_are_the_posterior_variance(cosine):
    oracle = GaussianDenoiser(cosine, 0.1, 0.4)
    x_0 = 0.1 + 0.4 * torch.randn(4, 1, 100, 100, generator=torch.Generator().manual_seed(0))
    noise = NoiseSource.for_run(1, 4)
    for found in loss_per_t(oracle, x_0, [0, 200, 999], noise):
        abar = cosine.abar(found.t)
        variance = 0.16 * (1 - abar) / (abar * 0.16 + 1 - abar)
        assert found.x0 == pytest.approx(variance, rel=0.05)
        assert found.eps == pytest.approx(variance * abar / (1 - abar), rel=0.05)
        assert found.v == pytest.approx(variance / (1 - abar), rel=0.05)


def test_losses_seen_three_ways_are_the_networks_own(network, cosine):
    denoiser = UNetDenoiser(network, cosine, "v_prediction")
    x_0 = torch.cat([picture(1), picture(2)])
    noise = NoiseSource.for_run(3, 2)
    (found,) = loss_per_t(denoiser, x_0, [400], noise)
    eps = NoiseSource.for_run(3, 2).randn(SHAPE)
    with torch.inference_mode():
        v = network(cosine.q_sample(x_0, 400, eps), 400).sample
    target = cosine.v_from_x0_eps(x_0, eps, 400)
    assert found.v == pytest.approx(float((v - target).square().mean()), rel=1e-4)


def test_spread_timesteps_have_both_ends():
    assert spread_timesteps(1000, 3) == [0, 500, 999] or spread_timesteps(1000, 3)[1] in (499, 500)
    assert spread_timesteps(4, 100) == [0, 1, 2, 3]


# --- the drawing


def test_blocks_have_the_channels_that_the_network_has(network):
    blocks = unet_blocks(network.config)
    sides = [block.side for block in blocks]
    assert sides == ["in", "down", "down", "middle", "up", "up", "out"]
    downs = [block for block in blocks if block.side == "down"]
    for block, layer in zip(downs, network.down_blocks, strict=True):
        assert block.channels_in == layer.resnets[0].in_channels
        assert block.channels_out == layer.resnets[-1].out_channels
        assert block.num_layers == len(layer.resnets)
        assert block.has_attention == (getattr(layer, "attentions", None) is not None)
    ups = [block for block in blocks if block.side == "up"]
    for block, layer in zip(ups, network.up_blocks, strict=True):
        assert block.channels_out == layer.resnets[-1].out_channels
        assert block.num_layers == len(layer.resnets)
        assert block.has_attention == (getattr(layer, "attentions", None) is not None)
    assert blocks[-1].channels_out == network.conv_out.out_channels


def test_blocks_have_the_sizes_that_run_through_the_network(network):
    seen = []
    handles = [
        layer.resnets[0].register_forward_hook(lambda m, i, out: seen.append(out.shape[-1]))
        for layer in [*network.down_blocks, network.mid_block, *network.up_blocks]
    ]
    with torch.inference_mode():
        network(torch.zeros(1, 3, 8, 8), 0)
    for handle in handles:
        handle.remove()
    assert [block.size_px for block in unet_blocks(network.config)[1:-1]] == seen
    assert unet_blocks(network.config, size_px=20)[1].size_px == 20


@pytest.mark.parametrize("name", ["faces-64", "fashion-32", "photos"])
def test_the_drawing_is_xml_in_the_colour_of_the_text(name):
    from ddpm_demo.checkpoints.library import find

    config = json.loads((find(name).folder / "unet" / "config.json").read_text())
    svg = unet_svg(unet_blocks(config), {"picture": "x < y", "attention": "注意力"})
    root = ElementTree.fromstring(svg)
    rectangles = [e for e in root.iter() if e.tag.endswith("rect")]
    assert len(rectangles) == 2 * len(config["block_out_channels"]) + 3
    for box in rectangles:
        left, width = float(box.get("x")), float(box.get("width"))
        assert left >= 0 and left + width <= WIDTH_PX
    words = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert "x < y" in words
    assert any("注意力" in word for word in words) == ("Attn" in str(config["down_block_types"]))
    colours = {e.get(key) for e in root.iter() for key in ("fill", "stroke")}
    assert colours <= {None, "none", "currentColor"}


def test_a_network_without_a_middle_is_drawn_too(network):
    config = {**network.config, "mid_block_type": None}
    blocks = unet_blocks(config)
    assert "middle" not in {block.side for block in blocks}
    ElementTree.fromstring(unet_svg(blocks))
