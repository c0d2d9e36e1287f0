"""`Page`: `gr.Blocks` that reads uploads and examples alone, and answers whatever was sent, and
whatever went wrong, with one sentence in the visitor's language.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import gradio as gr
from gradio.state_holder import StateHolder
from gradio.utils import get_upload_folder

from ..errors import UserError
from ..texts import known_language, negotiate
from .asking import asked_by
from .errors import sentence
from .light_sessions import lighten
from .mcp_tools import fill_gaps
from .uploads import EXAMPLES_FOLDER, check


class Page(gr.Blocks):
    """`gr.Blocks` for strangers.

    `Page.speaks` is the component whose value is the visitor's language; where it is not among a
    handler's inputs, the request's own header says what is spoken.
    """

    speaks: gr.components.Component | None = None

    @property
    def state_holder(self) -> StateHolder:
        """What Gradio keeps of each session."""
        return self._state_holder

    @state_holder.setter
    def state_holder(self, holder: StateHolder) -> None:
        # Gradio's server sets it when it is made, before it serves anybody.
        self._state_holder = lighten(holder)

    @property
    def mcp_server_obj(self) -> Any:  # noqa: ANN401  None, or the server of `--mcp`
        """Gradio's server of tools."""
        return self._tools

    @mcp_server_obj.setter
    def mcp_server_obj(self, server: Any) -> None:  # noqa: ANN401
        self._tools = None if server is None else fill_gaps(server)

    async def process_api(
        self,
        block_fn: Any,  # noqa: ANN401  Gradio's own types
        inputs: list[Any],
        *more: Any,  # noqa: ANN401
        **options: Any,  # noqa: ANN401
    ) -> dict[str, Any]:
        """As Gradio's; what goes wrong is a sentence and never nothing.

        Raises:
            gr.Error: of whatever went wrong.
        """
        request = options.get("request", more[1] if len(more) > 1 else None)
        one = request[0] if isinstance(request, list) and request else request
        try:
            with asked_by(one):
                return await super().process_api(block_fn, inputs, *more, **options)
        except gr.Error:
            raise
        except Exception as error:
            fn = self.fns[block_fn] if isinstance(block_fn, int) else block_fn
            said = sentence(error, self.language_of(fn, inputs, request))
            raise gr.Error(said, print_exception=False) from error

    async def preprocess_data(
        self,
        block_fn: Any,  # noqa: ANN401  Gradio's own types
        inputs: list[Any],
        *more: Any,  # noqa: ANN401
        **options: Any,  # noqa: ANN401
    ) -> list[Any]:
        """As Gradio's, after everything in `inputs` that names a file has been checked.

        Raises:
            UserError: something names another file than an upload or an example, or is no value
                that the component has.
        """
        roots = {get_upload_folder(), *(str(block.GRADIO_CACHE) for block in block_fn.inputs)}
        await anyio.to_thread.run_sync(check, inputs, [*roots, EXAMPLES_FOLDER])
        try:
            return await super().preprocess_data(block_fn, inputs, *more, **options)
        except UserError:
            raise
        except Exception as error:
            # Gradio's own words, and none at all where a type is wrong, would be in English.
            raise UserError(
                "value_unusable",
                "A value that was sent is not one that this takes; the page “?view=api” says "
                "what it takes.",
            ) from error

    def language_of(self, block_fn: Any, inputs: Sequence[Any], request: Any) -> str:  # noqa: ANN401
        """The language of whoever sent `inputs` to a handler.

        Args:
            block_fn: Gradio's record of the handler.
            inputs: as sent.
            request: with `headers`; a list of such, or None.
        """
        for block, value in zip(block_fn.inputs, inputs or (), strict=False):
            if block is self.speaks and isinstance(value, str):
                return known_language(value)
        asked = request[0] if isinstance(request, list) and request else request
        headers = getattr(asked, "headers", None) or {}
        return negotiate(headers.get("accept-language", ""))


def announce_full_queue(page: Page) -> None:
    """Let a queue without room say so in the visitor's language; call it after `page.queue()`."""
    queue = page._queue
    push = queue.push

    async def speaking(body: Any, request: Any, username: str | None) -> Any:  # noqa: ANN401
        done, answer, state = await push(body=body, request=request, username=username)
        if state == "queue_full":
            fn = page.fns.get(body.fn_index) if body.fn_index is not None else None
            full = UserError(
                "run_queue_full", "Too many runs are waiting here; try again in a minute."
            )
            language = negotiate(request.headers.get("accept-language", ""))
            if fn is not None:
                language = page.language_of(fn, body.data, request)
            answer = sentence(full, language)
        return done, answer, state

    queue.push = speaking
