"""What a request is told that the machine has no room or memory for, uploads above all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.responses import PlainTextResponse

from ..errors import of_the_machine
from ..texts import negotiate
from ..texts.naming import sentence_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

INSUFFICIENT_STORAGE = 507


class NoRoom:
    """ASGI middleware: a sentence in the visitor's language instead of "Internal Server Error".

    Args:
        app: what answers.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]):
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand on; where nothing was answered yet, say what was missing."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            known = of_the_machine(error)
            if known is None or has_begun:
                raise
            accepted = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
            said = sentence_of(known, negotiate(accepted))
            await PlainTextResponse(said, INSUFFICIENT_STORAGE)(scope, receive, send)
