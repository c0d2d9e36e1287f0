"""The parts of training: objective, rates, randomness, configuration, events, the command."""

import json
import sys
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
import torch
from diffusers import UNet2DModel
from training_helpers import TINY, tiny_config

from ddpm_demo.errors import UserError
from ddpm_demo.training.__main__ import main
from ddpm_demo.training.config import TrainConfig
from ddpm_demo.training.events import EventLog, loss_curve, read_events
from ddpm_demo.training.launch import command
from ddpm_demo.training.network import plain_attention
from ddpm_demo.training.objective import Objective, spread
from ddpm_demo.training.precision import mixed_precision
from ddpm_demo.training.randomness import Order, draw_step, size_at
from ddpm_demo.training.rates import ema_decay, learning_rate
from ddpm_demo.training.run import check_batches
from ddpm_demo.training.settings import parse_override


def noisy_batch(schedule):
    generator = torch.Generator().manual_seed(0)
    x_0 = torch.rand(4, 3, 8, 8, generator=generator) * 2 - 1
    return x_0, torch.tensor([0, 10, 500, 999]), torch.randn(4, 3, 8, 8, generator=generator)


def test_corruption_and_targets_are_those_of_the_schedule(schedule):
    x_0, t, noise = noisy_batch(schedule)
    x_t, v = Objective(schedule, "v_prediction", None).corrupt(x_0, t, noise)
    same, eps = Objective(schedule, "epsilon", None).corrupt(x_0, t, noise)
    assert torch.equal(x_t, same) and torch.equal(eps, noise)
    assert torch.equal(Objective(schedule, "sample", None).corrupt(x_0, t, noise)[1], x_0)
    for i, step in enumerate(t.tolist()):
        expected = schedule.q_sample(x_0[i], step, noise[i])
        torch.testing.assert_close(x_t[i], expected, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(
            schedule.x0_from_v(x_t[i], v[i], step), x_0[i], atol=1e-5, rtol=1e-4
        )


@pytest.mark.parametrize("gamma", [1.0, 5.0, 1e9])
def test_min_snr_weighs_the_error_of_x_0_by_the_clipped_snr(schedule, gamma):
    """Whatever the network predicts, the loss is min(snr, gamma) |x_0 - x0_hat|^2."""
    x_0, _, noise = noisy_batch(schedule)
    t = torch.tensor([40, 200, 500, 900])
    guess = x_0 + 0.1
    snr = torch.tensor([schedule.snr(step) for step in t.tolist()])
    expected = (snr.clamp(max=gamma) * 0.01).mean().item()
    for kind in ("v_prediction", "epsilon", "sample"):
        objective = Objective(schedule, kind, gamma)
        x_t, target = objective.corrupt(x_0, t, noise)
        output = target.clone()
        for i, step in enumerate(t.tolist()):
            eps = schedule.eps_from_x0(x_t[i], guess[i], step)
            v = schedule.v_from_x0_eps(guess[i], eps, step)
            output[i] = {"epsilon": eps, "sample": guess[i], "v_prediction": v}[kind]
        assert objective.loss(output, target, t).item() == pytest.approx(expected, rel=2e-3)


def test_without_gamma_every_timestep_counts_alike(schedule):
    x_0, t, noise = noisy_batch(schedule)
    objective = Objective(schedule, "epsilon", None)
    assert objective.loss(noise + 0.5, noise, t).item() == pytest.approx(0.25)


def test_the_learning_rate_warms_up_stays_and_falls(tmp_path):
    config = tiny_config(
        tmp_path, max_steps=100, warmup_steps=10, decay_fraction=0.4, learning_rate=1e-3
    )
    rates = [learning_rate(config, step, 0.0) for step in range(100)]
    assert rates[0] == pytest.approx(1e-4) and rates[4] == pytest.approx(5e-4)
    assert set(rates[10:60]) == {1e-3}
    assert rates[80] == pytest.approx(0.5e-3, rel=0.01) and rates[99] < 1e-5
    assert all(a >= b for a, b in zip(rates[60:], rates[61:], strict=False))


def test_the_decay_may_begin_at_a_given_step_or_follow_the_hours(tmp_path):
    late = tiny_config(tmp_path, max_steps=100, decay_start_step=90, warmup_steps=0)
    assert learning_rate(late, 89, 0) == late.learning_rate > learning_rate(late, 95, 0)
    hours = tiny_config(tmp_path, max_steps=None, max_hours=1, decay_fraction=0.5, warmup_steps=0)
    assert learning_rate(hours, 10**6, 1700) == hours.learning_rate
    assert learning_rate(hours, 0, 2700) == pytest.approx(hours.learning_rate / 2, rel=0.01)


def test_the_average_warms_up_with_power_three_quarters(tmp_path):
    config = tiny_config(tmp_path)
    assert ema_decay(config, 0) == 0
    assert ema_decay(config, 15) == pytest.approx(1 - 16**-0.75)
    assert ema_decay(config, 10**7) == config.ema_decay


def test_draws_depend_on_the_step_alone_and_split_over_processes():
    whole = draw_step(7, 3, 8, 12, 3, 1000, slice(0, 12))
    parts = [draw_step(7, 3, 8, 12, 3, 1000, slice(4 * i, 4 * i + 4)) for i in range(3)]
    assert torch.equal(whole.noise, torch.cat([part.noise for part in parts]))
    assert all(torch.equal(whole.t, part.t) for part in parts)
    assert not torch.equal(whole.t, draw_step(7, 4, 8, 12, 3, 1000, slice(0, 12)).t)
    assert not torch.equal(whole.noise, draw_step(8, 3, 8, 12, 3, 1000, slice(0, 12)).noise)


def test_timesteps_are_uniform_and_spread_over_each_batch():
    draws = [draw_step(0, step, 8, 10, 1, 1000, slice(0, 0)).t for step in range(500)]
    for t in draws[:20]:
        assert sorted((t // 100).tolist()) == list(range(10))
    first = torch.stack(draws)[:, 0].double()
    assert abs(first.mean() - 499.5) < 50 and abs(first.std() - 288.7) < 30
    assert all(0 <= t.min() and t.max() <= 999 for t in draws)


def test_orders_are_permutations_and_differ_between_seeds():
    order = Order(1, 50)
    epochs = [[order.index(50 * e + k) for k in range(50)] for e in range(2)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(50)) and epochs[0] != epochs[1]
    assert [Order(2, 50).index(k) for k in range(50)] != epochs[0]
    assert order.index(3) == epochs[0][3]  # and back again


def test_all_sizes_are_drawn_about_equally():
    sizes = [size_at(0, step, (32, 48, 64)) for step in range(900)]
    assert all(240 < sizes.count(size) < 360 for size in (32, 48, 64))


def test_a_configuration_survives_json(tmp_path):
    config = tiny_config(tmp_path, sizes_px=[8, 16], size_batches=[4, 2], max_hours=2)
    path = tmp_path / "config.json"
    path.write_text(config.to_json())
    assert TrainConfig.load(path) == config
    changed = TrainConfig.load(path, ["max_hours=null", "learning_rate=1e-4", "title=My cats"])
    assert changed.max_hours is None and changed.learning_rate == 1e-4
    assert changed.title == "My cats" and changed.batch_at(16) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"learning_rate": 0},
        {"learning_rate": 10},
        {"learning_rate": float("nan")},
        {"learning_rate": "fast"},
        {"batch_size": 0},
        {"batch_size": 1.5},
        {"batch_size": True},
        {"sizes_px": []},
        {"sizes_px": 64},
        {"sizes_px": [4]},
        {"size_batches": [1, 2]},
        {"channels": 4},
        {"background": "red"},
        {"prediction_type": "sample"},
        {"unet": {}},
        {"max_step": 5},
        {"data": ""},
        {"flips": 1},
        {"optimizer": "sgd"},
    ],
)
def test_bad_settings_are_refused_by_name(tmp_path, changes):
    with pytest.raises(UserError) as caught:
        tiny_config(tmp_path, **changes)
    (name,) = changes
    assert name in str(caught.value) or caught.value.field == name


def test_muon_needs_whole_matrices(tmp_path):
    with pytest.raises(UserError, match="whole matrices") as caught:
        tiny_config(tmp_path, optimizer="muon", sharding="full")
    assert caught.value.field == "optimizer"


def test_overrides_need_an_equals_sign():
    assert parse_override("max_steps=5") == ("max_steps", 5)
    assert parse_override("data=/some/where=else") == ("data", "/some/where=else")
    with pytest.raises(UserError):
        parse_override("max_steps")


@pytest.mark.parametrize("content", [None, "no json", "[1]"])
def test_an_unreadable_configuration_is_one_sentence_and_exit_code_2(tmp_path, capsys, content):
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    assert main(["--config", str(path)]) == 2
    assert "config.json cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"channels": 1, "unet": {**TINY, "in_channels": 3, "out_channels": 3}}, "3 channels"),
        ({"sizes_px": [9]}, "multiple of 2"),
        ({"unet": {"block_out_channels": [6, 7]}}, "cannot be built"),
        ({"unet": {"no_such_argument": 1}}, "cannot be built"),
        ({"unet": {}, "from_checkpoint": "no/such/checkpoint/here"}, "no/such/checkpoint/here"),
    ],
)
def test_networks_that_do_not_fit_are_refused(tmp_path, capsys, changes, words):
    path = tmp_path / "config.json"
    path.write_text(tiny_config(tmp_path, **changes).to_json())
    assert main(["--config", str(path)]) == 2
    assert words in capsys.readouterr().err
    assert list(read_events(tmp_path / "run"))[-1]["kind"] == "error"


def test_a_batch_that_cannot_be_split_evenly_is_refused(tmp_path):
    config = tiny_config(tmp_path, sizes_px=[8, 16], size_batches=[6, 3])
    check_batches(config, 3)
    with pytest.raises(UserError, match="batch of 3 .* over 2 processes"):
        check_batches(config, 2)


def test_events_of_a_killed_writer_are_mended(tmp_path):
    log = EventLog(tmp_path)
    log.write("start", 0, from_step=0)
    log.write("loss", 2, losses=[0.5, 0.25])
    log.close()
    path = tmp_path / "events.jsonl"
    path.write_bytes(path.read_bytes() + b'{"kind": "loss", "st')
    assert [event["kind"] for event in read_events(tmp_path)] == ["start", "loss"]
    log = EventLog(tmp_path)
    log.write("start", 1, from_step=1)
    log.write("loss", 2, losses=[0.125])
    log.close()
    lines = path.read_text().splitlines()
    assert len(lines) == 4 and all(json.loads(line) for line in lines)
    assert loss_curve(tmp_path) == {1: 0.5, 2: 0.125}


def test_the_launch_command_has_every_flag():
    one = command("config.json")
    assert one == [sys.executable, "-m", "ddpm_demo.training", "--config", "config.json"]
    two = command("config.json", 2, ("max_steps=5",))
    assert two[:3] == [sys.executable, "-m", "accelerate.commands.launch"]
    # --cpu would keep a GPU idle, and start one process only.
    assert "--multi_gpu" in two and "--cpu" not in two
    assert two[-2:] == ["--set", "max_steps=5"]
    assert Path(two[two.index("--config_file") + 1]).is_file()  # not the user's
    assert {"--num_machines", "--mixed_precision", "--dynamo_backend"} <= set(two)


def test_every_timestep_has_a_weight(schedule):
    for kind in ("v_prediction", "epsilon", "sample"):
        weight = Objective(schedule, kind, 5.0)._weight
        assert bool((weight > 0).all()) and bool(weight.isfinite().all())


def test_three_quarters_of_the_timesteps_have_the_noise_levels_that_are_asked_for(schedule):
    mean, deviation = -1.85, 1.1
    places = spread(schedule, mean, deviation)
    count = schedule.num_timesteps
    assert places.shape == (count,) and bool((places.diff() >= 0).all())
    assert 0 <= int(places[0]) and int(places[-1]) < count
    log_sigma = np.log([schedule.sigma(t) for t in range(count)])
    normal = NormalDist(mean, deviation)
    for level in (-3.0, -2.0, -1.0, 0.0):
        below = (log_sigma < level).mean()
        expected = 0.75 * normal.cdf(level) + 0.25 * below
        # Only so many timesteps are there, of which one may hold a percent of the distribution.
        assert (log_sigma[places] < level).mean() == pytest.approx(expected, abs=0.01)


def test_the_loss_is_of_the_timesteps_that_the_uniform_ones_are_taken_to(schedule):
    asked = []

    def predict(x_t, t):
        asked.append(t)
        return torch.zeros_like(x_t)

    t = torch.tensor([10, 500, 990])
    x_0, noise = torch.zeros(3, 1, 2, 2), torch.ones(3, 1, 2, 2)
    plain = Objective(schedule, "v_prediction", None)
    other = Objective(schedule, "v_prediction", None, log_sigma=(-1.85, 1.1))
    loss = other.batch_loss(predict, x_0, t, noise, 0)
    there = spread(schedule, -1.85, 1.1)[t]
    assert torch.equal(asked[0], there) and not torch.equal(there, t)
    assert torch.equal(loss, plain.batch_loss(predict, x_0, there, noise, 0))


@pytest.mark.parametrize("log_sigma", [[-1.85], [-1.85, 0.0], [1, 2, 3], [0, -1]])
def test_noise_levels_are_a_mean_and_a_deviation(tmp_path, log_sigma):
    with pytest.raises(UserError) as refused:
        tiny_config(tmp_path, log_sigma=log_sigma)
    assert refused.value.key == "train_log_sigma"


@pytest.mark.parametrize(
    ("wanted", "launched_with", "on_cpu", "able", "expected"),
    [
        ("auto", None, True, "amx_bf16", "bf16"),
        ("auto", None, True, "avx512_bf16", "bf16"),
        ("auto", "no", True, "amx_bf16", "bf16"),
        ("auto", None, True, "avx512_f", "no"),
        ("auto", None, False, "amx_bf16", "no"),
        ("auto", "fp16", False, "avx512_f", "fp16"),
        ("no", "bf16", True, "amx_bf16", "no"),
        ("bf16", None, True, "avx512_f", "bf16"),
    ],
)
def test_precision_is_as_asked_and_by_itself_what_pays(
    monkeypatch, wanted, launched_with, on_cpu, able, expected
):
    known = ("amx_bf16", "avx512_bf16", "avx512_f")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {k: k == able for k in known})
    monkeypatch.delenv("ACCELERATE_MIXED_PRECISION", raising=False)
    if launched_with:
        monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", launched_with)
    assert mixed_precision(wanted, on_cpu) == expected


def test_attention_written_out_gives_what_the_fused_one_gives():
    unet = UNet2DModel(
        sample_size=8,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=4,
        layers_per_block=1,
    ).eval()
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        fused = unet(x, 10).sample
        plain_attention(unet)
        torch.testing.assert_close(unet(x, 10).sample, fused, rtol=1e-4, atol=1e-5)
