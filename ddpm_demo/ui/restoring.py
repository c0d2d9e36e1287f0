"""A picture made before, dropped anywhere: its recipe goes to its own tab, sets every control and
opens it; a picture without a recipe goes to the tab that is open, where that takes one, and a zip
archive to its box for many pictures.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from ..errors import UserError
from ..recipes.recipe import Recipe
from ..recipes.recipe_file import read_recipe_file
from ..tasks.registry import recipe_from_dict
from ..texts import text
from .components.notice import notice, notice_html
from .context import Context, Update
from .errors import sentence
from .links import recipe_in
from .models import Models
from .tabs.task.compare import axes_of

# Where the recipe of a task is set that has no tab of its own.
TAB_OF = {"diffuse": "process"}
# Gradio offers the events that a component's script names in quotation marks.
_ON_LOAD_LINK = 'window.ddpmLink && window.ddpmLink.listen(props, trigger, ["select"]);'
MAX_NOTES = 500
_NO_RECIPE = ("recipe_absent", "recipe_not_png")

# What a handler changes, by component; all else stays.
Updates = dict[Any, Update]


def restore_area(ctx: Context) -> tuple[gr.File, gr.HTML]:
    """Make the box and its notice here. Every kind of file is let in, so that a wrong one gets a
    sentence and not silence; page.js puts files into it that are dropped anywhere."""
    box = ctx.make(
        gr.File,
        {"label": "common.restore"},
        file_count="single",
        height=96,
        elem_classes=["restore", "drop-anywhere"],
    )
    return box, notice()


def connect_restore(ctx: Context, box: gr.File, said: gr.HTML, open_tab: gr.State) -> None:
    """Called when all tabs are there."""
    receivers = ctx.receivers
    link = gr.HTML(
        "",
        html_template='<div class="link-said"></div>',
        js_on_load=_ON_LOAD_LINK,
        apply_default_css=False,
        visible="hidden",
    )
    outputs = [
        *(ctx.tabs, ctx.checkpoint, said, box),
        *(found.component for found in receivers.values()),
        *(part for parts in ctx.many.values() for part in parts),
        *(control for tab in ctx.task_tabs.values() for control in tab.form.error_outputs),
    ]
    notes: OrderedDict[str, Callable[[str], str]] = OrderedDict()  # by session

    def noted(session: str, language: str, made: Callable[[str], str]) -> str:
        """What `made` says, which follows the switch: a link is often opened before the language
        is known."""
        notes[session] = made
        notes.move_to_end(session)
        while len(notes) > MAX_NOTES:
            notes.popitem(last=False)
        return made(language)

    def relabel(language: str, session: str) -> list[Update]:
        return [notes[session](language) if session in notes else gr.skip()]

    ctx.on_language(relabel, [said])

    def on_drop(path: str | None, language: str, tab: str, request: gr.Request) -> Updates:
        session = request.session_hash or ""
        notes.pop(session, None)
        if path is None:
            return {said: gr.skip()}  # Gradio takes no empty dictionary for one of components
        to_many = to_many_of(ctx, path, tab)
        if to_many is not None:
            return {said: "", box: None, **to_many}
        try:
            recipe, _, saved = restored(ctx.models, path, language)
            updates = opened(ctx, recipe, language, axes_of(type(recipe), saved))
        except Exception as error:
            return {box: None, said: "", **not_restored(error, path, language, tab)}
        note = noted(session, language, lambda code: note_of(ctx.models, saved, recipe, code))
        return {box: None, said: note, **updates}

    def not_restored(error: Exception, path: str, language: str, tab: str) -> Updates:
        """A picture without a recipe is for the tab that is open."""
        if isinstance(error, UserError) and error.key in _NO_RECIPE and tab in receivers:
            try:
                return {receivers[tab].component: receivers[tab].value(path)}
            except UserError as unreadable:
                error = unreadable
        return {said: notice_html(sentence(error, language))}

    def on_link(address: Any, language: str, request: gr.Request) -> Updates:  # noqa: ANN401
        session = request.session_hash or ""
        try:
            recipe, _ = checked(ctx.models, recipe_in(address).to_dict(), language)
        except Exception as error:
            wrong = error
            return {said: noted(session, language, lambda c: notice_html(sentence(wrong, c)))}
        words = "common.link_opened"
        note = noted(session, language, lambda code: notice_html(text(code, words), "info"))
        return {said: note, **opened(ctx, recipe, language)}

    ctx.quick(box.upload, on_drop, [box, ctx.language, open_tab], outputs)
    ctx.quick(link.select, on_link, [link, ctx.language], outputs)


def opened(
    ctx: Context, recipe: Recipe, language: str, axes: Mapping[str, str] | None = None
) -> Updates:
    """The recipe's tab with its controls set, those of its sheet too where it is of one (`axes`),
    and the checkpoint above the tabs where the tab has none of its own."""
    tab = ctx.task_tabs[recipe.task]
    values = {**tab.control_values(recipe), **(axes or {})}
    known = {name: value for name, value in values.items() if name in tab.form.settable}
    updates = tab.form.error_updates(None, language, known, axes or ())
    return {
        ctx.tabs: gr.Tabs(selected=TAB_OF.get(recipe.task, recipe.task)),
        **({} if type(recipe).needs_picture() else {ctx.checkpoint: recipe.checkpoint}),
        **dict(zip(tab.form.error_outputs, updates, strict=True)),
    }


def to_many_of(ctx: Context, path: str, tab: str) -> Updates | None:
    """What puts an archive where the open tab takes many pictures; None where it is no archive,
    or the tab takes one at a time."""
    if not path.lower().endswith(".zip") or tab not in ctx.many:
        return None
    files, around = ctx.many[tab]
    return {files: [path], around: gr.update(open=True)}


def restored(models: Models, path: str, language: str) -> tuple[Recipe, str, Mapping[str, Any]]:
    """(the recipe of that one picture, a note, all that is saved) from a picture made here, or
    from a JSON.

    Raises:
        UserError: no recipe in it, one of an unknown task, or of a checkpoint that is not here.
    """
    saved = read_recipe_file(Path(path))
    return (*checked(models, saved, language), saved)


def checked(models: Models, saved: Mapping[str, Any], language: str) -> tuple[Recipe, str]:
    """As `restored`, from what a file or a link says.

    Raises:
        UserError: no recipe, one of an unknown task, or of a checkpoint that is not here.
    """
    recipe = recipe_from_dict(saved)
    index = saved.get("image_index")
    if isinstance(index, int) and not isinstance(index, bool) and index >= 0:
        recipe = recipe.of_picture(index)
    models.check(recipe.checkpoint)
    return recipe, _note(models, saved, recipe, language)


def note_of(models: Models, saved: Mapping[str, Any], recipe: Recipe, language: str) -> str:
    """What is said of a recipe that has been taken, as the page shows it."""
    return notice_html(_note(models, saved, recipe, language), "info")


def _note(models: Models, saved: Mapping[str, Any], recipe: Recipe, language: str) -> str:
    info = models.peek(recipe.checkpoint)
    if info is not None and saved.get("weight_hash") not in (None, info.weight_hash):
        return text(language, "generate.restored_other_weights", name=info.name)
    if type(recipe).needs_picture():
        return text(language, "restoration.restored")
    if getattr(recipe, "mix", ()):
        return text(language, "generate.restored_mix")
    return text(language, "generate.restored", seed=recipe.seed)
