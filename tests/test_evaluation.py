"""`evaluate` from end to end on a tiny checkpoint: reports, files, cards, curves, mistakes."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from ddpm_demo.checkpoints.model_card import keep_learned_steps, read_model_card
from ddpm_demo.cli import main
from ddpm_demo.core.oracles import GaussianDenoiser
from ddpm_demo.errors import UserError
from ddpm_demo.evaluation import curve, features, photos
from ddpm_demo.evaluation.card import write_measured
from ddpm_demo.evaluation.data import open_real
from ddpm_demo.evaluation.photos import (
    BUNDLED,
    add_noise,
    denoise_photo,
    load_photos,
    posterior_mean,
    score,
)
from ddpm_demo.evaluation.samples import sample_images
from ddpm_demo.pictures.png_recipe import read_recipe
from ddpm_demo.pipeline import DDPM
from ddpm_demo.tasks.generate import GenerateRecipe

CARD = """---
title: Tiny
default_sampler: ddim
default_num_steps: 2
prior: {prior}
---

# Tiny

![Samples]({sheet})

## Use

As it is.
"""


class Means(nn.Module):
    """Six features in place of a real extractor's: mean and spread of each channel."""

    def forward(self, x):
        pixels = x.float().flatten(2) / 255
        return torch.cat([pixels.mean(2), pixels.std(2)], 1)


@pytest.fixture(autouse=True)
def small_extractor(monkeypatch, tmp_path):
    monkeypatch.setitem(features.EXTRACTORS, "efficientnet-lite0", ("six means", Means))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def checkpoint(tiny_checkpoint, tmp_path):
    """A checkpoint to write to, with a model card."""
    folder = tmp_path / "tiny"
    shutil.copytree(tiny_checkpoint, folder)
    (folder / "README.md").write_text(CARD.format(prior="object", sheet="other.png"))
    return folder


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for split, count in (("train", 40), ("heldout", 24)):
        images = rng.integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)
        np.save(folder / f"{split}.npy", images)
    (folder / "dataset.json").write_text(json.dumps({"name": "noise-16"}))
    return folder


@pytest.fixture
def evaluate(capsys, checkpoint, data):
    """Run the command; gives (exit code, stdout, stderr)."""

    def run(*options, data=data):
        argv = ["evaluate", "--checkpoint", str(checkpoint), "--num-images", "12"]
        argv += ["--num-bits", "2", "--bits-timesteps", "3", *options]
        code = main(argv if data is None else [*argv, "--data", str(data)])
        return code, *capsys.readouterr()

    return run


def test_the_report_has_every_number_and_says_what_it_compares_with(evaluate, checkpoint):
    code, out, _ = evaluate()
    assert code == 0
    for row in ("KID ", "KID floor", "FID ", "precision", "recall", "bits per dimension"):
        assert f"\n{row}" in out
    for space in ("pixels", "features"):
        assert f"nearest training picture, {space}" in out
    assert "12 samples, ddim, 2 steps, seeds 0 to 11" in out
    assert "24 held-out pictures of noise-16" in out and "40 training pictures" in out
    assert "not comparable with published" in out
    assert "evaluate --checkpoint tiny --data noise-16 --num-images 12" in out
    assert str(checkpoint.parent) not in out


def test_json_is_one_object_with_the_same_numbers(evaluate):
    code, out, err = evaluate("--json", "--seed", "5", "--num-steps", "3")
    report = json.loads(out)
    assert code == 0 and err == ""
    assert report["recipe"]["num_steps"] == 3 and report["recipe"]["seed"] == 5
    assert report["num_images"] == 12 and report["num_reference"] == 24
    assert report["kid"]["mean"] > report["kid_floor"]["mean"]  # an untrained network
    assert report["memory_pixels"]["num_train"] == 40
    assert report["bits"]["num_images"] == 2 and len(report["bits"]["t"]) == 3
    assert report["bits"]["total"] > 0 and "published" in report["note"]
    assert {"sampling", "distances", "nearest in pixels"} <= set(report["seconds"])


def test_the_same_command_gives_the_same_numbers(evaluate):
    reports = [json.loads(evaluate("--json", *more)[1]) for more in ((), ("--no-cache",))]
    for report in reports:
        del report["seconds"]
    assert reports[0] == reports[1]


def test_json_says_null_where_there_is_no_number(evaluate):
    _, out, _ = evaluate("--json", "--num-bits", "1", "--num-train-features", "0")

    def refuse(constant):
        raise AssertionError(constant)

    report = json.loads(out, parse_constant=refuse)
    assert report["bits"]["standard_error"] is None and report["memory_features"] is None


def test_files_carry_the_samples_and_their_neighbours(evaluate, tmp_path):
    code, _, _ = evaluate("--out", str(tmp_path / "out"))
    assert code == 0
    assert {f.name for f in (tmp_path / "out").iterdir()} == {
        "evaluation.json",
        "samples.png",
        "nearest.png",
    }
    recipe = read_recipe(tmp_path / "out" / "samples.png")
    assert (recipe["sampler"], recipe["num_steps"], recipe["checkpoint"]) == ("ddim", 2, "tiny")
    with Image.open(tmp_path / "out" / "nearest.png") as sheet:
        assert sheet.size == (8 * 18 - 2, 2 * 18 - 2)


def test_samples_are_the_pictures_that_generate_gives(checkpoint):
    ddpm = DDPM.from_pretrained(str(checkpoint))
    recipe = GenerateRecipe(checkpoint=str(checkpoint), seed=3, num_steps=2)
    told = []
    images = sample_images(ddpm, recipe, 5, batch_size=2, on_progress=told.append)
    wanted = ddpm.generate(recipe.replace(num_images=5)).images()
    assert np.array_equal(images, np.stack([np.asarray(image) for image in wanted]))
    assert told == [2, 4, 5]


def test_the_card_is_written_once_and_then_kept_up_to_date(evaluate, checkpoint):
    before = read_model_card(checkpoint)
    assert evaluate("--card")[0] == 0
    first = (checkpoint / "README.md").read_text()
    assert read_model_card(checkpoint) == before
    assert first.index("## Measured quality") < first.index("## Use")
    assert "| KID |" in first and "(samples.png)" in first and "As it is." in first
    assert str(checkpoint.parent) not in first
    with Image.open(checkpoint / "samples.png") as sheet:
        assert sheet.size == (8 * 18 - 2, 8 * 18 - 2)  # all 64, though 12 were measured
    assert read_recipe(checkpoint / "samples.png")["seed"] == 0
    assert evaluate("--card", "--num-steps", "3")[0] == 0
    second = (checkpoint / "README.md").read_text()
    assert second.count("Measured quality") == 1 == second.count("(samples.png)")
    assert "3 steps" in second and "2 steps" not in second
    assert second.split("<!--")[0] == first.split("<!--")[0]


def test_a_card_that_shows_the_samples_does_not_get_them_twice(checkpoint):
    info = DDPM.from_pretrained(str(checkpoint)).info
    (checkpoint / "README.md").write_text(CARD.format(prior="object", sheet="samples.png"))
    write_measured(info, "| one |", sheet=True)
    write_measured(info, "| curve |", "curve")
    write_measured(info, r"| \1 two |", sheet=True)
    text = (checkpoint / "README.md").read_text()
    assert text.count("(samples.png)") == 1
    assert "| one |" not in text and r"| \1 two |" in text and "| curve |" in text
    (checkpoint / "README.md").unlink()
    write_measured(info, "| alone |")
    assert (checkpoint / "README.md").read_text().startswith("## Measured quality")


def test_a_curve_goes_on_where_it_was_stopped(evaluate, tmp_path, monkeypatch):
    out = tmp_path / "out"
    options = ("--curve", "--samplers", "ddim,heun", "--steps", "2,3", "--out", str(out))
    sampled = []
    monkeypatch.setattr(
        curve, "sample_images", lambda *a: sampled.append(a[1]) or sample_images(*a)
    )
    assert evaluate("--curve", "--samplers", "ddim", "--steps", "3", "--out", str(out))[0] == 0
    code, text, err = evaluate(*options)
    assert code == 0 and len(sampled) == 4  # the one point was there already
    assert {"curve.json", "curve.csv", "curve.png"} == {f.name for f in out.iterdir()}
    assert err.count("KID") == 4 and "not comparable with published" in text
    lines = (out / "curve.csv").read_text().splitlines()
    assert lines[0].startswith("sampler,spacing,num_steps,num_evaluations") and len(lines) == 5
    report = json.loads(evaluate(*options, "--json")[1])
    assert len(sampled) == 4
    evaluations = {(p["sampler"], p["num_steps"]): p["num_evaluations"] for p in report["points"]}
    assert evaluations == {("ddim", 2): 2, ("ddim", 3): 3, ("heun", 2): 3, ("heun", 3): 5}
    evaluate(*options[:-2], "--out", str(out), "--num-images", "10")  # other settings: afresh
    assert len(sampled) == 8


def test_what_knows_a_few_noise_levels_has_no_likelihood(evaluate, checkpoint):
    card = (checkpoint / "README.md").read_text()
    own = "made_for_steps: [2]\nlearned_steps: {ddim: {2: [990, 500]}}\nprior"
    (checkpoint / "README.md").write_text(card.replace("prior", own, 1))
    assert json.loads(evaluate("--json")[1])["bits"] is None
    assert "bits per dimension" not in evaluate()[1]


def test_a_curve_takes_the_checkpoints_own_timesteps_where_it_has_such(
    evaluate, checkpoint, tmp_path, monkeypatch
):
    keep_learned_steps(checkpoint, "ddim", [900.0, 10.0])
    asked = []
    monkeypatch.setattr(curve, "sample_images", lambda *a: asked.append(a[1]) or sample_images(*a))
    options = ("--curve", "--samplers", "ddim,unipc", "--steps", "2,3", "--out", str(tmp_path))
    points = json.loads(evaluate(*options, "--json")[1])["points"]
    found = {(p["sampler"], p["num_steps"]): p["spacing"] for p in points}
    own = dict.fromkeys([("ddim", 3), ("unipc", 2), ("unipc", 3)], "trailing")
    assert found == {("ddim", 2): "learned", **own}
    assert [recipe.spacing for recipe in asked] == [None, "trailing", "trailing", "trailing"]
    evaluate(*options, "--spacings", "trailing")
    assert len(asked) == 5  # the three are known


def test_a_curve_with_spacings_goes_into_the_card(evaluate, checkpoint, tmp_path):
    code, text, _ = evaluate(
        "--curve",
        "--samplers",
        "ddim",
        "--spacings",
        "trailing,karras",
        "--steps",
        "2",
        "--out",
        str(tmp_path / "out"),
        "--card",
    )
    assert code == 0
    card = (checkpoint / "README.md").read_text()
    for place in (text, card):
        assert "DDIM, trailing" in place and "DDIM, karras" in place
    assert "## KID against steps" in card and "## Measured quality" not in card


@pytest.mark.parametrize(
    "options, sentence",
    [
        (("--num-images", "3"), "num_images must be between 5 and"),
        (("--num-real", "6"), "num_real must be between 10 and"),
        (("--num-bits", "-1"), "num_bits must be between 0 and"),
        (("--features", "vgg"), "“vgg” is not known"),
        (("--sampler", "nonsense"), "nonsense"),
        (("--curve",), "--out DIR"),
        (("--curve", "--num-images", "2", "--out", "OUT"), "num_images must be between 5 and"),
        (("--curve", "--steps", "a", "--out", "OUT"), "5,10,20"),
        (("--curve", "--steps", "2000", "--out", "OUT"), "between 1 and 1000"),
        (("--curve", "--spacings", "odd", "--steps", "2", "--out", "OUT"), "“odd” is not known"),
    ],
)
def test_mistakes_are_one_sentence(evaluate, options, sentence, tmp_path):
    options = [str(tmp_path / "out") if option == "OUT" else option for option in options]
    code, out, err = evaluate(*options)
    assert code == 2 and out == ""
    assert sentence in err and "Traceback" not in err


def test_without_data_there_is_nothing_to_compare_with(evaluate, tmp_path):
    assert "--data DIR" in evaluate(data=None)[2]
    code, _, err = evaluate(data=tmp_path / "nowhere")
    assert code == 2 and "nowhere" in err


def test_real_pictures_in_folders_of_files(data, tmp_path, evaluate):
    arrays = {split: np.load(data / f"{split}.npy") for split in ("train", "heldout")}
    folder = tmp_path / "files"
    for split, images in arrays.items():
        (folder / split).mkdir(parents=True)
        for i, image in enumerate(images):
            Image.fromarray(image).save(folder / split / f"{i:03}.png")
    real = open_real(str(folder), 16, 3)
    assert real.is_heldout and real.name == "files"
    for found, split in ((real.reference, "heldout"), (real.train, "train")):
        assert {x.tobytes() for x in found} == {x.tobytes() for x in arrays[split]}
    # One folder alone: nobody knows what was held out.
    alone = open_real(str(folder / "heldout"), 8, 1, max_images=7)
    assert alone.reference.shape == (7, 8, 8, 1)
    assert alone.train is None and not alone.is_heldout
    code, out, _ = evaluate(data=folder / "heldout")
    assert code == 0 and "perhaps seen in training" in out and "nearest" not in out


def test_data_of_another_kind_is_refused(data, evaluate):
    with pytest.raises(UserError, match="16 x 16 x 3, but pictures of 32 x 32 x 3"):
        open_real(str(data), 32, 3)
    with pytest.raises(UserError, match="16 x 16 x 1 are needed"):
        open_real(str(data), 16, 1)
    np.save(data / "heldout.npy", np.zeros((4, 16, 16, 3)))
    with pytest.raises(UserError, match="float64"):
        open_real(str(data), 16, 3)
    (data / "heldout.npy").write_bytes(b"rubbish")
    with pytest.raises(UserError, match="heldout.npy"):
        open_real(str(data), 16, 3)
    (data / "heldout.npy").unlink()
    real = open_real(str(data), 16, 3)
    assert real.train is not None and not real.is_heldout and len(real.reference) == 40
    np.save(data / "heldout.npy", np.zeros((4, 16, 16, 3), dtype=np.uint8))
    code, _, err = evaluate()
    assert code == 2 and "only 4 pictures to compare with" in err


@pytest.mark.parametrize("sigma_255", [15, 50])
def test_one_step_is_the_posterior_mean(schedule, sigma_255):
    denoiser = GaussianDenoiser(schedule, mean=0.2, std=0.25)
    y = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    sigma = sigma_255 / 127.5
    expected = (0.2 * sigma**2 + y * 0.25**2) / (sigma**2 + 0.25**2)
    torch.testing.assert_close(posterior_mean(denoiser, y, sigma), expected, atol=1e-6, rtol=1e-5)
    noisy = ((y[0].permute(1, 2, 0) + 1) * 127.5).float().numpy()
    found = denoise_photo(denoiser, noisy, sigma_255)
    wanted = ((expected[0].permute(1, 2, 0) + 1) * 127.5).float().numpy()
    np.testing.assert_allclose(found, wanted, atol=0.01)


def test_scores_of_known_estimates():
    photo = np.full((16, 16, 3), 100, dtype=np.uint8)
    five_off = score("m", "p", 25, photo, photo + 5.0)
    assert five_off.psnr_db == pytest.approx(20 * np.log10(255 / 5))
    # What lies beyond white is white: only the one column that is 10 too dark counts.
    estimate = np.full(photo.shape, 300.0)
    estimate[:, 0] = 245
    clipped = score("m", "p", 25, np.full_like(photo, 255), estimate)
    assert clipped.psnr_db == pytest.approx(20 * np.log10(255 / 10) + 10 * np.log10(16))
    assert clipped.ssim < 1 == pytest.approx(score("m", "p", 25, photo, photo + 0.0001).ssim)
    noise = add_noise(photo, 25, seed=1) - 100.0
    assert noise.std() == pytest.approx(25, rel=0.1)
    assert np.array_equal(add_noise(photo, 25, seed=1), add_noise(photo, 25, seed=1))


def test_the_photographs_are_in_the_package_and_reduced_by_area():
    found = load_photos()
    assert tuple(found) == BUNDLED
    assert all(photo.shape == (256, 256, 3) for photo in found.values())
    import skimage.data

    astronaut = skimage.data.astronaut().reshape(256, 2, 256, 2, 3).mean((1, 3))
    assert np.abs(found["astronaut"] - astronaut).max() <= 1


def test_photographs_are_scored_whole_and_in_tiles(evaluate, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(photos, "SIZE_PX", 32)
    card = CARD.format(prior="photo\ntile_px: 16\noverlap_px: 4", sheet="samples.png")
    (checkpoint / "README.md").write_text(card)
    folder = tmp_path / "photographs"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("one", "two"):
        Image.fromarray(rng.integers(0, 256, (64, 70, 3), dtype=np.uint8)).save(
            folder / f"{name}.png"
        )
    code, out, _ = evaluate("--card", "--out", str(tmp_path / "out"), data=folder)
    assert code == 0
    for text in (out, (checkpoint / "README.md").read_text()):
        for part in (
            "whole picture",
            "tiles of 16",
            "sigma 15",
            "sigma 50",
            "one, two at 32 x 32",
        ):
            assert part in text
    report = json.loads(evaluate("--json", data=folder)[1])
    assert len(report["scores"]) == 2 * 2 * 3
    assert {s["method"] for s in report["scores"]} == {
        "whole picture",
        "tiles of 16, the checkpoint's own",
    }
    code, _, err = evaluate(data=tmp_path / "nothing")
    assert code == 2 and "no photographs in “nothing”" in err


def test_the_card_of_a_hub_checkpoint_is_not_ours(evaluate, checkpoint, monkeypatch):
    import dataclasses

    from ddpm_demo.checkpoints import library as checkpoints

    info = dataclasses.replace(checkpoints.find(str(checkpoint)), source="hub")
    monkeypatch.setattr(checkpoints, "find", lambda name: info)
    code, _, err = evaluate("--card")
    assert code == 2 and "is the Hub's" in err
