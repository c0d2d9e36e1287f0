"""Every handler of the page and every endpoint, with values of every type for every parameter.

They are called as Gradio calls them for a request, from its own reading of the values to its
writing of the answer; the network is replaced by an answer, so that time goes into the doors.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio.state_holder import SessionState

from ddpm_demo.errors import UserError
from ddpm_demo.recipes.field import fields_of
from ddpm_demo.tasks.registry import tasks
from ddpm_demo.texts import LANGUAGES, text

from .checkpoints import write_checkpoint
from .tally import Tally, attack
from .values import as_json, odd, of_field

# What a visitor is told of an error that nobody foresaw: here it is a fault.
_UNFORESEEN = {text(language, "errors.unexpected") for language in LANGUAGES}


class Reached(UserError):
    """The values were taken, and the network would be asked now."""

    def __init__(self) -> None:
        super().__init__("picture_missing", "The network was reached.")


def fuzz(kind: str, cases: int, seed: int = 0, seconds: float | None = None) -> Tally:
    """Calls of the "endpoints" or of the page's own "handlers"."""
    with tempfile.TemporaryDirectory() as folder:
        page = make_page(Path(folder) / "tiny")
        loop = asyncio.new_event_loop()
        try:
            return attack(kind, _cases(page, kind, Random(seed), cases, loop), seconds)
        finally:
            loop.close()


def make_page(checkpoint: Path) -> Any:  # noqa: ANN401  the page
    """The page with a small checkpoint; nothing on it asks the network."""
    from ddpm_demo.ui import endpoints, runner
    from ddpm_demo.ui.app import build_app
    from ddpm_demo.ui.tabs.process import reverse, tab, training

    def reached(*_: Any, **__: Any) -> Any:  # noqa: ANN401
        raise Reached

    for module, name in (
        (endpoints, "snapshots"),
        (runner, "snapshots"),
        (reverse, "one_step"),
        (training, "draw_step"),
        (training, "measure"),
        (tab, "drawn"),
    ):
        setattr(module, name, reached)
    write_checkpoint(checkpoint)
    return build_app("tiny", "en", {"tiny": str(checkpoint)})


def _cases(
    page: Any,  # noqa: ANN401
    kind: str,
    random: Random,
    count: int,
    loop: asyncio.AbstractEventLoop,
) -> Iterator[tuple[object, Callable[[], object]]]:
    known = tasks()
    own = {fn.api_name: fn for fn in page.fns.values() if fn.api_name in known}
    others = [fn for fn in page.fns.values() if fn.fn is not None and fn.api_name not in own]
    chosen = list(own.values()) if kind == "endpoints" else others
    session = SessionState(page)  # takes longer to make than a call
    for number in range(count):
        fn = chosen[number % len(chosen)]
        if kind == "endpoints":
            data = _of_task(random, known[fn.api_name], fn)
        else:
            data = [_of_component(random, block) for block in fn.inputs]
        if random.random() < 0.02:
            data = data[:-1] if random.random() < 0.5 else [*data, odd(random)]
        data = [as_json(value) for value in data]
        what = (fn.api_name or getattr(fn.fn, "__name__", ""), data)
        yield (
            what,
            lambda fn=fn, data=data: loop.run_until_complete(
                _call(page, fn, data, session, random)
            ),
        )


def _of_task(random: Random, task: Any, fn: Any) -> list[Any]:  # noqa: ANN401
    """A value for each parameter: most as declared, one to three odd ones."""
    import inspect

    names = [name for name in inspect.signature(fn.fn).parameters if name != "request"]
    told = fields_of(task)
    strange = set(random.sample(names, k=min(len(names), random.randint(0, 3))))
    data = []
    for name in names:
        if name in told and name != "checkpoint":
            own = told[name].default
            data.append(of_field(random, told[name]) if name in strange else own)
        elif name == "checkpoint" and name not in strange:
            data.append("tiny")
        else:
            data.append(_file(random) if random.random() < 0.5 else odd(random))
    return data


def _file(random: Random) -> Any:  # noqa: ANN401  a payload
    from ddpm_demo.ui.uploads import EXAMPLES_FOLDER

    path = random.choice(
        [
            str(EXAMPLES_FOLDER / "cat.png"),
            "/etc/passwd",
            "",
            3,
            None,
            "\x00",
            "a" * 5000,
            "/dev/zero",
        ]
    )
    meta = random.choice([{"_type": "gradio.FileData"}, None, {"_type": 3}, "x"])
    payload: Any = {"path": path, "meta": meta, "size": odd(random)}
    return random.choice([payload, [payload], {"background": payload, "layers": [payload]}])


def _of_component(random: Random, block: Any) -> Any:  # noqa: ANN401
    kind = random.randrange(3)
    if block.stateful or kind == 0:
        return getattr(block, "value", None) if random.random() < 0.7 else None
    return _file(random) if kind == 1 else odd(random)


def _event(random: Random) -> Any:  # noqa: ANN401  what a browser says of a click
    if random.random() < 0.5:
        return {"index": random.choice([0, 3, -1, 10**9, [0, 1], None, "1"]), "value": "x"}
    return as_json(odd(random))


async def _call(
    page: Any,  # noqa: ANN401
    fn: Any,  # noqa: ANN401
    data: list[Any],
    session: SessionState,
    random: Random,
) -> None:
    request = SimpleNamespace(session_hash="fuzz", headers={}, request=None, username=None)
    iterator, steps = None, 0
    event = gr.EventData(None, _event(random))
    try:
        while True:
            answer = await page.process_api(
                fn, list(data), session, request=request, iterator=iterator, event_data=event
            )
            iterator, steps = answer.get("iterator"), steps + 1
            if not answer.get("is_generating") or steps > 20:
                break
    except gr.Error as error:
        if isinstance(error.__cause__, Reached):
            return  # the values were taken
        if error.message in _UNFORESEEN:
            raise (error.__cause__ or error) from None
        raise UserError("refused", "{words}", words=error.message) from error
