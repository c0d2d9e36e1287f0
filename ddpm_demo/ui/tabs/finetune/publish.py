"""The result of a run to the Hub, on the account of whoever looks at it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import gradio as gr
from gradio.components import Component

from ....errors import UserError
from ....jobs import publish
from ....texts import text
from ...components.notice import notice, notice_html
from ...context import Context
from ...errors import sentence
from ...visitors import Visitor, visitor_of
from .desk import Desk

_OAUTH_PACKAGES = ("authlib", "itsdangerous")


@dataclass
class HubBox:
    """The components; `box` is shown where there is a result and an account."""

    box: Component
    name: gr.Textbox
    button: gr.Button
    notice: gr.HTML


def signs_in_here() -> bool:
    """Whether visitors can log in to the Hub on this page: a Space with `hf_oauth: true`, where
    Gradio is installed with its extra "oauth".
    """
    wanted = os.environ.get("SPACE_ID") and os.environ.get("OAUTH_CLIENT_ID")
    return bool(wanted) and all(map(find_spec, _OAUTH_PACKAGES))


def can_push(who: Visitor) -> bool:
    """Whether results can be pushed: by visitors with their login, or by the app's owner."""
    # The owner's token is for the owner alone, not for everybody who finds the page.
    return signs_in_here() or bool(who.is_owner and publish.own_token())


def hub_box(ctx: Context) -> HubBox:
    """Make the box here, hidden."""
    with ctx.make(gr.Accordion, {"label": "finetune.hub"}, open=False, visible=False) as box:
        if signs_in_here():
            gr.LoginButton(size="sm")
        name = ctx.make(
            gr.Textbox,
            {"label": "finetune.hub_name", "info": "finetune.hub_name_help"},
            max_lines=1,
        )
        button = ctx.make(gr.Button, {"value": "finetune.hub_push"}, size="sm")
        said = notice()
    return HubBox(box, name, button, said)


def connect_hub(ctx: Context, desk: Desk, hub: HubBox, chosen: Component, key: Component) -> None:
    """Wire the button."""

    def announce(language: str) -> str:
        return notice_html(text(language, "finetune.hub_pushing"), "info")

    def by_owner(
        request: gr.Request, run: str | None, visitor: str, name: str, language: str
    ) -> str:
        who = visitor_of(request, visitor)
        token = publish.own_token() if who.is_owner else None
        return pushed(desk, run, who, name, token, language)

    def by_visitor(
        request: gr.Request,
        run: str | None,
        visitor: str,
        name: str,
        language: str,
        login: gr.OAuthToken | None,
    ) -> str:
        who = visitor_of(request, visitor)
        return pushed(desk, run, who, name, login.token if login else None, language)

    on_push: Callable[..., Any] = by_visitor if signs_in_here() else by_owner
    announced = ctx.quick(hub.button.click, announce, [ctx.language], [hub.notice])
    inputs = [chosen, key, hub.name, ctx.language]
    ctx.quick(announced.then, on_push, inputs, [hub.notice])


def pushed(
    desk: Desk, run: str | None, visitor: Visitor, name: str, token: str | None, language: str
) -> str:
    """The notice after pushing the result of `run` to the repository `name`."""
    try:
        if not token:
            raise UserError("hub_not_logged_in", "You are not logged in to the Hub; log in first.")
        address = publish.push(desk.result(run, visitor), name.strip(), token)
    except Exception as error:
        return notice_html(sentence(error, language))
    return notice_html(text(language, "finetune.hub_pushed", address=address), "info")
