"""The seed: empty for a new one at every run; dice, and a button that keeps the last run's."""

from __future__ import annotations

import random

import gradio as gr

from ..context import Context, Update
from ..sessions import Store
from .form import Form

# Short enough to be told to somebody.
_DICE_SEEDS = 1_000_000


def seed_row(ctx: Context, form: Form, tab: str) -> gr.Number:
    """Make the control of `seed` here, empty, with its two buttons."""
    with gr.Row(elem_classes=["seed-row"]):
        seed = form.add_optional_number("seed", min_width=80)
        dice = ctx.make(
            gr.Button, {"value": "common.dice"}, elem_classes=["tool", "dice"], min_width=40
        )
        reuse = ctx.make(
            gr.Button, {"value": "common.reuse"}, elem_classes=["tool", "reuse"], min_width=40
        )
    ctx.quick(dice.click, roll, outputs=[seed])

    def on_reuse(current: float | None, request: gr.Request) -> Update:
        return last_seed(ctx.store, request.session_hash or "", tab, current)

    ctx.quick(reuse.click, on_reuse, [seed], [seed])
    return seed


def roll() -> int:
    """A seed nobody chose."""
    return random.randrange(_DICE_SEEDS)


def last_seed(store: Store, session: str, tab: str, current: float | None) -> float | None:
    """The seed of the visitor's last run on the tab; the current one when there was none."""
    record = store.result(session, tab)
    return record.job.recipe.seed if record is not None else current
