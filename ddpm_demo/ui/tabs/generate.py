"""The Generate tab: pictures from noise."""

from __future__ import annotations

from ...tasks.generate import GenerateRecipe
from ..components.form import Form
from ..context import Context
from ..live import LivePanel
from ..stage import Stage
from .task.arrangement import Arrangement
from .task.tab import build_task

TAB = "generate"
# Those with a checkpoint and no sampler are made as that checkpoint's card says.
EXAMPLES = {
    "generate.example_quick": {"num_images": 4, "sampler": "dpmpp_2m", "num_steps": 10},
    "generate.example_faces": {"num_images": 16, "checkpoint": "faces-64"},
    "generate.example_garments": {"num_images": 36, "checkpoint": "fashion-32"},
    "generate.example_ddim": {"num_images": 4, "sampler": "ddim", "num_steps": 50},
    "generate.example_ddpm": {"num_images": 4, "sampler": "ddpm", "num_steps": 250},
}


def build(ctx: Context) -> None:
    """Build the tab here."""
    panels: list[LivePanel] = []

    def near_run(ctx: Context, form: Form, stage: Stage) -> None:
        panels.append(LivePanel(ctx, stage.name))

    this = Arrangement(GenerateRecipe, EXAMPLES, near_run=near_run, moving="first-view.webp")
    view = build_task(ctx, this)
    panels[0].connect(view, ctx.task_tabs[TAB].form.controls)
