"""A page with stages and nothing else, for `test_stage.py`: `python stage_app.py PORT`."""

import json
import sys
import threading
import time
from pathlib import Path

import gradio as gr
import numpy as np
from PIL import Image

from ddpm_demo.ui.page import Page
from ddpm_demo.ui.stage import CSS_PATH, Stage, head
from ddpm_demo.ui.theme import make_theme


def picture(width, height, seed=0):
    """Smooth colours with a grid of lines, so that a shift or another size is seen."""
    y, x = np.mgrid[:height, :width]
    red, green = 255 * x / max(1, width - 1), 255 * y / max(1, height - 1)
    pixels = np.stack([red, green, np.full_like(red, 40 + 50 * seed)], -1)
    spacing = max(2, min(width, height) // 16)
    pixels[(x % spacing == 0) | (y % spacing == 0)] *= 0.6
    return Image.fromarray(pixels.astype(np.uint8))


def noisy(image, share, seed=0):
    noise = np.random.default_rng(seed).normal(0, 255 * share, (image.height, image.width, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def build():
    with Page(title="stage", analytics_enabled=False, fill_width=True) as page:
        with gr.Tabs():
            with gr.Tab("Restore"):
                restore_tab()
            with gr.Tab("Generate"):
                generate_tab()
    return page


def restore_tab():
    stage = Stage("restore", "picture+mask")
    run = gr.Button("Run")
    stop = gr.Button("Stop without a result")
    half = gr.Button("Left half")
    hold = gr.Checkbox(label="Wait at step 10")
    further = gr.Button("Go on")
    go_on = threading.Event()
    heard = gr.Textbox(label="Heard", elem_id="heard")

    def put(said):
        told = stage.read(said)
        with Image.open(told.upload) as image:
            image = image.convert("RGB")
        return stage.show(image, path=str(told.upload), name=told.upload_name)

    def hear(said):
        told = stage.read(said)
        share = None
        if told.mask:
            with Image.open(told.mask) as image:
                share = [
                    *image.size,
                    round(float((np.asarray(image.convert("L")) > 127).mean()), 4),
                ]
        return json.dumps(
            {"upload": told.upload_name, "mask": share, "filled": round(told.filled, 4)}
            | {"sample": told.sample, "step": told.step, "layer": told.layer}
        )

    def restore(said, waits):
        go_on.clear()
        told = stage.read(said)
        with Image.open(told.upload) as image:
            image = image.convert("RGB")
        small = image.resize((64, 48))
        for step in range(20):
            time.sleep(0.05)
            shown = stage.progress(
                noisy(small, 0.3 - step / 80, step), noisy(small, 1 - step / 20, step),
                step=step, num_steps=20, tile=step % 4, num_tiles=4, seconds_left=20 - step,
            )  # fmt: skip
            yield shown, gr.skip()
            if waits and step == 10:
                go_on.wait(120)
        clean = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        layers = {
            "noise": ({"en": "Noise removed", "zh-CN": "去除的噪声"}, noisy(image, 0.4)),
            "mean": ("Mean", [image, clean]),
        }
        yield stage.result([clean, image], before=image, layers=layers, num_steps=20), hear(said)

    def left_half(said):
        with Image.open(stage.read(said).upload) as image:
            mask = np.zeros((image.height, image.width), np.uint8)
        mask[:, : mask.shape[1] // 2] = 255
        return stage.mask(Image.fromarray(mask))

    def step(said):
        told = stage.read(said)
        return stage.step(told.step, noisy(picture(64, 48), 1 - told.step / 20)), hear(said)

    quick = {"queue": False, "show_progress": "hidden"}
    stage.on_upload(put, stage.said, stage.component, **quick)
    for event in (stage.on_mask, stage.on_select, stage.on_clear):
        event(hear, stage.said, heard, **quick)
    stage.on_step(step, stage.said, [stage.component, heard], **quick)
    run.click(
        restore,
        [stage.said, hold],
        [stage.component, heard],
        js=stage.run_js(0),
        show_progress="hidden",
    )
    stop.click(lambda: stage.idle("Nothing came of it."), None, stage.component, **quick)
    further.click(go_on.set, None, None, **quick)
    half.click(left_half, stage.said, stage.component, **quick)


def generate_tab():
    stage = Stage("generate")
    run = gr.Button("Generate")

    def generate():
        for step in range(10):
            time.sleep(0.03)
            yield stage.progress(
                noisy(picture(64, 64), 1 - step / 10), None, step=step, num_steps=10
            )
        samples = [picture(64, 64, seed) for seed in range(4)]
        frames = [noisy(samples[0], 1 - step / 9) for step in range(10)]
        yield stage.result(samples, steps=frames, captions=[f"Seed {seed}" for seed in range(4)])

    run.click(
        generate,
        None,
        stage.component,
        js="() => { window.ddpmStage.begin('generate'); return []; }",
        show_progress="hidden",
    )  # noqa: E501


if __name__ == "__main__":
    build().launch(
        server_name="127.0.0.1",
        server_port=int(sys.argv[1]),
        theme=make_theme(),
        css_paths=[Path(CSS_PATH)],
        head=head(),
        ssr_mode=False,
        footer_links=[],
        _frontend=False,
        quiet=True,
    )
