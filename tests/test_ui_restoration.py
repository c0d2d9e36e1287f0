"""The tabs of restoration as plain functions, on a tiny network: runs, masks, advice, mistakes."""

import shutil
import struct
import zlib

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from ddpm_demo.pictures import masks
from ddpm_demo.pictures.png_recipe import png_bytes, read_recipe
from ddpm_demo.tasks.deblur import DeblurRecipe
from ddpm_demo.ui.app import build_app
from ddpm_demo.ui.exports import export
from ddpm_demo.ui.restoration import mask_controls
from ddpm_demo.ui.restoration.measures import measure_words
from ddpm_demo.ui.restoration.pictures import EXAMPLES_FOLDER, picture_input
from ddpm_demo.ui.restoration.stage_picture import arrived, scene_of, stage_values
from ddpm_demo.ui.restoring import restored
from ddpm_demo.ui.stage import Said
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
    plain = {name: None if c.value == "" else c.value for name, c in controls.items()}
    return {**plain, "image": None}


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


def scene_after(ctx, tab, updates):
    """What the stage is given after a run."""
    return updates[ctx.flows[tab].view.stage.component]


def measures_after(ctx, tab, updates):
    """The table below the stage after a run."""
    return updates[ctx.flows[tab].view.measures]


def opened(rendition):
    with Image.open(rendition["full"]["path"]) as image:
        return np.asarray(image)


def sentence_of(ctx, tab, **changes):
    """What is said instead of a result, and the control that it stands at."""
    flow = ctx.flows[tab]
    run_id, updates = flow.on_run(values(ctx, tab, **changes), "en", ME)
    outputs = flow.finish_outputs
    if run_id is not None:
        list(flow.on_stream(run_id, "en", ME))
        updates = flow.on_finish(run_id, "en", ME)
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


def test_denoising_shows_estimate_measures_and_uncertainty(ctx, picture):
    record, updates = run_through(
        ctx, "denoise", image=picture, num_images=2, add_noise_255=40.0, perception=1.0
    )
    assert len(record.images) == 2 and record.images[0].size == (24, 16)
    scene, measures = (f(ctx, "denoise", updates) for f in (scene_after, measures_after))
    assert np.array_equal(opened(scene["before"][0]), np.asarray(record.extras["observed"]))
    for shown, image in zip(scene["samples"], record.images, strict=True):
        assert np.array_equal(opened(shown), np.asarray(image))
    assert "estimated" in measures and "dB (noisy:" in measures and "SSIM" in measures
    names = [layer["name"] for layer in scene["layers"]]
    assert names == ["sheet", "original", "mean", "uncertainty", "removed"]
    assert scene["layer"] == "" and scene["captions"][1]["en"].startswith("Picture 2 of 2")
    recipe = read_recipe(scene["samples"][0]["full"]["path"])
    assert recipe["task"] == "denoise" and recipe["metrics"]["psnr"]


def test_choosing_a_result_changes_the_measures(ctx, picture):
    record, _ = run_through(
        ctx, "denoise", image=picture, num_images=2, perception=1.0, add_noise_255=40.0
    )
    view = ctx.flows["denoise"].view
    (_, first), (_, second) = (view.on_select(record, Said(sample=k), "en") for k in (0, 1))
    assert first != second and "PSNR" in second
    assert view.on_select(None, Said(sample=1), "en")[1] == {"__type__": "update"}


def test_a_cancelled_run_can_be_compared_too(ctx, picture):
    flow = ctx.flows["upscale"]
    run_id, _ = flow.on_run(
        values(ctx, "upscale", image=picture, factor=2, num_steps=200), "en", ME
    )
    for scene, _ in flow.on_stream(run_id, "en", ME):
        if "x_t" in scene:
            flow.on_cancel("en", ME)
    updates = dict(zip(flow.finish_outputs, flow.on_finish(run_id, "en", ME), strict=True))
    scene = scene_after(ctx, "upscale", updates)
    assert scene["before"] and "Stopped at step" in updates[flow.view.status]
    # Which checkpoint it is, since it is not the one above the tabs; nothing was measured.
    measures = measures_after(ctx, "upscale", updates)
    assert "tinyphoto" in measures and "PSNR" not in measures


def test_upscaling_the_upload_and_a_reduced_copy(ctx, tmp_path):
    path = saved(tmp_path / "a.png", (32, 24))
    record, updates = run_through(ctx, "upscale", image=path, factor=2, reduce_first=False)
    assert record.images[0].size == (64, 48)
    assert "Reduced again" in measures_after(ctx, "upscale", updates)
    record, updates = run_through(ctx, "upscale", image=path, factor=2, reduce_first=True)
    assert record.images[0].size == (32, 24)
    assert "bicubic" in measures_after(ctx, "upscale", updates)
    assert record.metadata[0]["metrics"]["consistency_255"] <= 1


@pytest.mark.parametrize("tab", ["colourise", "deblur"])
def test_colours_and_sharpness(ctx, picture, tab):
    changes = {"blur_first": True} if tab == "deblur" else {}
    record, updates = run_through(ctx, tab, image=picture, **changes)
    assert record.job.recipe.task == tab and record.images[0].size == (24, 16)
    assert "dB" in measures_after(ctx, tab, updates)


def test_only_the_controls_that_apply_are_shown():
    names = ["radius_px", "length_px", "angle_degrees"]
    assert shown_with(DeblurRecipe, {"kind": "gaussian"}, names) == [True, False, False]
    assert shown_with(DeblurRecipe, {"kind": "motion"}, names) == [False, True, True]


def test_a_picture_says_its_size_or_what_is_wrong(ctx, tmp_path):
    stage, path = ctx.flows["denoise"].view.stage, tmp_path / "large.png"
    Image.new("1", (2600, 2000)).save(path)
    scene, status, said = arrived(stage, Said(upload=path, upload_name="photo.jpg"), "en")
    assert "5.2 megapixels" in status and said == ""
    assert (scene["picture"]["width"], scene["name"]) == (2600, "photo.jpg")
    assert scene["file"]["path"] == str(path)  # what a run reads is the upload itself
    path.write_text("no picture")
    scene, status, said = arrived(stage, Said(upload=path), "en")
    assert scene["picture"] is None and "notice-error" in said
    assert status == gr.skip()  # what is there stays, and what is said of it
    assert arrived(stage, Said(upload=path, turn=2), "en")[0]["turn"] == 2


def test_what_the_stage_tells_is_what_the_run_reads(ctx, monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    path = saved(tmp_path / "a.png", (24, 16))
    masks.half((24, 16)).save(tmp_path / "mask.png")
    said = {
        "upload": {"path": path, "name": "a.png"},
        "mask": {"path": str(tmp_path / "mask.png")},
    }
    stage = ctx.flows["inpaint"].view.stage
    given = {"image": path, "painted": str(tmp_path / "mask.png")}
    assert stage_values(stage, said) == given
    job = ctx.flows["inpaint"].prepare(values(ctx, "inpaint", image=said))
    assert job.inputs["image"].size == (24, 16) and masks.share(job.inputs["mask"]) == 0.5
    assert stage_values(stage, {}) == {"image": None, "painted": None}


def test_an_example_or_a_result_of_another_tab_stands_on_the_stage_with_its_own_mask(ctx, picture):
    stage = ctx.flows["inpaint"].view.stage
    scene = scene_of(stage, picture, masks.half((24, 16)))
    assert opened(scene["mask"]).mean() == 127.5 and scene["file"] is None
    assert scene_of(stage, picture)["mask"] is None
    example = EXAMPLES_FOLDER / "cat.png"
    assert scene_of(stage, str(example))["file"]["path"] == str(example)


@pytest.mark.parametrize("tab", TABS)
def test_examples_are_small_here_and_can_be_run(ctx, tab):
    module, flow = TABS[tab], ctx.flows[tab]
    assert 2 <= len(module.EXAMPLES) <= 6
    for example in module.EXAMPLES.values():
        path = EXAMPLES_FOLDER / example["image"]
        assert path.stat().st_size < 150_000
        assert set(example) <= {*flow.form.controls, "preset", "box"}
        job = flow.prepare(values(ctx, tab, **{**example, "image": str(path)}))
        assert job.recipe.checkpoint == example["checkpoint"]


@pytest.mark.parametrize("tab", TABS)
def test_a_picture_is_all_that_must_be_given(ctx, tab, picture):
    plain = {**at_first(ctx, tab), "image": picture}
    if tab == "inpaint":
        plain["preset"] = "half"
    job = ctx.flows[tab].prepare(plain)
    assert job.inputs["image"].size == (24, 16) and job.recipe.checkpoint


@pytest.mark.parametrize(
    ("tab", "changes"),
    [
        ("denoise", {"sigma_255": 12.0, "seed": 5}),
        ("inpaint", {"expand_left": 4, "feather_px": 3, "time_travel": 1}),
        ("upscale", {"factor": 2, "reduce_first": True, "sigma_255": 3.0}),
        ("deblur", {"kind": "motion", "angle_degrees": 30, "blur_first": True}),
    ],
)
def test_a_picture_restores_the_controls_of_its_tab(ctx, picture, tab, changes):
    before = values(ctx, tab, image=picture, **changes)
    record, _ = run_through(ctx, tab, image=picture, **changes)
    file = export(record, "png", ctx.store.folder(ME))
    recipe, note, _ = restored(ctx.models, str(file), "en")
    back = ctx.task_tabs[tab].control_values(recipe)
    assert "restored" in note and back["checkpoint"] == "tinyphoto"
    assert {name: back[name] for name in changes} == changes
    # In the precision that was used, which the picture says.
    used = record.job.recipe.replace(precision="float32")
    assert ctx.flows[tab].prepare({**before, **back}).recipe == used


@pytest.mark.parametrize("size", [(16, 16), (16, 32), (32, 16)])
def test_known_pixels_come_back_exactly_and_the_painted_ones_are_new(ctx, tmp_path, size):
    path = saved(tmp_path / "a.png", size)
    given = np.asarray(Image.open(path))
    hole = np.zeros(given.shape[:2], bool)
    hole[6:12, 4:10] = True
    painted = tmp_path / "mask.png"
    Image.fromarray(np.where(hole, 255, 0).astype(np.uint8)).save(painted)
    record, _ = run_through(ctx, "inpaint", image=path, painted=str(painted), num_images=2)
    folder = ctx.store.folder(ME)
    export(record, "png", folder)
    files = sorted(folder.rglob("a-inpainted*.png"))
    assert len(files) >= 2
    for file in files:
        result = np.asarray(Image.open(file).convert("RGB"))
        assert np.array_equal(result[~hole], given[~hole])
        assert not np.array_equal(result[hole], given[hole])


def test_a_shape_is_drawn_on_the_stage_and_needs_a_picture(ctx, monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    stage = ctx.flows["inpaint"].view.stage
    said = {"upload": {"path": saved(tmp_path / "a.png", (24, 16))}}
    scene = mask_controls.drawn_on(stage, "half", said)
    assert np.array_equal(opened(scene["mask"]), np.asarray(masks.half((24, 16))))
    for name, told in (("half", {}), ("no-such", said), ("", said)):
        assert "phase" not in mask_controls.drawn_on(stage, name, told)


def test_expanding_keeps_the_picture_inside(ctx, picture):
    record, _ = run_through(ctx, "inpaint", image=picture, expand_left=4, expand_bottom=8)
    result = np.asarray(record.images[0])
    assert result.shape == (24, 28, 3)
    assert np.array_equal(result[:16, 4:], np.asarray(Image.open(picture)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "mask is empty"),
        ({"preset": "no-such"}, "no mask preset"),
        ({"box": (0, 0, 100, 100)}, "covers the whole picture"),
        ({"box": (80, 0, 20, 100)}, "box holds no pixel"),
        ({"expand_left": None}, "number"),
        ({"expand_left": 5000}, "between 0 and 1024"),
    ],
)
def test_a_mask_that_cannot_be_is_one_sentence(ctx, picture, changes, words):
    assert words in sentence_of(ctx, "inpaint", image=picture, **changes)[0]


def test_a_mask_of_another_size_is_one_sentence(ctx, picture, tmp_path):
    path = tmp_path / "mask.png"
    masks.half((16, 24)).save(path)
    said, _ = sentence_of(ctx, "inpaint", image=picture, painted=str(path))
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
    changes = {"upscale": {"factor": 2}, "inpaint": {"preset": "half"}}.get(tab, {})
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
