"""What the tab of a task has that no declaration can say: examples, and controls of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....recipes.recipe import Recipe
from ...exports import EXPORTS, export
from ...restoration.measures import measures_html, shown_of
from ...sessions import RunRecord
from ...stage_view import Show, Words
from ...stream import Job

if TYPE_CHECKING:
    from PIL import Image

    from ...components.form import Form
    from ...context import Context
    from ...stage import Stage

Values = Mapping[str, Any]
MakeExport = Callable[[RunRecord | None, Any, Path], Path]


@dataclass(frozen=True)
class Arrangement:
    """How a task stands on the page.

    Args:
        task: its recipe's class.
        examples: values of the controls by the text key of the button; "image" is a file of
            `ui/examples`, and "checkpoint" must be here.
        controls: makes controls of the tab's own before those of the fields.
        near_run: makes controls of the tab's own right above Run.
        more: makes controls of the tab's own below "More settings".
        instead_of: the fields that these controls stand for.
        to_values: values of the controls -> values of the task's fields, inputs and aliases.
        to_controls: a recipe -> values of the tab's own controls.
        mask_of: (values of an example, size of its picture) -> its mask, which stands for the
            input "mask" on the stage; None for a task without one.
        own_picture: values that the controls take when a visitor brings a picture, besides the
            checkpoint, which is then the one that suits.
        adapt: (job, values of the controls) -> the job as the tab runs it.
        show: what of a run is on the stage.
        words: (run, index of a sample, language) -> the table below it, as HTML.
        exports: text key of each download's button by its kind.
        make_export: (the last run, kind, folder for the file) -> path of the file.
        hint: text key of the line on the empty stage; "" for the stage's own.
        moving: animation of `ui/examples` on the stage before the first run.
    """

    task: type[Recipe]
    examples: Mapping[str, Values] = field(default_factory=dict)
    controls: Callable[[Context, Form, Stage], None] | None = None
    near_run: Callable[[Context, Form, Stage], None] | None = None
    more: Callable[[Context, Form], None] | None = None
    instead_of: tuple[str, ...] = ()
    to_values: Callable[[dict[str, Any]], dict[str, Any]] = lambda values: values
    to_controls: Callable[[Any], dict[str, Any]] = lambda recipe: {}
    mask_of: Callable[[Values, tuple[int, int]], Image.Image] | None = None
    own_picture: Values = field(default_factory=dict)
    adapt: Callable[[Job, Values], Job] = lambda job, values: job
    show: Show = shown_of
    words: Words = measures_html
    exports: Mapping[str, str] = field(default_factory=lambda: EXPORTS)
    make_export: MakeExport = export
    hint: str = ""
    moving: str = ""

    @property
    def tab(self) -> str:
        return self.task.task
