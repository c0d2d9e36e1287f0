"""A teacher's chain in a few long steps: the loss, an exact Gaussian, resuming, what it is for."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn
from training_helpers import at_once_and_in_parts, distilling

from ddpm_demo import DDPM, DiffuseRecipe, GenerateRecipe
from ddpm_demo.checkpoints.library import find
from ddpm_demo.checkpoints.model_card import read_model_card, write_model_card
from ddpm_demo.cli import main
from ddpm_demo.core.denoiser import Prediction
from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.core.oracles import GaussianDenoiser
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.errors import UserError
from ddpm_demo.samplers.sample import sample
from ddpm_demo.samplers.timesteps import make_timesteps
from ddpm_demo.training.config import TrainConfig
from ddpm_demo.training.distil import check_teacher
from ddpm_demo.training.events import read_events
from ddpm_demo.training.few_steps import few_steps
from ddpm_demo.training.progressive import (
    ProgressiveObjective,
    chain_of,
    read_leaps,
    student_timesteps,
)
from ddpm_demo.training.run import train

MEAN, STD = 0.2, 0.25
LEAPS = {2: (0, 6), 4: (0, 4, 8, 11)}


@pytest.fixture(scope="module")
def cosine():
    return Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"})


def test_timesteps_of_the_chain_and_of_the_network(cosine):
    chain = chain_of(cosine)
    assert (len(chain), chain[0], chain[-1]) == (12, 999.0, 10.0)
    assert chain_of(cosine, (900.0, 5.0)) == [900.0, 5.0]
    times = student_timesteps(cosine, chain, LEAPS)
    assert times == {
        2: [997.0, chain[6]],
        4: [993.0, chain[4], chain[8], chain[11]],
    }
    asked = [t for of_count in times.values() for t in of_count]
    assert len(set(asked)) == len(asked)  # the timestep alone says how far to go
    for wrong in ((5.0, 900.0), (1000.0, 5.0), (900.0, 900.0)):
        with pytest.raises(UserError) as caught:
            chain_of(cosine, wrong)
        assert caught.value.key == "train_teacher_timesteps"


class Exact:
    """The exact denoiser's output in any of the three kinds, with an offset in x_0."""

    def __init__(self, schedule, kind, offset=0.0):
        self.oracle, self.kind, self.offset = GaussianDenoiser(schedule, MEAN, STD), kind, offset
        self.seen = []

    def __call__(self, x_t, times):
        (t,) = set(times.tolist())
        self.seen.append((t, x_t))
        schedule = self.oracle.schedule
        x0 = self.oracle.predict(x_t, t).x0 + self.offset
        eps = schedule.eps_from_x0(x_t, x0, t)
        v = schedule.v_from_x0_eps(x0, eps, t)
        return {"epsilon": eps, "sample": x0, "v_prediction": v}[self.kind]


@pytest.mark.parametrize("kind", ["v_prediction", "epsilon", "sample"])
def test_the_loss_is_how_far_from_the_teacher_each_of_its_own_steps_lands(cosine, kind):
    chain = chain_of(cosine)
    oracle = GaussianDenoiser(cosine, MEAN, STD)
    objective = ProgressiveObjective(cosine, kind, oracle, chain, LEAPS)
    noise = NoiseSource.for_run(3, 4).randn((1, 8, 8))
    network = Exact(cosine, kind, offset=0.1)
    loss = objective.batch_loss(network, torch.zeros(4), torch.zeros(4), noise, 0)

    *steps, last = sample("dpmpp_2m", oracle, noise, chain, NoiseSource([0] * 4))
    states = [*(step.x_t for step in steps), last.x0_hat.clamp(-1, 1)]
    told = []
    for count, places in LEAPS.items():
        times = objective.timesteps[count]
        x_t = noise
        for t, s, place in zip(times, [*times[1:], -1], [*places[1:], -1], strict=True):
            x0 = oracle.predict(x_t, t).x0 + 0.1
            goal, at = states[place], cosine.abar(s)
            eps = cosine.eps_from_x0(x_t, x0, t)
            error = at**0.5 * x0 + (1 - at) ** 0.5 * eps - goal
            told.append(((error**2 + 1e-4).sqrt() - 0.01).mean())
            x0 = x0.clamp(-1, 1)
            x_t = at**0.5 * x0 + (1 - at) ** 0.5 * cosine.eps_from_x0(x_t, x0, t)
    assert loss.item() == pytest.approx(torch.stack(told).mean().item(), rel=1e-4)
    asked = [*objective.timesteps[2], *objective.timesteps[4]]
    assert [t for t, _ in network.seen] == pytest.approx(asked)
    # What it starts from is what DDIM of the sampler comes by with the same network.
    own = sample("ddim", Offset(oracle, 0.1), noise, objective.timesteps[4], NoiseSource([0] * 4))
    for (_, mine), step in zip(network.seen[2:], own, strict=False):
        assert torch.allclose(mine, step.x_t, atol=2e-4)


class Offset:
    """A denoiser that is off by as much in x_0, clipped as a network's."""

    def __init__(self, oracle, offset):
        self.oracle, self.offset, self.schedule = oracle, offset, oracle.schedule

    def predict(self, x_t, t):
        found = self.oracle.predict(x_t, t)
        x0 = (found.x0 + self.offset).clamp(-1, 1)
        return replace(found, x0=x0, eps=self.schedule.eps_from_x0(x_t, x0, t))


class Tuned(nn.Module):
    """The exact denoiser's v, and a gain and an offset for each timestep, at first 0."""

    def __init__(self, schedule, timesteps):
        super().__init__()
        self.exact, self.schedule = Exact(schedule, "v_prediction"), schedule
        self.timesteps = timesteps
        self.gains = nn.Parameter(torch.zeros(len(timesteps), 2))

    def forward(self, x_t, times):
        distances = [abs(t - float(times[0])) for t in self.timesteps]
        gain, offset = self.gains[distances.index(min(distances))]
        return self.exact(x_t, times) + gain * x_t + offset

    @torch.no_grad()
    def predict(self, x_t, t):
        v = self(x_t, torch.full((len(x_t),), t))
        eps = self.schedule.eps_from_v(x_t, v, t)
        return Prediction(self.schedule.x0_from_v(x_t, v, t), eps)


def test_an_exact_gaussian_is_distilled_into_one_and_two_steps(cosine):
    """One step of the exact denoiser is the mean of all pictures; of what learned it, a draw."""
    leaps = {1: (0,), 2: (0, 6)}
    oracle = GaussianDenoiser(cosine, MEAN, STD)
    chain = chain_of(cosine, make_timesteps(cosine, 12, "karras"))
    objective = ProgressiveObjective(cosine, "v_prediction", oracle, chain, leaps)
    network = Tuned(cosine, [t for times in objective.timesteps.values() for t in times])

    def pictures(count, denoiser=network):
        noise = NoiseSource.for_run(9, 8)
        times = objective.timesteps[count] if denoiser is network else chain
        name = "ddim" if denoiser is network else "dpmpp_2m"
        *_, last = sample(name, denoiser, noise.randn((1, 16, 16)), times, noise)
        return last.x_t

    assert pictures(1).std().item() < 0.02
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for step in range(300):
        for group in optimizer.param_groups:
            group["lr"] = 0.02 * min(1, (300 - step) / 150)
        noise = NoiseSource.for_run(1000 + 8 * step, 8).randn((1, 8, 8))
        loss = objective.batch_loss(network, noise, noise, noise, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    goal = pictures(1, oracle)
    assert goal.mean().item() == pytest.approx(MEAN, abs=0.02)
    assert goal.std().item() == pytest.approx(STD, rel=0.15)  # the chain's own error
    for count in (1, 2):
        found = pictures(count)
        assert found.mean().item() == pytest.approx(goal.mean().item(), abs=0.005)
        assert found.std().item() == pytest.approx(goal.std().item(), rel=0.03)
        assert (found - goal).abs().mean().item() < 0.02  # the teacher's own pictures, one by one


def test_a_run_goes_on_exactly_even_if_its_teacher_is_gone(tmp_path, tiny_checkpoint):
    changes = {"objective": "progressive", "validation_minutes": 0.001}
    (whole, parts), newest = at_once_and_in_parts(tmp_path, tiny_checkpoint, **changes)
    assert whole == parts and len(whole) == 8
    assert all(value > 0 for value in whole.values())
    files = [(folder / "ema.safetensors").read_bytes() for folder in newest]
    assert files[0] == files[1]


@pytest.fixture(scope="module")
def distilled(tmp_path_factory, tiny_checkpoint):
    folder = tmp_path_factory.mktemp("distilled")
    changes = {"objective": "progressive", "max_steps": 2, "sample_steps": 2}
    train(distilling(folder, tiny_checkpoint, **changes))
    return folder / "run"


def test_its_card_says_what_it_is_for(distilled):
    info = find(str(distilled / "result"))
    assert (info.default_sampler, info.default_num_steps) == ("ddim", 2)
    assert info.made_for_steps == (2, 4) and set(info.learned_steps["ddim"]) == {2, 4}
    config = TrainConfig.load(distilled / "config.json")
    schedule = Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"})
    assert set(few_steps(config, schedule).timesteps) == {2, 4}
    assert [event["kind"] for event in read_events(distilled)].count("samples") == 1


def test_it_generates_in_so_many_steps_and_refuses_the_rest(distilled):
    ddpm = DDPM.from_pretrained(str(distilled / "result"))
    recipe = GenerateRecipe(checkpoint=ddpm.info.name, num_images=1)
    *steps, last = ddpm.generate(recipe)
    assert [step.t for step in steps] == list(ddpm.info.learned_steps["ddim"][2])
    *_, last = ddpm.generate(recipe.replace(num_steps=4))
    assert last.num_evaluations == 4
    for wrong, key in (
        ({"num_steps": 3}, "few_step_checkpoint"),
        ({"num_steps": 1000}, "few_step_checkpoint"),
        ({"sampler": "ddpm"}, "few_step_checkpoint"),
        ({"spacing": "karras"}, "few_step_timesteps"),
        ({"eta": 0.5}, "few_step_timesteps"),
    ):
        with pytest.raises(UserError) as caught:
            ddpm.generate(recipe.replace(**wrong))
        assert caught.value.key == key
    with pytest.raises(UserError) as caught:
        ddpm.diffuse(DiffuseRecipe(checkpoint=ddpm.info.name, t=400), Image.new("RGB", (16, 16)))
    assert caught.value.key == "few_step_task" and "2, 4 steps" in str(caught.value)


def test_nothing_asks_it_for_other_noise_levels(distilled, tmp_path, tiny_checkpoint, capsys):
    name = str(distilled / "result")
    card = Path(name, "README.md").read_text()
    assert main(["tune-steps", "--checkpoint", name, "--num-steps", "5"]) == 2
    assert "2, 4 steps" in capsys.readouterr().err
    with pytest.raises(UserError) as caught:
        check_teacher(distilling(tmp_path, tiny_checkpoint, teacher=name))
    assert caught.value.key == "few_step_task"
    assert Path(name, "README.md").read_text() == card


@pytest.mark.parametrize("value", [3, "2", [2, "4"], [True], [0], [2, 10**6], {"2": 4}, [3, 4]])
def test_numbers_of_steps_that_make_no_sense_are_none(tmp_path, value):
    """As are ones that its own default is not among: nothing could be made with it."""
    front = {"title": "Tiny", "default_num_steps": 2, "made_for_steps": value}
    write_model_card(tmp_path, front, "# Tiny")
    card = read_model_card(tmp_path)
    assert card.made_for_steps == () and card.title == "Tiny"


@pytest.mark.parametrize(
    "leaps",
    [
        {},
        {"2": [0]},
        {"two": [0, 6]},
        {"2": [1, 6]},
        {"2": [0, 12]},
        {"2": [0, 6.0]},
        {"2": 6},
        {"3": [0, 6, 4]},
        {"2": [0, 4], "4": [0, 4, 8, 11]},
        {"9": [*range(9)]},
    ],
)
def test_leaps_that_make_no_sense_are_one_sentence(tmp_path, tiny_checkpoint, leaps):
    with pytest.raises(UserError) as caught:
        read_leaps(leaps, 12)
    assert caught.value.key == "train_leaps"
    assert '{"2": [0, 6]' in str(caught.value)
    if leaps == {"2": [0]}:
        with pytest.raises(UserError) as caught:
            train(distilling(tmp_path, tiny_checkpoint, objective="progressive", leaps=leaps))
        assert caught.value.key == "train_leaps"


def test_the_recipe_of_the_fast_faces_is_what_their_card_says():
    import ddpm_demo.training as training

    config = TrainConfig.load(Path(training.__file__).parent / "recipes" / "faces-64-fast.json")
    check_teacher(config)
    info = find("faces-64-fast")
    told = few_steps(config, Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"}))
    assert (told.sampler, tuple(told.timesteps)) == (info.default_sampler, info.made_for_steps)
    assert {n: tuple(t) for n, t in told.timesteps.items()} == info.learned_steps["ddim"]


def test_numbers_of_steps_may_share_a_place_where_both_go_on_to_the_same():
    told = {"3": [0, 5, 11], "4": [0, 4, 8, 11]}
    assert read_leaps(told, 12) == {3: (0, 5, 11), 4: (0, 4, 8, 11)}
    with pytest.raises(UserError):
        read_leaps({"3": [0, 4, 11], "4": [0, 4, 8, 11]}, 12)


def test_leaps_come_from_a_recipe_file(tmp_path):
    path = tmp_path / "recipe.json"
    told = {"data": "d", "out": "o", "teacher": "t", "objective": "progressive"}
    path.write_text(json.dumps({**told, "leaps": {"1": [0], "3": [0, 2, 5]}}))
    config = TrainConfig.load(Path(path), ["teacher_timesteps=[990, 800, 600, 400, 200, 20]"])
    assert read_leaps(config.leaps, len(config.teacher_timesteps)) == {1: (0,), 3: (0, 2, 5)}
    assert TrainConfig.from_mapping(json.loads(config.to_json())) == config
