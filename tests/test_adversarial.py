"""Distillation by an adversary: what it sees, that it teaches, that a run goes on with it."""

import numpy as np
import pytest
import torch
from diffusers import UNet2DModel
from torch import nn
from training_helpers import TINY, at_once_and_in_parts, distilling

from ddpm_demo.checkpoints.library import find
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.errors import UserError
from ddpm_demo.training.adversarial import AdversarialObjective
from ddpm_demo.training.consistency import ConsistencyObjective
from ddpm_demo.training.discriminator import Discriminator, encode, loss_as
from ddpm_demo.training.events import loss_curve, read_events
from ddpm_demo.training.run import train
from ddpm_demo.training.state import list_checkpoints

SIZE_PX = 8


@pytest.fixture(scope="module")
def cosine():
    return Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"})


@pytest.fixture
def teacher():
    torch.manual_seed(0)
    unet = UNet2DModel(sample_size=SIZE_PX, in_channels=1, out_channels=1, **TINY)
    return unet.eval().requires_grad_(False)


def objective_of(schedule, teacher, share=1.0):
    consistency = ConsistencyObjective(schedule, "v_prediction", 100, 1 / 16)
    return AdversarialObjective(consistency, teacher, SIZE_PX, share, learning_rate=1e-2, seed=0)


def batch(step, size=32):
    """Plain pictures of a brightness in [.2, .6], quantiles, noise."""
    generator = torch.Generator().manual_seed(step)
    levels = 0.2 + 0.4 * torch.rand(size, 1, 1, 1, generator=generator)
    t = ((torch.arange(size) + 0.5) / size * 1000).long()
    noise = torch.randn(size, 1, SIZE_PX, SIZE_PX, generator=generator)
    return levels.expand(-1, 1, SIZE_PX, SIZE_PX).clone(), t, noise


ATTENDING = {**TINY, "down_block_types": ["DownBlock2D", "AttnDownBlock2D"]}
ODD = {
    **TINY,
    "down_block_types": ["SkipDownBlock2D", "AttnSkipDownBlock2D"],
    "up_block_types": ["AttnSkipUpBlock2D", "SkipUpBlock2D"],
    "center_input_sample": True,
    "block_out_channels": [32, 64],
    "norm_num_groups": 8,
}


@pytest.mark.parametrize(
    ("kind", "channels"),
    [
        (TINY, [4, 8, 8]),
        (ATTENDING, [4, 8, 8]),
        ({**TINY, "mid_block_type": None}, [4, 8]),
        (ODD, [32, 64, 64]),
    ],
)
def test_the_adversary_sees_what_the_network_hands_down(kind, channels):
    torch.manual_seed(0)
    unet = UNet2DModel(sample_size=16, in_channels=3, out_channels=3, **kind).eval()
    x_t, t = torch.randn(2, 3, 16, 16), torch.tensor([3.0, 700.0])
    with torch.no_grad():
        maps = encode(unet, x_t, t)
        others = encode(unet, x_t, t + 50)
    assert [one.shape[1] for one in maps] == channels
    assert not any(map(torch.equal, maps, others))
    assert not any(module._forward_hooks for module in unet.modules())
    last = unet.down_blocks[-1]
    if unet.mid_block is not None:
        # What the middle was given is what came out of the last level, half as large or not.
        with torch.no_grad():
            seen = []
            handle = unet.mid_block.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
            unet(x_t, t)
            handle.remove()
            assert torch.equal(unet.mid_block(seen[0], embedding_of(unet, x_t, t)), maps[-1])
            if last.downsamplers is None:
                assert torch.equal(seen[0], maps[-2])


def embedding_of(unet, x_t, t):
    return unet.time_embedding(unet.time_proj(t).to(x_t.dtype))


def test_the_loss_is_log_2_for_who_cannot_tell(teacher):
    adversary = Discriminator(teacher, SIZE_PX)
    assert not {id(p) for p in adversary.parameters()} & {id(p) for p in teacher.parameters()}
    for head in adversary.heads:
        nn.init.zeros_(head.last.weight)
        nn.init.zeros_(head.last.bias)
    logits = adversary(torch.randn(2, 1, 8, 8), torch.zeros(2), torch.ones(2))
    for real in (True, False):
        assert loss_as(logits, real).item() == pytest.approx(np.log(2))
    assert loss_as([torch.full((2, 1, 1, 1), 5.0)], real=True) < 0.01
    assert loss_as([torch.full((2, 1, 1, 1), 5.0)], real=False) > 4.9


@pytest.mark.parametrize("share", [0.5, 1.0, 3.0])
def test_the_adversary_pulls_at_the_estimates_so_many_times_as_hard(cosine, teacher, share):
    x_0, t, noise = batch(0, 8)
    given = 0.1 * torch.randn(8, 1, SIZE_PX, SIZE_PX, generator=torch.Generator().manual_seed(1))

    def gradient(share):
        """Of v, in terms of the estimates a x - b v, and the loss."""
        objective, v = objective_of(cosine, teacher, share), given.clone().requires_grad_()
        loss = objective.batch_loss(lambda x, times: v, x_0, t, noise, 0)
        loss.backward()
        _, b = objective.consistency.scales(objective.consistency.sigmas(t, 0)[0])
        return v.grad / -b, loss.item()

    (alone, loss), (both, same) = gradient(0.0), gradient(share)
    assert ((both - alone).norm() / alone.norm()).item() == pytest.approx(share, rel=1e-3)
    assert same == loss


def test_held_out_pictures_teach_nobody(cosine, teacher):
    objective = objective_of(cosine, teacher)

    def predict(x_t, t):
        return 0.1 * x_t

    with torch.no_grad():
        loss = objective.batch_loss(predict, *batch(0, 8), 0).item()
        assert loss == objective.consistency.batch_loss(predict, *batch(0, 8), 0).item()
    assert not objective.optimizer.state


def test_an_adversary_teaches_a_generator_what_pictures_are_like(cosine, teacher):
    """From a plain picture too dark for the data and without variety."""
    torch.manual_seed(0)
    objective = objective_of(cosine, teacher, share=1000.0)
    bias, gain = nn.Parameter(torch.tensor(-0.5)), nn.Parameter(torch.tensor(0.0))

    def picture(x_t):
        drawn = SIZE_PX * x_t.mean(dim=(1, 2, 3), keepdim=True)  # about N(0, 1) at much noise
        return (bias + gain * drawn).expand_as(x_t)

    def predict(x_t, t):
        rows = []
        for one, time in zip(x_t.split(1), t.tolist(), strict=True):
            a, b = cosine.abar(time) ** 0.5, (1 - cosine.abar(time)) ** 0.5
            rows.append((a * one - picture(one)) / b)
        return torch.cat(rows)

    optimizer = torch.optim.Adam([bias, gain], lr=0.01, betas=(0.0, 0.99))
    frozen = [value.clone() for value in teacher.state_dict().values()]
    for step in range(250):
        x_0, t, noise = batch(step)
        loss = objective.batch_loss(predict, x_0, 980 + t // 50, noise, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # The pictures' brightness: mean .4, standard deviation .4 / sqrt(12) = .115.
    assert bias.item() == pytest.approx(0.4, abs=0.1)
    assert 0.03 < abs(gain.item()) < 0.25
    assert all(map(torch.equal, teacher.state_dict().values(), frozen))


@pytest.mark.parametrize("path", ["data", "teacher"])
def test_a_run_goes_on_exactly_with_its_adversary(tmp_path, tiny_checkpoint, path):
    changes = {"objective": "adversarial", "consistency_path": path, "validation_minutes": 0.001}
    (whole, parts), newest = at_once_and_in_parts(tmp_path, tiny_checkpoint, **changes)
    assert whole == parts and len(whole) == 8
    for name in ("ema", "discriminator", "discriminator-optimizer"):
        files = [(folder / f"{name}.safetensors").read_bytes() for folder in newest]
        assert files[0] == files[1]
    info = find(str(newest[0].parent / "result"))
    assert (info.default_sampler, info.default_num_steps) == ("consistency", 2)


def test_a_run_of_consistency_may_take_up_an_adversary(tmp_path, tiny_checkpoint):
    train(distilling(tmp_path, tiny_checkpoint, max_steps=2))
    train(distilling(tmp_path, tiny_checkpoint, max_steps=4, objective="adversarial"))
    assert list(loss_curve(tmp_path / "run")) == [1, 2, 3, 4]
    folder = list_checkpoints(tmp_path / "run")[0][1]
    assert (folder / "discriminator-optimizer.safetensors").is_file()


def test_an_adversary_that_is_lost_is_one_sentence(tmp_path, tiny_checkpoint):
    config = {"objective": "adversarial", "max_steps": 2}
    train(distilling(tmp_path, tiny_checkpoint, **config))
    ((_, folder),) = list_checkpoints(tmp_path / "run")
    (folder / "discriminator.safetensors").write_bytes(b"cut")
    with pytest.raises(UserError) as caught:
        train(distilling(tmp_path, tiny_checkpoint, **config))
    assert caught.value.key == "train_checkpoint_damaged"


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"teacher": None}, "train_no_teacher"),
        ({"channels": 1}, "train_teacher_other"),
        ({"discriminator_rate": 0.0}, "train_value_range"),
        ({"adversary_share": -1.0}, "train_value_range"),
    ],
)
def test_what_does_not_fit_an_adversary_is_one_sentence(tmp_path, tiny_checkpoint, changes, key):
    with pytest.raises(UserError) as caught:
        train(distilling(tmp_path, tiny_checkpoint, objective="adversarial", **changes))
    assert caught.value.key == key
    assert not [e for e in read_events(tmp_path / "run") if e["kind"] == "loss"]
