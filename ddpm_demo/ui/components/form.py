"""A tab's controls by field name, with each error beside the control that it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from ...errors import UserError
from ...recipes.field import TaskField
from ...texts import has_text, text
from ...texts.naming import choice_title, field_key, help_key
from ..context import Context, Update
from ..errors import sentence
from ..relabel import C, Text
from .notice import notice, notice_html
from .optional_number import TEXTS, optional_number

_INVALID = "invalid"
MAX_RADIO_CHOICES = 4


class Form:
    """The controls of a tab. Labels and help come from the locale: "fields.<field>" and
    "fields.<field>_help", or the same in the tab's own section where that has them.

    Args:
        ctx: the page.
        tab: the tab's name, which is also its section in the locale.
    """

    def __init__(self, ctx: Context, tab: str):
        self._ctx = ctx
        self.tab = tab
        self._folds: dict[str, gr.Accordion] = {}
        self._open_fold: gr.Accordion | None = None
        self._notices: dict[str, gr.HTML] = {}
        self.controls: dict[str, Component] = {}

    def add(
        self,
        field: str,
        kind: Callable[..., C],
        texts: dict[str, Text] | None = None,
        **props: object,
    ) -> C:
        """Make the control of `field` here. Its name is the recipe's, and a `UserError`'s."""
        named: dict[str, Text] = {"label": self._key(field)}
        if has_text(self._help_key(field)):
            named["info"] = self._help_key(field)
        # For what hides it while it means nothing.
        props["elem_classes"] = [*props.get("elem_classes", []), f"field-{field}"]  # type: ignore
        return self._added(field, self._ctx.make(kind, {**named, **(texts or {})}, **props))

    def _added(self, field: str, control: C) -> C:
        self.controls[field] = control
        if self._open_fold is not None:
            self._folds[field] = self._open_fold
        return control

    def add_optional_number(self, field: str, **props: object) -> gr.Number:
        """As `add`, for a whole number that may stay empty: None, "automatic" to the visitor."""
        return self.add(field, optional_number, TEXTS, **props)

    def add_picture(
        self,
        field: str,
        kind: Callable[..., C],
        texts: dict[str, Text] | None = None,
        **props: object,
    ) -> C:
        """As `add`, for a component without a line of help: its errors stand in a notice below."""
        control = self._ctx.make(kind, {"label": self._key(field), **(texts or {})}, **props)
        self._notices[field] = notice()
        return self._added(field, control)

    def add_said(self, field: str, said: Component) -> None:
        """Take what a stage tells as the control of `field`; its errors stand in a notice here."""
        self.controls[field] = said
        self._notices[field] = notice()

    def add_field(self, task: str, told: TaskField, **props: Any) -> Component:  # noqa: ANN401
        """The control of a task's field: what it can hold, and its words, are the field's."""
        texts: dict[str, Text] = {}
        if told.kind == "boolean":
            return self.add(told.name, gr.Checkbox, value=told.default, **props)
        if told.kind == "texts":
            return self.add(told.name, gr.Textbox, value=" ".join(told.default), **props)
        if told.kind == "choice":
            texts["choices"] = lambda language: choices_of(task, told, language)
            if told.optional or len(told.choices) > MAX_RADIO_CHOICES:
                value = "" if told.default is None else told.default
                return self.add(told.name, gr.Dropdown, texts, value=value, **props)
            classes = {"elem_classes": ["choices"]}
            return self.add(told.name, gr.Radio, texts, value=told.default, **classes, **props)
        if told.optional or told.name == "seed":
            precision = 0 if told.kind == "integer" else None
            return self.add_optional_number(told.name, precision=precision, **props)
        if told.step is not None:
            bounds = {"minimum": told.minimum, "maximum": told.maximum, "step": told.step}
            return self.add(told.name, gr.Slider, value=told.default, **bounds, **props)
        precision = 0 if told.kind == "integer" else None
        return self.add(told.name, gr.Number, value=told.default, precision=precision, **props)

    def more_settings(self) -> _Fold:
        """`with form.more_settings():` around the controls that few people need."""
        return self.fold("common.more_settings")

    def fold(self, label: str, **props: object) -> _Fold:
        """`with form.fold("compare.title"):` around controls that are seen when they are asked
        for, or when something is wrong with one of them; `label` is a text's key."""
        return _Fold(self, self._ctx.make(gr.Accordion, {"label": label}, open=False, **props))

    @property
    def _helped(self) -> list[str]:
        return [name for name in self.controls if name not in self._notices]

    @property
    def settable(self) -> list[str]:
        """The controls that `error_updates` can give new values."""
        return self._helped

    @property
    def pictures(self) -> list[str]:
        """The controls whose values are files."""
        return list(self._notices)

    @property
    def inputs(self) -> list[Component]:
        return list(self.controls.values())

    def values(self, inputs: Sequence[Update]) -> dict[str, Update]:
        """What the controls say, by field."""
        return dict(zip(self.controls, inputs, strict=True))

    def notice_of(self, field: str) -> gr.HTML:
        """Where sentences about a picture stand."""
        return self._notices[field]

    @property
    def error_outputs(self) -> list[Component]:
        """The controls with a line of help, the notices below the others, then the folds that may
        have to open.

        Pictures are not among them: whatever reaches an editor may wipe what is painted in it
        (see ui/README.md).
        """
        folds = dict.fromkeys(self._folds.values())
        helped = [self.controls[name] for name in self._helped]
        return [*helped, *self._notices.values(), *folds]

    def error_updates(
        self,
        error: Exception | None,
        language: str,
        values: Mapping[str, Update] | None = None,
        unfolded: Iterable[str] = (),
    ) -> list[Update]:
        """For `error_outputs`: the sentence beside its control, the other help texts as ever.

        `values` are new values of controls, by field; not of pictures. `unfolded` are controls
        that are to be seen.
        """
        unfolded = list(unfolded)
        assert not self._notices.keys() & (values or {}).keys()
        wrong = self._by_field(error)
        updates: list[Update] = []
        for name in self._helped:
            classes = _classes(self.controls[name])
            if name in wrong:
                note = sentence(wrong[name], language, self.tab)
                updates.append(gr.update(info=note, elem_classes=[*classes, _INVALID]))
            else:
                help_key = self._help_key(name)
                note = text(language, help_key) if has_text(help_key) else None
                updates.append(gr.update(info=note, elem_classes=classes))
            if values is not None and name in values:
                updates[-1]["value"] = values[name]
        for name in self._notices:
            updates.append(
                notice_html(sentence(wrong[name], language, self.tab)) if name in wrong else ""
            )
        for fold in dict.fromkeys(self._folds.values()):
            holds_it = any(self._folds.get(name) is fold for name in [*wrong, *unfolded])
            updates.append(gr.update(open=True) if holds_it else gr.skip())
        return updates

    def _by_field(self, error: Exception | None) -> dict[str, Exception]:
        """All that is wrong, by the control that it is about."""
        found = [error, *error.others] if isinstance(error, UserError) else []
        return {e.field: e for e in found if e.field in self.controls}

    def field_of(self, error: Exception | None) -> str | None:
        """The control that the error is about, None where it is about none of these."""
        field = error.field if isinstance(error, UserError) else None
        return field if field in self.controls else None

    def _key(self, field: str) -> str:
        return field_key(self.tab, field)

    def _help_key(self, field: str) -> str:
        """The task's own words, those of the page, those for all doors."""
        key, of_page = help_key(self.tab, field), f"common.{field}_help"
        return of_page if key.startswith("fields.") and has_text(of_page) else key


class _Fold:
    """Opens the accordion and tells the form which controls are inside."""

    def __init__(self, form: Form, fold: gr.Accordion):
        self._form = form
        self._fold = fold

    def __enter__(self) -> gr.Accordion:
        self._fold.__enter__()
        self._form._open_fold = self._fold
        return self._fold

    def __exit__(self, *details: object) -> None:
        self._form._open_fold = None
        self._fold.__exit__(*details)


def choices_of(task: str, told: TaskField, language: str) -> list[tuple[str, Any]]:
    """(words, value) of a field's choices; "" is the program's own choice, where that is one."""
    own = [(text(language, "common.automatic"), "")] if told.optional else []
    named = [(choice_title(task, told.name, c, language), c) for c in told.choices]
    return [*own, *named]


def _classes(control: Component) -> list[str]:
    classes = control.elem_classes or []
    return [classes] if isinstance(classes, str) else list(classes)
