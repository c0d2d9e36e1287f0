"""Which settings of the chains go with which prior, hole and number of steps."""

import dataclasses

import pytest
import torch

from ddpm_demo.checkpoints.library import find
from ddpm_demo.restoration import settings
from ddpm_demo.restoration.solve import Settings, num_sources
from ddpm_demo.tasks.inpaint import InpaintRecipe
from ddpm_demo.tasks.upscale import UpscaleRecipe

FACES, PHOTOS = find("faces-64"), find("photos")


def hole(side_px):
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 8 : 8 + side_px, 8 : 8 + side_px] = 1
    return mask


def test_photographs_and_large_objects_go_by_the_spectrum():
    recipe = UpscaleRecipe(checkpoint="any")
    assert settings.of_checkpoint(PHOTOS, recipe) == Settings()
    assert settings.of_checkpoint(dataclasses.replace(FACES, size_px=256), recipe) == Settings()
    assert settings.of_hole(PHOTOS, InpaintRecipe(checkpoint="photos"), hole(30)) == Settings()


@pytest.mark.parametrize(("num_steps", "jacobian"), [(None, True), (5, False), (8, True)])
def test_few_steps_do_not_go_by_the_networks_own_covariance(num_steps, jacobian):
    recipe = UpscaleRecipe(checkpoint="faces-64", num_steps=num_steps)
    assert settings.of_checkpoint(FACES, recipe).jacobian is jacobian


@pytest.mark.parametrize(("num_steps", "jacobian"), [(None, True), (15, False), (16, True)])
def test_narrow_holes_of_objects_share_the_evaluations_of_one_chain(num_steps, jacobian):
    for perception, chains in ((0.0, 2), (1.0, 1)):
        recipe = InpaintRecipe(checkpoint="faces-64", perception=perception, num_steps=num_steps)
        found = settings.of_hole(FACES, recipe, hole(4))
        assert found.jacobian is jacobian and not found.weighed
        if jacobian:
            assert found.num_steps * chains == settings.JACOBIAN_EVALUATIONS
            assert num_sources(recipe, found) == 1


def test_wide_holes_of_objects_start_from_more_noise():
    recipe = InpaintRecipe(checkpoint="faces-64", time_travel=3)
    found = settings.of_hole(FACES, recipe, hole(30), recipe.time_travel)
    assert not found.jacobian and found.time_travel == 3
    assert found.sigma_start == settings.OBJECT_SIGMA_START
