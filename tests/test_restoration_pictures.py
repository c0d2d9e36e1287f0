"""Restoration from upload to file: sizes, exactness, transparency, metrics, and bad input."""

import io
import json
import shutil
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from ddpm_demo import (
    DDPM,
    ColouriseRecipe,
    DeblurRecipe,
    DenoiseRecipe,
    InpaintRecipe,
    UpscaleRecipe,
    UserError,
)
from ddpm_demo.cli import main
from ddpm_demo.pictures.masks import box, nothing
from ddpm_demo.pictures.png_recipe import read_recipe
from ddpm_demo.restoration import fit as prior
from ddpm_demo.restoration import noisy as engine
from ddpm_demo.tasks.registry import recipe_from_dict, tasks


@pytest.fixture(scope="module")
def photo_checkpoint(tiny_checkpoint, tmp_path_factory):
    """The tiny network as a prior of photographs, in tiles of 16."""
    folder = shutil.copytree(tiny_checkpoint, tmp_path_factory.mktemp("photo") / "tiny-photo")
    card = "---\nprior: photo\ntile_px: 16\noverlap_px: 4\n---\n"
    (folder / "README.md").write_text(card)
    return folder


@pytest.fixture(scope="module")
def photos(photo_checkpoint):
    return DDPM.from_pretrained(str(photo_checkpoint), "cpu")


@pytest.fixture(scope="module")
def objects(tiny_checkpoint):
    return DDPM.from_pretrained(str(tiny_checkpoint), "cpu")


def picture(width=22, height=18, mode="RGB", seed=0):
    rng = np.random.default_rng(seed)
    shape = {"L": (height, width), "RGB": (height, width, 3), "RGBA": (height, width, 4)}[mode]
    return Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))


def values(image):
    return np.asarray(image).astype(int)


def a_recipe(recipe_class, **fields):
    return recipe_class(**{"checkpoint": "tiny", "num_steps": 2, **fields})


def visible(image):
    """bool [H, W]: where there is a colour; under full transparency there is none."""
    if image.mode != "RGBA":
        return np.ones(image.size[::-1], bool)
    return np.asarray(image.getchannel("A")) > 0


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("method", ["engine", "repaint"])
def test_known_pixels_come_back_to_the_last_bit(photos, mode, method):
    image, mask = picture(mode=mode), box((22, 18), 30, 30, 60, 70)
    recipe = a_recipe(InpaintRecipe, num_images=2, method=method)
    run = photos.inpaint(recipe, image, mask)
    known = np.asarray(mask) == 0
    seen = known & visible(image)
    results = run.images()
    assert len(results) == 2 and run.fit.how == "tiles"
    for result in results:
        assert (result.size, result.mode) == (image.size, image.mode)
        assert (values(result)[seen] == values(image)[seen]).all()
        assert (values(result)[~known] != values(image)[~known]).any()
    if mode == "RGBA":
        cover = values(results[0])[..., 3]
        assert (cover[known] == values(image)[known][:, 3]).all() and (cover[~known] == 255).all()
    assert (values(results[0]) != values(results[1])).any()
    assert run.mean().size == run.uncertainty().size == image.size
    assert not values(run.uncertainty())[known].any() and run.uncertainty_255 > 0


def test_a_result_survives_its_png_and_carries_recipe_and_metrics(photos, tmp_path):
    run = photos.denoise(a_recipe(DenoiseRecipe, add_noise_255=20.0, seed=3), picture())
    result = run.images()[0]
    metadata = json.loads(json.dumps(run.metadata()))
    assert recipe_from_dict(metadata) == run.recipe
    assert metadata["metrics"] == run.metrics
    assert run.metrics["sigma_estimated"] and run.metrics["baseline"] == "noisy"
    mse = ((values(result) - values(run.original)) ** 2).mean()
    assert run.metrics["psnr"] == pytest.approx(10 * np.log10(255**2 / mse))
    assert run.original.tobytes() == picture().tobytes()
    assert run.observed.tobytes() != picture().tobytes()
    assert run.last.num_evaluations == 2


@pytest.mark.parametrize(
    "recipe",
    [
        a_recipe(DenoiseRecipe, sigma_255=10.0, perception=0.5),
        a_recipe(InpaintRecipe, expand=(1, 2, 3, 4), feather_px=3.0, method="repaint"),
        a_recipe(UpscaleRecipe, factor=8, reduce_first=True),
        a_recipe(ColouriseRecipe, reduce=True),
        a_recipe(DeblurRecipe, kind="motion", angle_degrees=-30.0),
    ],
)
def test_recipes_survive_json(recipe):
    assert recipe_from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_a_sample_depends_on_its_seed_alone(photos):
    mask = box((22, 18), 0, 0, 50, 50)

    def samples(**fields):
        return photos.inpaint(a_recipe(InpaintRecipe, **fields), picture(), mask).images()

    both = samples(num_images=2, seed=4)
    alone = samples(num_images=1, seed=5)
    assert abs(values(both[1]) - values(alone[0])).max() <= 1  # rounding of other batch sizes
    assert abs(values(both[0]) - values(both[1])).max() > 1


def test_feathering_changes_only_a_rim_around_the_hole(photos):
    image, mask = picture(40, 30), box((40, 30), 40, 40, 60, 60)
    run = photos.inpaint(a_recipe(InpaintRecipe, feather_px=3.0), image, mask)
    result = run.images()[0]
    changed = (values(result) != values(image)).any(-1)
    hole = np.asarray(mask) > 0
    grown = np.zeros_like(hole)
    rows, columns = np.nonzero(hole)
    grown[rows.min() - 3 : rows.max() + 4, columns.min() - 3 : columns.max() + 4] = True
    assert not (changed & ~grown).any() and (changed & grown & ~hole).any()


def test_expanding_fills_around_the_picture(photos):
    image = picture()
    recipe = a_recipe(InpaintRecipe, expand=(4, 0, 2, 3))
    run = photos.inpaint(recipe, image, nothing(image.size))
    result = run.images()[0]
    assert result.size == (28, 21) and run.original is None
    assert result.crop((4, 0, 26, 18)).tobytes() == image.tobytes()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("factor", [2, 3])
def test_an_enlarged_picture_reduces_to_itself(photos, mode, factor):
    image = picture(10, 9, mode)
    run = photos.upscale(a_recipe(UpscaleRecipe, factor=factor), image)
    result = run.images()[0]
    assert result.size == (10 * factor, 9 * factor) and result.mode == mode
    assert run.metrics["consistency_255"] <= 1
    colour = result.convert("RGB" if mode == "RGBA" else mode)
    reduced = values(colour.reduce(factor))
    seen = values(image.convert("RGB" if mode == "RGBA" else mode))
    assert abs(reduced - seen)[visible(image)].max() <= 1
    assert run.observed.size == result.size and run.original is None


def test_a_reduced_copy_is_compared_with_the_original_and_bicubic(photos):
    run = photos.upscale(a_recipe(UpscaleRecipe, factor=2, reduce_first=True), picture(23, 18))
    assert run.images()[0].size == run.original.size == (22, 18)
    assert run.metrics["baseline"] == "bicubic"
    assert {"psnr", "ssim", "baseline_psnr", "baseline_ssim"} <= set(run.metrics)


def test_colours_are_given_and_brightness_kept(photos):
    run = photos.colourise(a_recipe(ColouriseRecipe), picture(mode="L"))
    result = run.images()[0]
    assert result.mode == "RGB" and run.original is None
    inside = (values(result) > 0).all(-1) & (values(result) < 255).all(-1)
    difference = abs(values(result.convert("L")) - values(picture(mode="L")))
    assert inside.any() and difference[inside].max() <= 1
    assert photos.colourise(a_recipe(ColouriseRecipe), picture()).original is not None


@pytest.mark.parametrize("kind", ["gaussian", "motion"])
def test_deblurring_keeps_the_size(photos, kind):
    recipe = a_recipe(DeblurRecipe, kind=kind, radius_px=1.0, length_px=4.0, blur_first=True)
    run = photos.deblur(recipe, picture())
    assert run.images()[0].size == (22, 18) and run.metrics["baseline"] == "blurred"


def test_an_object_prior_squares_the_picture_and_its_mask(objects):
    image, mask = picture(40, 20), box((40, 20), 40, 40, 60, 60)
    run = objects.inpaint(a_recipe(InpaintRecipe), image, mask)
    assert run.fit.how == "square" and run.images()[0].size == (16, 16)
    known = values(run.observed) == values(run.original)
    assert known[0].all() and not known[8, 8].all()
    own = objects.inpaint(a_recipe(InpaintRecipe), picture(16, 16), box((16, 16), 0, 0, 50, 50))
    assert own.fit.how == "whole"
    small = objects.upscale(a_recipe(UpscaleRecipe, factor=2), picture(30, 20))
    assert small.images()[0].size == (16, 16) and small.metrics["consistency_255"] <= 1


def test_a_turned_photograph_is_turned_upright(photos):
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    picture(22, 18).save(file, "PNG", exif=exif)
    run = photos.denoise(a_recipe(DenoiseRecipe, sigma_255=5.0), Image.open(file))
    result = run.images()[0]
    assert result.size == (18, 22) and not result.getexif() and not result.info


def test_cancelled_runs_have_what_there_is(photos):
    recipe = a_recipe(InpaintRecipe, num_steps=4)
    run = photos.inpaint(recipe, picture(), box((22, 18), 0, 0, 50, 50))
    for step in run:
        if step.index == 2:
            break
    assert run.pictures(run.last)[0].size == (22, 18)
    assert run.metrics == {} and run.mean() is None and run.uncertainty() is None


def test_what_suits_a_picture_is_said_without_loading_anything(photos, objects):
    both = [objects.info, photos.info]
    assert prior.suitable_checkpoint(both) is photos.info
    assert prior.suitable_checkpoint([objects.info]) is None
    assert prior.fit(photos.info, 16, 16).how == "whole"


@pytest.mark.parametrize(
    "make, key",
    [
        (lambda: a_recipe(DenoiseRecipe, sigma_255=0.0), "range"),
        (lambda: a_recipe(DenoiseRecipe, sigma_255=300.0), "range"),
        (lambda: a_recipe(DenoiseRecipe, perception=2), "range"),
        (lambda: a_recipe(DenoiseRecipe, num_images=100), "range"),
        (lambda: a_recipe(InpaintRecipe, method="magic"), "choice"),
        (lambda: a_recipe(InpaintRecipe, expand=(1, 2)), "numbers_count"),
        (lambda: a_recipe(InpaintRecipe, expand=(1, 2, 3, 10**6)), "range"),
        (lambda: a_recipe(UpscaleRecipe, factor=5), "choice"),
        (lambda: a_recipe(DeblurRecipe, kind="magic"), "choice"),
        (lambda: a_recipe(DeblurRecipe, sigma_255=0.0), "range"),
    ],
)
def test_recipes_check_their_ranges(make, key):
    with pytest.raises(UserError) as caught:
        make()
    assert caught.value.key == key


@pytest.mark.parametrize(
    "start, key",
    [
        (lambda d: d.inpaint(a_recipe(InpaintRecipe), picture(), nothing((22, 18))), "mask_empty"),
        (
            lambda d: d.inpaint(a_recipe(InpaintRecipe), picture(), Image.new("L", (22, 18), 255)),
            "mask_full",
        ),
        (
            lambda d: d.inpaint(
                a_recipe(InpaintRecipe, feather_px=20),
                picture(),
                Image.new("L", (22, 18), 255).crop((0, 0, 22, 19)).crop((0, 1, 22, 19)),
            ),
            "mask_full_feathered",
        ),
        (lambda d: d.inpaint(a_recipe(InpaintRecipe), picture(), nothing((9, 9))), "mask_size"),
        (lambda d: d.denoise(a_recipe(DenoiseRecipe), picture(1, 1)), "restoration_too_small"),
        (lambda d: d.upscale(a_recipe(UpscaleRecipe), picture(4, 4)), "restoration_too_small"),
        (
            lambda d: d.upscale(a_recipe(UpscaleRecipe, factor=8), picture(3000, 2400)),
            "restoration_too_large",
        ),
        (
            lambda d: d.upscale(a_recipe(UpscaleRecipe, reduce_first=True), picture(16, 16)),
            "upscale_reduced_too_small",
        ),
    ],
)
def test_what_cannot_be_restored_is_said_in_one_sentence(photos, start, key):
    with pytest.raises(UserError) as caught:
        start(photos)
    assert caught.value.key == key and str(caught.value).endswith(".")


def test_a_large_picture_is_reduced_on_request(photos, monkeypatch):
    monkeypatch.setattr(prior, "MAX_MEGAPIXELS", 0.0003)
    recipe = a_recipe(DenoiseRecipe, sigma_255=9.0)
    with pytest.raises(UserError):
        photos.denoise(recipe, picture())
    run = photos.denoise(recipe.replace(reduce=True), picture())
    width, height = run.images()[0].size
    assert width * height <= 300 and width / height == pytest.approx(22 / 18, rel=0.1)
    mask = box((22, 18), 0, 0, 50, 50)
    reduced = photos.inpaint(a_recipe(InpaintRecipe, reduce=True), picture(), mask)
    assert reduced.images()[0].size == (width, height)


def test_a_checkpoint_of_grey_pictures_gives_no_colours():
    with pytest.raises(UserError) as caught:
        recipe = a_recipe(ColouriseRecipe)
        DDPM.from_pretrained("fashion-32", "cpu").colourise(recipe, picture(32, 32))
    assert caught.value.key == "colourise_grey_prior"


def huge_png():
    """20,000 x 20,000 grey pixels, all black, in about 50 kB."""
    rows = zlib.compressobj(9)
    line = b"\0" * 20_001
    data = b"".join(rows.compress(line) for _ in range(20_000)) + rows.flush()

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def saved(kind, **options):
    file = io.BytesIO()
    picture(64, 48).save(file, kind, **options)
    return file.getvalue()


BAD_FILES = {
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "pdf.png": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    "truncated.jpg": saved("JPEG")[:600],
    "empty.png": b"",
    "tiny.png": (lambda file: (picture(1, 1).save(file, "PNG"), file.getvalue())[1])(io.BytesIO()),
}


@pytest.fixture
def command(photo_checkpoint, tmp_path, capsys):
    """Run a command on the tiny prior of photographs; gives (exit code, stdout, stderr)."""

    def run(name, image, *options):
        out = ["--out", str(tmp_path / "out"), "--checkpoint", str(photo_checkpoint)]
        code = main([name, str(image), *out, *options])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def image_file(tmp_path):
    path = tmp_path / "image.png"
    picture().save(path)
    return path


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_one_sentence(command, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(BAD_FILES[name])
    code, stdout, stderr = command("denoise", path)
    assert code == 2 and stdout == "" and stderr.count("\n") == 1 and stderr.endswith(".\n")


def test_a_small_file_with_a_huge_picture_is_one_sentence(command, tmp_path):
    path = tmp_path / "huge.png"
    path.write_bytes(huge_png())
    assert path.stat().st_size < 500_000
    code, _, stderr = command("denoise", path)
    assert code == 2 and stderr.count("\n") == 1 and "100 million" in stderr


def test_odd_files_work(command, tmp_path):
    """The first frame of an animation; a picture with broken EXIF data."""
    animation, broken = tmp_path / "a.gif", tmp_path / "b.jpg"
    frames = [picture(seed=s) for s in range(3)]
    frames[0].save(animation, save_all=True, append_images=frames[1:])
    broken.write_bytes(saved("JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x12" * 30))
    for path in (animation, broken):
        code, _, stderr = command("denoise", path, "--sigma-255", "10")
        assert code == 0, stderr
        (written,) = (tmp_path / "out").glob(f"{path.stem}-denoised.*")
        assert written.suffix == (".jpg" if path is broken else ".png")
        assert Image.open(written).size == Image.open(path).size


@pytest.mark.parametrize(
    "name, options",
    [
        ("denoise", ["--add-noise-255", "25", "--perception", "0.5", "--num-images", "2"]),
        ("inpaint", ["--expand", "2", "0", "0", "0"]),
        ("upscale", ["--factor", "2", "--reduce-first"]),
        ("colourise", []),
        ("deblur", ["--kind", "motion", "--length-px", "3", "--blur-first"]),
    ],
)
def test_commands_write_pictures_and_report_numbers(command, image_file, tmp_path, name, options):
    code, stdout, stderr = command(name, image_file, "--num-steps", "2", "--json", *options)
    assert code == 0 and stderr == ""
    report = json.loads(stdout)
    out = tmp_path / "out"
    kind = tasks()[name].result_suffix
    result = out / (f"image-{kind}-seed-0.png" if name == "denoise" else f"image-{kind}.png")
    assert str(result) in report["files"]
    assert str(out / f"image-{kind}-observed.png") in report["files"]
    assert report["recipe"]["task"] == name
    assert report["fit"]["how"] == ("reduced" if name == "colourise" else "tiles")
    assert ("psnr" in report["metrics"]) == (name != "inpaint")
    recipe = read_recipe(result)
    assert recipe["task"] == name and recipe["checkpoint"] == "tiny-photo"


def test_the_mask_of_the_command_is_the_mask_used(command, image_file, tmp_path):
    mask = tmp_path / "mask.png"
    box((22, 18), 0, 0, 50, 50).save(mask)
    code, *_ = command("inpaint", image_file, "--mask", str(mask), "--num-steps", "2")
    assert code == 0
    result = Image.open(tmp_path / "out" / "image-inpainted.png")
    changed = (values(result) != values(picture())).any(-1)
    assert changed.any() and not changed[np.asarray(Image.open(mask)) == 0].any()


@pytest.mark.parametrize(
    "name, options, word",
    [
        ("denoise", ["--sigma-255", "300"], "sigma_255"),
        ("denoise", ["--perception", "nan"], "perception"),
        ("inpaint", [], "mask"),
        ("inpaint", ["--mask", "nothing.png"], "nothing.png"),
        ("upscale", ["--factor", "7"], "7"),
        ("deblur", ["--kind", "lens"], "lens"),
    ],
)
def test_wrong_options_are_one_sentence(command, image_file, name, options, word):
    code, stdout, stderr = command(name, image_file, *options)
    assert code == 2 and stdout == "" and stderr.count("\n") == 1 and word in stderr


@pytest.mark.parametrize("sigma_255", [None, 25.0])
def test_grey_noise_is_the_same_in_all_channels_and_is_removed(sigma_255):
    """A grey photograph and a prior of colours: the copies must not be taken for three draws."""
    skimage = pytest.importorskip("skimage.data")
    image = Image.fromarray(skimage.chelsea()[60:124, 120:184]).convert("L")
    ddpm = DDPM.from_pretrained("photos", "cpu")
    recipe = DenoiseRecipe(checkpoint="photos", sigma_255=sigma_255, add_noise_255=25.0)
    run = ddpm.denoise(recipe, image)
    assert run.images()[0].mode == run.observed.mode == "L"
    assert run.metrics["baseline_psnr"] == pytest.approx(20.2, abs=0.5)
    assert run.metrics["sigma_255"] == pytest.approx(25, rel=0.1)
    assert run.metrics["psnr"] > run.metrics["baseline_psnr"] + 5


@pytest.mark.parametrize("sigma_255", [None, 50.0])
def test_noise_that_a_file_cut_off_at_black_is_not_taken_for_light(monkeypatch, sigma_255):
    """A dark photograph with much noise, as 8 bits hold it."""
    skimage = pytest.importorskip("skimage.data")
    clean = skimage.rocket()[100:196, 40:136] / 2
    noisy = clean + np.random.default_rng(0).normal(0, 50, clean.shape)
    image = Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
    ddpm = DDPM.from_pretrained("photos", "cpu")
    recipe = DenoiseRecipe(checkpoint="photos", sigma_255=sigma_255)
    run = ddpm.denoise(recipe, image)
    brightness = values(run.images()[0]).mean()
    assert run.metrics["sigma_255"] == pytest.approx(50, rel=0.05)
    assert run.observed.tobytes() == image.tobytes()
    monkeypatch.setattr(engine, "unclip", lambda y, sigma: y)
    without = values(ddpm.denoise(recipe, image).images()[0]).mean()
    assert abs(brightness - clean.mean()) < 0.3 * (without - clean.mean())
