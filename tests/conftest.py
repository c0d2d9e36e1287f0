"""Shared fixtures. No test downloads anything, and none depends on how fast the machine is."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import pytest

from ddpm_demo.schedule import Schedule


@pytest.fixture(scope="session", params=["squaredcos_cap_v2", "linear"])
def schedule_config(request):
    """The two schedules that checkpoints come with."""
    return {
        "num_train_timesteps": 1000,
        "beta_schedule": request.param,
        "beta_start": 1e-4,
        "beta_end": 0.02,
    }


@pytest.fixture(scope="session")
def schedule(schedule_config):
    return Schedule.from_config(schedule_config)
