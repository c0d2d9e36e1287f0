"""What Gradio keeps of each session, without a copy of the whole page.

Gradio 6.31 writes down the settings of every component for every session, for links of its own
kind (`gr.DeepLinkButton`), which this page does not have: two megabytes and a quarter of a second
for each program that calls an endpoint once, kept for up to 10,000 sessions. What handlers keep
in `gr.State` is kept as ever.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from gradio.state_holder import SessionState, StateHolder


class LightSession(SessionState):
    """`SessionState` that writes no settings of components down."""

    def __init__(self, blocks: Any) -> None:  # noqa: ANN401  Gradio's own type
        # Settings are kept of the components named in `blocks`: of none.
        none = SimpleNamespace(default_config=blocks.default_config, blocks={})
        super().__init__(none)  # type: ignore[arg-type]

    def __setitem__(self, key: int, value: Any) -> None:  # noqa: ANN401  what a handler gave
        super().__setitem__(key, value)
        self.config_values.clear()

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:  # noqa: ANN401
        pass


class LightSessions(StateHolder):
    """`StateHolder` of such sessions."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = LightSession(self.blocks)
        return super().__getitem__(session_id)


def lighten(holder: StateHolder) -> StateHolder:
    """The holder of an app that has served nobody yet, from now on with light sessions."""
    holder.__class__ = LightSessions
    return holder
