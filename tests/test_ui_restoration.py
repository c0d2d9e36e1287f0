"""The tabs of restoration as plain functions, on a tiny network: runs, masks, advice, mistakes."""

import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ddpm_demo.pictures import masks
from ddpm_demo.pictures.png_recipe import png_bytes, read_recipe
from ddpm_demo.tasks.deblur import DeblurRecipe
from ddpm_demo.ui.app import build_app
from ddpm_demo.ui.components.before_after import before_after_value
from ddpm_demo.ui.exports import export
from ddpm_demo.ui.restoration import mask_controls
from ddpm_demo.ui.restoration.comparison import measure_words
from ddpm_demo.ui.restoration.pictures import EXAMPLES_FOLDER, picture_facts, picture_input
from ddpm_demo.ui.restoring import restored
from ddpm_demo.ui.tabs import colourise, deblur, denoise, inpaint, upscale
from ddpm_demo.ui.tabs.task.fields import shown_with

ME = "visitor"
TABS = {
    "denoise": denoise,
    "inpaint": inpaint,
    "upscale": upscale,
    "colourise": colourise,
    "deblur": deblur,
}
PHOTO_CARD = "---\ntitle: Tiny photographs\nsize_px: 16\nprior: photo\n---\n# tiny\n"


@pytest.fixture(scope="module")
def app(tiny_checkpoint, tmp_path_factory):
    """The page with the tiny network as a prior of objects and as one of photographs."""
    photo = tmp_path_factory.mktemp("photo") / "tinyphoto"
    shutil.copytree(tiny_checkpoint, photo)
    (photo / "README.md").write_text(PHOTO_CARD)
    return build_app("tiny", "en", {"tiny": str(tiny_checkpoint), "tinyphoto": str(photo)})


@pytest.fixture
def ctx(app):
    yield app.ctx
    app.ctx.store.forget(ME)


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """Path of a smooth 24 x 16 colour picture."""
    return saved(tmp_path_factory.mktemp("pictures") / "picture.png", (24, 16))


def saved(path, size):
    width, height = size
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    pixels = np.stack([x, y, 255 - x], -1).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return str(path)


def at_first(ctx, tab):
    """What the controls hold when the page opens; an empty number, an empty text, is None."""
    controls = ctx.flows[tab].form.controls
    return {name: None if c.value == "" else c.value for name, c in controls.items()}


def values(ctx, tab, **changes):
    """What the controls say when the page opens, with few steps and a photograph's prior."""
    plain = at_first(ctx, tab)
    plain |= {"checkpoint": "tinyphoto", "num_steps": 2, "num_images": 1, "painted": None}
    plain["seed"] = 0
    return {**plain, **changes}


def run_through(ctx, tab, **changes):
    """Run, stream and finish; returns (record, updates by component)."""
    flow = ctx.flows[tab]
    run_id, updates = flow.on_run(values(ctx, tab, **changes), "en", ME)
    assert run_id is not None, [u for u in updates if u]
    list(flow.on_stream(run_id, "en", ME))
    finished = flow.on_finish(run_id, "en", ME)
    assert len(finished) == len(flow.finish_outputs)
    return ctx.store.result(ME, tab), dict(zip(flow.finish_outputs, finished, strict=True))


def extra(ctx, tab, updates):
    """[against, slider, measures, beside, chosen] after a run."""
    return [updates[component] for component in ctx.flows[tab].extra_outputs]


def sentence_of(ctx, tab, **changes):
    """What is said instead of a result, and the control that it stands at."""
    flow = ctx.flows[tab]
    run_id, updates = flow.on_run(values(ctx, tab, **changes), "en", ME)
    outputs = [*flow.frame_outputs, *flow.result.outputs]
    if run_id is not None:
        list(flow.on_stream(run_id, "en", ME))
        outputs, updates = flow.finish_outputs, flow.on_finish(run_id, "en", ME)
    shown = dict(zip(outputs, updates, strict=True))
    assert shown[flow.bar.run]["interactive"] is True
    for name, control in flow.form.controls.items():
        if "invalid" in (shown.get(control, {}).get("elem_classes") or []):
            return shown[control]["info"], name
    notices = [
        shown[notice] for notice in flow.form.error_outputs if isinstance(shown[notice], str)
    ]
    said = [words for words in [*notices, shown[flow.bar.notice]] if words]
    return (said[0] if said else ""), None


def test_an_empty_number_is_none_and_not_the_zero_that_gradio_would_show(ctx):
    steps = ctx.flows["denoise"].form.controls["num_steps"]
    assert steps.postprocess(None) == "" == steps.value
    assert [steps.preprocess(given) for given in (None, "", 0, 7)] == [None, None, 0, 7]
    assert steps.placeholder == "automatic" and steps.get_block_name() == "number"


def test_the_canvas_is_set_once_for_each_picture(ctx, app):
    """What is painted is gone whenever Gradio updates the editor, be it only by a status."""
    controls = ctx.flows["inpaint"].form.controls
    setters = [fn for fn in app.fns.values() if controls["painted"] in fn.outputs]
    triggers = {target for fn in setters for target in fn.targets}
    loads = {target for target in triggers if target[1] == "load"}
    changes = {(controls["image"]._id, "change"), (ctx.language._id, "change")}
    assert triggers - loads == changes
    canvas = mask_controls._Canvas()
    new = [canvas.is_new(path) for path in ("a", "a", "b", None, "b")]
    assert new == [True, False, True, True, True]


def test_denoising_shows_estimate_measures_and_uncertainty(ctx, picture):
    record, updates = run_through(
        ctx, "denoise", image=picture, num_images=2, add_noise_255=40.0, perception=1.0
    )
    assert len(record.images) == 2 and record.images[0].size == (24, 16)
    against, slider, measures, beside, _ = extra(ctx, "denoise", updates)
    assert [name for _, name in against["choices"]] == ["observed", "original", "mean"]
    assert slider[0].size == slider[1].size
    assert "estimated" in measures and "dB (noisy:" in measures and "SSIM" in measures
    assert [Path(path).stem for path, _ in beside["value"]] == [
        "observed",
        "original",
        "mean",
        "uncertainty",
        "removed",
    ]
    recipe = read_recipe(export(record, "png", ctx.store.folder(ME)).parent / "seed-0.png")
    assert recipe["task"] == "denoise" and recipe["metrics"]["psnr"]


def test_choosing_a_result_changes_slider_and_measures(ctx, picture):
    record, updates = run_through(
        ctx, "denoise", image=picture, num_images=2, perception=1.0, add_noise_255=40.0
    )
    flow = ctx.flows["denoise"]
    found = flow.extra_values.__self__
    first, second = (found.on_choice("original", index, "en", ME) for index in (0, 1))
    assert np.array_equal(np.asarray(first[0][0]), np.asarray(second[0][0]))
    assert not np.array_equal(np.asarray(first[0][1]), np.asarray(second[0][1]))
    expected = before_after_value(record.extras["original"], record.images[1])[1]
    assert np.array_equal(np.asarray(second[0][1]), np.asarray(expected))
    assert first[1] != second[1]


def test_a_cancelled_run_can_be_compared_too(ctx, picture):
    flow = ctx.flows["upscale"]
    run_id, _ = flow.on_run(
        values(ctx, "upscale", image=picture, factor=2, num_steps=200), "en", ME
    )
    for _, status in flow.on_stream(run_id, "en", ME):
        if "Step" in str(status):
            flow.on_cancel("en", ME)
    updates = dict(zip(flow.finish_outputs, flow.on_finish(run_id, "en", ME), strict=True))
    _, slider, measures, beside, _ = extra(ctx, "upscale", updates)
    assert slider[1].size == slider[0].size and measures == ""
    assert "observed" in [Path(path).stem for path, _ in beside["value"]]


def test_upscaling_the_upload_and_a_reduced_copy(ctx, tmp_path):
    path = saved(tmp_path / "a.png", (32, 24))
    record, updates = run_through(ctx, "upscale", image=path, factor=2, reduce_first=False)
    assert record.images[0].size == (64, 48)
    assert "Reduced again" in extra(ctx, "upscale", updates)[2]
    record, updates = run_through(ctx, "upscale", image=path, factor=2, reduce_first=True)
    assert record.images[0].size == (32, 24)
    assert "bicubic" in extra(ctx, "upscale", updates)[2]
    assert record.metadata[0]["metrics"]["consistency_255"] <= 1


@pytest.mark.parametrize("tab", ["colourise", "deblur"])
def test_colours_and_sharpness(ctx, picture, tab):
    changes = {"blur_first": True} if tab == "deblur" else {}
    record, updates = run_through(ctx, tab, image=picture, **changes)
    assert record.job.recipe.task == tab and record.images[0].size == (24, 16)
    assert "dB" in extra(ctx, tab, updates)[2]


def test_only_the_controls_that_apply_are_shown():
    names = ["radius_px", "length_px", "angle_degrees"]
    assert shown_with(DeblurRecipe, {"kind": "gaussian"}, names) == [True, False, False]
    assert shown_with(DeblurRecipe, {"kind": "motion"}, names) == [False, True, True]


def test_a_picture_says_its_size_or_what_is_wrong(tmp_path):
    path = tmp_path / "large.png"
    Image.new("1", (2600, 2000)).save(path)
    assert "5.2 megapixels" in picture_facts(str(path), "en")
    path.write_text("no picture")
    assert "notice-error" in picture_facts(str(path), "en") and picture_facts(None, "en") == ""


@pytest.mark.parametrize("tab", TABS)
def test_examples_are_small_here_and_can_be_run(ctx, tab):
    module, flow = TABS[tab], ctx.flows[tab]
    assert 2 <= len(module.EXAMPLES) <= 6
    for example in module.EXAMPLES.values():
        path = EXAMPLES_FOLDER / example["image"]
        assert path.stat().st_size < 150_000
        assert set(example) <= set(flow.form.controls)
        job = flow.prepare(values(ctx, tab, **{**example, "image": str(path)}))
        assert job.recipe.checkpoint == example["checkpoint"]


@pytest.mark.parametrize("tab", TABS)
def test_a_picture_is_all_that_must_be_given(ctx, tab, picture):
    plain = {**at_first(ctx, tab), "image": picture, "painted": None}
    job = ctx.flows[tab].prepare(plain)
    assert job.inputs["image"].size == (24, 16) and job.recipe.checkpoint


@pytest.mark.parametrize(
    ("tab", "changes"),
    [
        ("denoise", {"sigma_255": 12.0, "seed": 5}),
        ("inpaint", {"mask": "expand", "expand_left": 4, "feather_px": 3, "time_travel": 1}),
        ("upscale", {"factor": 2, "reduce_first": True, "sigma_255": 3.0}),
        ("deblur", {"kind": "motion", "angle_degrees": 30, "blur_first": True}),
    ],
)
def test_a_picture_restores_the_controls_of_its_tab(ctx, picture, tab, changes):
    before = values(ctx, tab, image=picture, **changes)
    record, _ = run_through(ctx, tab, image=picture, **changes)
    file = export(record, "png", ctx.store.folder(ME))
    recipe, note = restored(ctx.models, str(file), "en")
    back = ctx.task_tabs[tab].control_values(recipe)
    assert "restored" in note and back["checkpoint"] == "tinyphoto"
    assert {name: back[name] for name in changes} == changes
    # In the precision that was used, which the picture says.
    used = record.job.recipe.replace(precision="float32")
    assert ctx.flows[tab].prepare({**before, **back}).recipe == used


def painting(size, corners):
    """The editor's value with a rectangle painted where the picture shows those corners."""
    left, top, right, _ = masks.canvas_box(size, mask_controls.CANVAS_PX)
    scale = (right - left) / size[0]
    x0, y0, x1, y1 = corners
    layer = Image.new("RGBA", (mask_controls.CANVAS_PX,) * 2, (0, 0, 0, 0))
    box = [left + x0 * scale, top + y0 * scale, left + x1 * scale - 1, top + y1 * scale - 1]
    ImageDraw.Draw(layer).rectangle(box, fill=(230, 0, 126, 255))
    return {"background": None, "layers": [layer], "composite": None}


@pytest.mark.parametrize("size", [(16, 16), (16, 32), (32, 16)])
def test_known_pixels_come_back_exactly_and_the_painted_ones_are_new(ctx, tmp_path, size):
    path = saved(tmp_path / "a.png", size)
    corners = (4, 6, 10, 12)
    record, _ = run_through(
        ctx, "inpaint", image=path, mask="paint", painted=painting(size, corners), num_images=2
    )
    given = np.asarray(Image.open(path))
    hole = np.zeros(given.shape[:2], bool)
    hole[corners[1] : corners[3], corners[0] : corners[2]] = True
    folder = ctx.store.folder(ME)
    export(record, "png", folder)
    files = sorted(folder.rglob("seed-*.png"))
    assert len(files) >= 2
    for file in files:
        result = np.asarray(Image.open(file).convert("RGB"))
        assert np.array_equal(result[~hole], given[~hole])
        assert not np.array_equal(result[hole], given[hole])


def test_inverting_fills_the_rest(ctx, picture):
    plain = values(ctx, "inpaint", mask="preset", preset="half")
    mask = mask_controls.mask_of(plain, (24, 16))
    other = mask_controls.mask_of({**plain, "invert": True}, (24, 16))
    assert masks.share(mask) == 0.5
    assert np.array_equal(np.asarray(other), 255 - np.asarray(mask))


def test_expanding_keeps_the_picture_inside(ctx, picture):
    record, _ = run_through(
        ctx, "inpaint", image=picture, mask="expand", expand_left=4, expand_bottom=8
    )
    result = np.asarray(record.images[0])
    assert result.shape == (24, 28, 3)
    assert np.array_equal(result[:16, 4:], np.asarray(Image.open(picture)))


def test_a_mask_file_of_the_pictures_size(ctx, picture, tmp_path):
    path = tmp_path / "mask.png"
    masks.half((24, 16)).save(path)
    record, _ = run_through(ctx, "inpaint", image=picture, mask="picture", mask_image=str(path))
    given, result = np.asarray(Image.open(picture)), np.asarray(record.images[0])
    assert np.array_equal(result[:, :12], given[:, :12])
    assert not np.array_equal(result[:, 12:], given[:, 12:])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mask": "paint"}, "mask is empty"),
        ({"mask": "expand"}, "mask is empty"),
        ({"mask": "paint", "invert": True}, "covers the whole picture"),
        ({"mask": "box", "box_left": 80, "box_right": 20}, "box holds no pixel"),
        ({"mask": "box", "box_left": None}, "number"),
        ({"mask": "picture"}, "picture first"),
        ({"mask": "expand", "expand_left": 5000}, "between 0 and 1024"),
    ],
)
def test_a_mask_that_cannot_be_is_one_sentence(ctx, picture, changes, words):
    assert words in sentence_of(ctx, "inpaint", image=picture, **changes)[0]


def test_a_mask_of_another_size_is_one_sentence(ctx, picture, tmp_path):
    path = tmp_path / "mask.png"
    masks.half((16, 24)).save(path)
    said, _ = sentence_of(ctx, "inpaint", image=picture, mask="picture", mask_image=str(path))
    assert "16 x 24 pixels but the picture has 24 x 16" in said


def bomb():
    """A PNG of 20,000 x 20,000 pixels in 100 kB or less."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(2501) * 2000, 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def bad_files(folder):
    """{name: (path, words of the sentence)}."""
    jpeg = folder / "whole.jpg"
    Image.effect_noise((64, 64), 90).convert("RGB").save(jpeg)
    contents = {
        "bomb.png": (bomb(), "million pixels"),
        "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        "paper.png": (b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF", "not a picture"),
        "cut.jpg": (jpeg.read_bytes()[:900], "not a picture"),
        "dot.png": (png_bytes(Image.new("RGB", (1, 1))), "at least"),
        "empty.png": (b"", "not a picture"),
    }
    for name, (content, words) in contents.items():
        (folder / name).write_bytes(content)
        yield name, str(folder / name), words


@pytest.mark.parametrize("tab", TABS)
def test_bad_files_are_one_sentence_and_the_tab_goes_on(ctx, tab, tmp_path, picture):
    for name, path, words in bad_files(tmp_path):
        said, _ = sentence_of(ctx, tab, image=path)
        assert words in said, name
    assert "picture first" in sentence_of(ctx, tab, image=None)[0]
    changes = {"factor": 2} if tab == "upscale" else {}
    assert run_through(ctx, tab, image=picture, **changes)[0].images


def test_odd_files_work(ctx, tmp_path):
    frames = [Image.new("RGB", (24, 16), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    exif = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff broken"
    frames[0].save(tmp_path / "exif.jpg", exif=exif)
    frames[0].convert("CMYK").save(tmp_path / "cmyk.jpg")
    frames[0].convert("P").save(tmp_path / "palette.png")
    deep = np.linspace(0, 65535, 24 * 16).reshape(16, 24).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    for file in ("moving.gif", "exif.jpg", "cmyk.jpg", "palette.png", "deep.png"):
        record, _ = run_through(ctx, "denoise", image=str(tmp_path / file))
        assert record.images[0].size == (24, 16), file


def test_alpha_is_kept(ctx, tmp_path):
    image = Image.new("RGBA", (24, 16), (200, 40, 40, 255))
    image.putalpha(Image.linear_gradient("L").resize((24, 16)))
    image.save(tmp_path / "alpha.png")
    record, _ = run_through(ctx, "denoise", image=str(tmp_path / "alpha.png"))
    assert np.array_equal(np.asarray(record.images[0])[..., 3], np.asarray(image)[..., 3])


@pytest.mark.parametrize("sigma", [0, 300])
def test_a_noise_level_that_cannot_be_stands_at_its_control(ctx, picture, sigma):
    said, field = sentence_of(ctx, "denoise", image=picture, sigma_255=sigma)
    assert "Noise level must be between" in said and field == "sigma_255"


def test_eight_times_a_tiny_picture(ctx, tmp_path):
    path = saved(tmp_path / "tiny.png", (4, 4))
    assert "4 x 4" in sentence_of(ctx, "upscale", image=path, factor=8, reduce_first=False)[0]


def test_the_preview_says_what_will_be_filled(ctx, picture):
    image = Image.open(picture)
    plain = values(ctx, "inpaint", mask="preset", preset="half")
    assert "50 % will be filled" in mask_controls.preview_html(image, plain, "en")
    assert mask_controls.preview_html(image, {**plain, "mask": "paint"}, "en") == ""
    assert mask_controls.preview_html(None, plain, "en") == ""
    wide = {**plain, "mask": "expand", "expand_right": 8}
    assert "32 × 16" in mask_controls.preview_html(image, wide, "en")
    wrong = {**plain, "mask": "box", "box_left": 90, "box_right": 10}
    assert "notice-error" in mask_controls.preview_html(image, wrong, "en")


def test_files_reach_the_handlers_as_they_were_uploaded(tmp_path):
    from gradio.data_classes import ImageData

    path = tmp_path / "paper.png"
    path.write_bytes(b"%PDF-1.7")
    first = picture_input()
    component = type(first)(**first.constructor_args)  # as Gradio does for a session
    assert component.get_block_name() == "image"
    assert component.preprocess(ImageData(path=str(path), orig_name="paper.png")) == str(path)
    assert component.preprocess(None) is None


def test_measures_in_words():
    metrics = {
        "sigma_255": 24.61,
        "sigma_estimated": True,
        "psnr": 29.123,
        "ssim": 0.91,
        "baseline": "bicubic",
        "baseline_psnr": 24.0,
        "baseline_ssim": 0.8,
        "consistency_255": 0.25,
    }
    words = dict(measure_words(metrics, "en"))
    assert words["Noise level, estimated"] == "24.6"
    assert words["PSNR against the original"] == "29.1 dB (bicubic: 24.0 dB)"
    assert words["Reduced again, off by at most"] == "0.25 levels of 255"
    assert len(measure_words(metrics, "zh-CN")) == 4 and measure_words({}, "en") == []
