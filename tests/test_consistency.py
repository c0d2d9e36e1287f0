"""Distillation into few evaluations: the loss, an exact Gaussian, resuming, bad teachers."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from training_helpers import at_once_and_in_parts, distilling

from ddpm_demo.core.denoiser import Prediction
from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.core.oracles import GaussianConsistency, GaussianDenoiser
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.errors import UserError
from ddpm_demo.samplers.sample import sample
from ddpm_demo.samplers.timesteps import make_timesteps
from ddpm_demo.training.config import TrainConfig
from ddpm_demo.training.consistency import ConsistencyObjective
from ddpm_demo.training.distil import check_teacher
from ddpm_demo.training.events import read_events
from ddpm_demo.training.run import train

MEAN, STD = 0.2, 0.25


@pytest.fixture(scope="module")
def cosine():
    return Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"})


def sigmas_of(schedule, t):
    return torch.tensor([schedule.sigma(one) for one in t.tolist()]).view(-1, 1, 1, 1)


def exact_output(schedule, function=False):
    """v of the exact denoiser of N(MEAN, STD^2) for a batch, or of its consistency function."""

    def predict(x_t, t):
        sigma = sigmas_of(schedule, t)
        root = (1 + sigma**2) ** 0.5
        gain = STD**2 / (STD**2 + sigma**2)
        x0 = MEAN + (gain**0.5 if function else gain) * (root * x_t - MEAN)
        return (x_t / root - x0) * root / sigma

    return predict


def batch(step, size=64, side=8):
    """Pictures of the Gaussian, quantiles of the noise levels, noise."""
    generator = torch.Generator().manual_seed(step)
    shape = (size, 1, side, side)
    x_0 = MEAN + STD * torch.randn(shape, generator=generator)
    t = ((torch.arange(size) + torch.rand(size, generator=generator)) / size * 1000).long()
    return x_0, t, torch.randn(shape, generator=generator)


def test_the_gap_is_halved_on_a_schedule_and_never_reaches_the_level_itself(cosine):
    objective = ConsistencyObjective(cosine, "v_prediction", 100, 1 / 16)
    gaps = [objective.gap(step) for step in (0, 99, 100, 250, 10**6)]
    assert gaps == [1 / 2, 1 / 2, 1 / 4, 1 / 8, 1 / 16]
    t = torch.arange(1000)
    for step in (0, 150, 10**6):
        sigma, rho = objective.sigmas(t, step)
        assert (sigma.diff() > 0).all() and (rho < sigma).all() and (rho >= 0).all()
        assert sigma[0] >= 0.09 and sigma[-1] <= 80
        # As much of the gap as the paper has it: once at much noise, five times at none.
        assert (1 - rho / sigma)[-1] == pytest.approx(objective.gap(step))
        assert (rho == 0)[:20].all()
    taught = ConsistencyObjective(cosine, "v_prediction", 100, 0.25, teacher=lambda x, t: x)
    assert taught.gap(0) == 0.25


@pytest.mark.parametrize("kind", ["v_prediction", "epsilon", "sample"])
def test_the_loss_is_the_weighted_distance_of_two_estimates(cosine, kind):
    """A network whose estimate of x_0 is c / sigma everywhere, so that both are known."""
    objective = ConsistencyObjective(cosine, kind, 100, 1 / 16)
    x_0, t, noise = batch(0, 8)
    c = 1e-3
    seen = []

    def predict(x_t, times):
        seen.append(times)
        rows = []
        for x, one in zip(x_t.split(1), times.tolist(), strict=True):
            x0 = torch.full_like(x, c / cosine.sigma(one))
            eps = cosine.eps_from_x0(x, x0, one)
            v = cosine.v_from_x0_eps(x0, eps, one)
            rows.append({"epsilon": eps, "sample": x0, "v_prediction": v}[kind])
        return torch.cat(rows)

    loss = objective.batch_loss(predict, x_0, t, noise, 10**6)
    sigma, rho = objective.sigmas(t, 10**6)
    total = 0.0
    for i, (s, r) in enumerate(zip(sigma.tolist(), rho.tolist(), strict=True)):
        target = x_0[i] if r == 0 else torch.full_like(x_0[i], c / r)
        error = (c / s - target).square().mean().item()
        total += (1 + s**2) ** 0.5 / (s - r) * ((error + 1e-4) ** 0.5 - 1e-2)
    assert loss.item() == pytest.approx(total / 8, rel=2e-3)
    assert len(seen) == 2
    assert [cosine.sigma(one) for one in seen[0].tolist()] == pytest.approx(sigma.tolist())


def test_the_exact_function_has_almost_no_loss_with_the_exact_teacher(cosine):
    denoiser, function = exact_output(cosine), exact_output(cosine, function=True)
    x_t, t = batch(1)[2], torch.full((64,), 700.0)
    for predict, oracle in ((denoiser, GaussianDenoiser), (function, GaussianConsistency)):
        x0 = cosine.x0_from_v(x_t, predict(x_t, t), 700)
        assert torch.allclose(x0, oracle(cosine, MEAN, STD).predict(x_t, 700).x0, atol=1e-5)
    objective = ConsistencyObjective(cosine, "v_prediction", 1, 0.05, teacher=denoiser)
    losses = [objective.batch_loss(p, *batch(1), 0).item() for p in (function, denoiser)]
    assert losses[0] < 0.3 * losses[1]  # what is left is the teacher's own at its last level


class Tuned(nn.Module):
    """The exact denoiser's v plus a gain and an offset that depend on the noise level, at first 0:
    what can be learned of a Gaussian.
    """

    def __init__(self, schedule):
        super().__init__()
        self.schedule = schedule
        self.teacher = exact_output(schedule)
        self.head = nn.Sequential(nn.Linear(1, 32), nn.SiLU(), nn.Linear(32, 2))
        nn.init.zeros_(self.head[-1].weight)
        nn.init.zeros_(self.head[-1].bias)

    def forward(self, x_t, t):
        places = sigmas_of(self.schedule, t).log().view(-1, 1) / 4
        gain, offset = self.head(places).T[..., None, None, None]
        return self.teacher(x_t, t) + gain * x_t + offset

    @torch.no_grad()
    def predict(self, x_t, t):
        v = self(x_t, torch.full((len(x_t),), t))
        return Prediction(self.schedule.x0_from_v(x_t, v, t), x_t)


def spread(network, num_steps):
    noise = NoiseSource.for_run(0, 4)
    times = make_timesteps(network.schedule, num_steps, "renoise")
    steps = sample("consistency", network, noise.randn((1, 32, 32)), times, noise)
    *_, last = steps
    return last.x_t.mean().item(), last.x_t.std().item()


@pytest.mark.parametrize("path", ["data", "teacher"])
def test_an_exact_gaussian_is_distilled_into_one_and_two_evaluations(cosine, path):
    torch.manual_seed(0)
    network = Tuned(cosine)
    teacher = exact_output(cosine) if path == "teacher" else None
    gap = 0.15 if teacher else 1 / 64
    objective = ConsistencyObjective(cosine, "v_prediction", 60, gap, teacher=teacher)
    before = spread(network, 1)
    assert before[1] < 0.02  # the mean of all pictures
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for step in range(600):
        for group in optimizer.param_groups:
            group["lr"] = 0.01 * min(1, (600 - step) / 240)
        loss = objective.batch_loss(network, *batch(step, 32), step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if teacher:  # else the gap shrinks, and with it what is asked
        assert sum(losses[-20:]) < 0.6 * sum(losses[:20])
    for num_steps in (1, 2):
        mean, std = spread(network, num_steps)
        assert mean == pytest.approx(MEAN, abs=0.02)
        assert std == pytest.approx(STD, rel=0.15)


@pytest.mark.parametrize("path", ["data", "teacher"])
def test_a_run_goes_on_exactly_even_if_its_teacher_is_gone(tmp_path, tiny_checkpoint, path):
    changes = {"consistency_path": path, "validation_minutes": 0.001}
    (whole, parts), newest = at_once_and_in_parts(tmp_path, tiny_checkpoint, **changes)
    assert whole == parts and len(whole) == 8
    assert all(value > 0 for value in whole.values())
    files = [(folder / "ema.safetensors").read_bytes() for folder in newest]
    assert files[0] == files[1]


def test_a_distilled_checkpoint_says_what_it_is_for(tmp_path, tiny_checkpoint):
    from ddpm_demo.checkpoints.library import find

    train(distilling(tmp_path, tiny_checkpoint, max_steps=2, sample_steps=2))
    info = find(str(tmp_path / "run" / "result"))
    assert (info.default_sampler, info.default_num_steps) == ("consistency", 2)
    assert [event["kind"] for event in read_events(tmp_path / "run")].count("samples") == 1


def test_the_recipes_of_the_fast_garments_distil_their_teacher():
    import ddpm_demo.training as training

    name = "fashion-32"
    folder = Path(training.__file__).parent / "recipes"
    first = TrainConfig.load(folder / f"{name}-consistency.json")
    then = TrainConfig.load(folder / f"{name}-fast.json")
    assert (first.objective, then.objective) == ("consistency", "adversarial")
    assert first.start == name and then.start == f"{first.out}/result"
    assert first.teacher == then.teacher == name
    check_teacher(first)
    check_teacher(replace(then, from_checkpoint=f"{name}-fast"))  # what came of the first, and on


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"teacher": None}, "train_no_teacher"),
        ({"teacher": "no such checkpoint"}, "checkpoint_unknown"),
        ({"channels": 1}, "train_teacher_other"),
        ({"sizes_px": [8]}, "train_teacher_other"),
        ({"objective": "persuasion"}, "train_value_choice"),
        ({"consistency_path": "sideways"}, "train_value_choice"),
        ({"min_gap": 0.0}, "train_value_range"),
        ({"gap_halving_steps": 0}, "train_value_range"),
    ],
)
def test_a_teacher_that_does_not_fit_is_one_sentence(tmp_path, tiny_checkpoint, changes, key):
    with pytest.raises(UserError) as caught:
        train(distilling(tmp_path, tiny_checkpoint, **changes))
    assert caught.value.key == key
    assert str(caught.value).endswith((".", "…"))


@pytest.mark.parametrize(
    "other", [{"beta_schedule": "linear"}, {"prediction_type": "epsilon"}, {}]
)
def test_a_start_that_speaks_of_noise_in_other_terms_than_the_teacher(
    tmp_path, tiny_checkpoint, other
):
    """Else the teacher would be asked at the wrong noise levels, and its answer misread."""
    start = tmp_path / "start"
    shutil.copytree(tiny_checkpoint, start)
    path = start / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **other}))
    config = distilling(tmp_path, tiny_checkpoint, from_checkpoint=str(start))
    if not other:
        check_teacher(config)
        return
    with pytest.raises(UserError) as caught:
        check_teacher(config)
    assert caught.value.key == "train_teacher_schedule"
