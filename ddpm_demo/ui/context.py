"""`Context`: what a tab gets to build itself with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency, EventListener

from ..texts import text
from .kept.keeper import Keeper
from .models import Models
from .relabel import C, Text, Texts
from .sessions import Store

MODEL_SLOT = "model"
WATCHING = "watching"

# What a handler gives a component: its new value, `gr.update(...)` or `gr.skip()`.
Update = Any

Relabel = Callable[[str, str], Sequence[Update]]


@dataclass(frozen=True)
class Receiver:
    """A tab that takes a picture from another one.

    Args:
        tab: its name.
        component: that the picture is put into.
        value: path of a PNG -> what `component` is given.
    """

    tab: str
    component: Component
    value: Callable[[str], Update]


@dataclass(frozen=True)
class TaskTab:
    """A tab that takes recipes back.

    Args:
        form: its controls, a `components.form.Form`.
        control_values: a recipe -> what they say, but for pictures.
    """

    form: Any
    control_values: Callable[[Any], dict[str, Any]]


@dataclass
class Context:
    """The page under construction.

    Args:
        texts: makes components whose texts follow the language switch.
        models: the checkpoints.
        store: the visitors' runs.
        language: the switch; give it as an input to handlers that speak. "en" or "zh-CN".
        checkpoint: the picker above the tabs; give it as an input to handlers that run a model.
        checkpoint_notice: where sentences about the checkpoint appear.
        tabs: the row of tabs.
        keeper: what visitors find again.
        channels: through which each tab is asked to show what is kept, by the tab's name.
        receivers: the tabs that take pictures, by name.
        flows: the handlers of each tab's runs by name, each a `run_flow.RunFlow`.
        parts: other handlers of tabs, by the tab's name.
        task_tabs: the tabs that take recipes back, by the task's name.
        many: where a tab takes many pictures: (its box for files, what opens around it).
        receiving_tabs: names of the tabs that will call `receive`.
    """

    texts: Texts
    models: Models
    store: Store
    language: gr.Radio
    checkpoint: gr.Dropdown
    checkpoint_notice: gr.HTML
    tabs: gr.Tabs
    keeper: Keeper = field(default_factory=Keeper)
    channels: dict[str, gr.HTML] = field(default_factory=dict)
    receivers: dict[str, Receiver] = field(default_factory=dict)
    flows: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)
    task_tabs: dict[str, TaskTab] = field(default_factory=dict)
    many: dict[str, tuple[gr.File, gr.Accordion]] = field(default_factory=dict)
    receiving_tabs: tuple[str, ...] = ()
    checkpoint_handlers: list[
        tuple[Callable[..., Any], Sequence[Component], Sequence[Component]]
    ] = field(default_factory=list)
    _relabels: list[tuple[Relabel, Sequence[Component]]] = field(default_factory=list)
    _after_run: list[Dependency] = field(default_factory=list)
    _at_end: list[Callable[[], None]] = field(default_factory=list)

    def make(self, kind: Callable[..., C], texts: dict[str, Text], **props: object) -> C:
        """`kind(**props)` with the properties in `texts` from the locale; follows the switch."""
        return self.texts.make(kind, texts, **props)

    def text(self, key: str, **params: object) -> str:
        """A text in the language that the page is built in."""
        return text(self.texts.language, key, **params)

    @staticmethod
    def text_in(language: str, key: str, **params: object) -> str:
        """A text in a language."""
        return text(language, key, **params)

    def on_language(self, relabel: Relabel, outputs: Sequence[Component]) -> None:
        """On a switch also call `relabel(language, session)`, which returns one value an output.

        For texts that a run has put on the page, such as its status line.
        """
        self._relabels.append((relabel, outputs))

    def quick(
        self,
        trigger: EventListener | Callable[..., Dependency],
        fn: Callable[..., Any] | None,
        inputs: Sequence[Component] | None = None,
        outputs: Sequence[Component] | None = None,
        **options: object,
    ) -> Dependency:
        """Wire a handler that does not touch the model: outside the queue, hidden from the API."""
        defaults = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        return trigger(fn, inputs, outputs, **{**defaults, **options})

    def heavy(self, *wiring: Any, **options: object) -> Dependency:  # noqa: ANN401  as of `quick`
        """Wire a handler that runs the model: one at a time over all tabs and visitors."""
        slot = {"queue": True, "concurrency_id": MODEL_SLOT, "concurrency_limit": 1}
        return self.quick(*wiring, **slot, **options)

    def watching(self, *wiring: Any) -> Dependency:  # noqa: ANN401  as of `quick`
        """Wire a handler that looks at a run, which waits in a line of its own (`line.py`)."""
        slot = {"queue": True, "concurrency_id": WATCHING, "concurrency_limit": None}
        return self.quick(*wiring, **slot)

    def on_checkpoint(
        self, fn: Callable[..., Any], inputs: Sequence[Component], outputs: Sequence[Component]
    ) -> None:
        """Call `fn(name, *inputs)` when the visitor has chosen another checkpoint."""
        self.checkpoint_handlers.append((fn, inputs, outputs))

    def receive(
        self, tab: str, component: Component, value: Callable[[str], Update] = str
    ) -> None:
        """Let other tabs send their pictures into `component`, which is given `value(path)`."""
        self.receivers[tab] = Receiver(tab, component, value)

    def after_run(self, ended: Dependency) -> None:
        """Remember the event at the end of a run, for what follows whenever one has ended."""
        self._after_run.append(ended)

    @property
    def ends_of_runs(self) -> list[Dependency]:
        """The events at the ends of all tabs' runs."""
        return list(self._after_run)

    def at_end(self, build: Callable[[], None]) -> None:
        """Call `build` when all tabs are there, for what needs the other tabs."""
        self._at_end.append(build)

    def finish(self) -> None:
        """Called once, after the last tab."""
        for build in self._at_end:
            build()

    @property
    def relabel_outputs(self) -> list[Component]:
        dynamic = [component for _, outputs in self._relabels for component in outputs]
        return [*self.texts.components, *dynamic]

    def relabel(self, language: str, session: str) -> list[Any]:
        """The whole page in `language`: one value for each of `relabel_outputs`."""
        updates: list[Any] = self.texts.updates(language)
        for relabel, outputs in self._relabels:
            values = list(relabel(language, session))
            assert len(values) == len(outputs)
            updates += values
        return updates
