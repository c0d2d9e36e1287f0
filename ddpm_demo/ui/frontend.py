"""Gradio's own scripts, with some functions of them made quicker on their way to the browser.

When a page opens, Gradio 6.31 asks for each component which events are attached to it, and looks
through all events each time; and for each event, and each input and output of it, looks for a
component in the whole tree. Every read goes through a reactive proxy. With 1,115 components and
635 events that is most of what a browser computes until the page can be used, and a good part of
each click (`benchmarks/page_load.py`). And whenever anything is heard of an event, a run's next
step say, every component that was ever an output is told how its last event goes, for which all
it holds is copied: on a page whose language was switched .67 s of the browser's main thread a
step, .09 with what stands here (`benchmarks/page_messages.py`, two quiet cores). It gives the same
answers from an index, and tells news alone. Where a script is another than the one known here, it
goes to the browser as it is.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from pathlib import Path
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_ASSET = re.compile(r"/assets/((?:core|Blocks|statustracker)-[\w-]+\.js)$")
# (what it looks like, what stands there instead) by the name of the script; all of them or none.
_CORE = (
    # find_attached_events(component, dependencies): of each dependency the event of the first
    # target that is the component.
    (
        r"find_attached_events\((?P<e>\w+),(?P<t>\w+)\)\{let (?P<n>\w+)=(?P=t)\.filter\("
        r"[^{}]*\{[^{}]*\}\)\.filter\(Boolean\);"
        r"return (?P=e)\.props\.shared_props\.attached_events=(?P=n),(?P=e)\}",
        r"find_attached_events(component,dependencies){"
        r"if(this.attached_of!==dependencies){"
        r"this.attached_of=dependencies;this.attached=new Map;"
        r"for(const{targets}of dependencies){"
        r"const first=new Map;"
        r"for(const[id,event]of targets)first.has(id)||first.set(id,event);"
        r"for(const[id,event]of first)"
        r"event&&(this.attached.get(id)||this.attached.set(id,[]).get(id)).push(event)}}"
        r"component.props.shared_props.attached_events=[...this.attached.get(component.id)||[]];"
        r"return component}",
    ),
    # find(node, id): the first node with that id, depth first; null where there is none.
    (
        r"function (?P<f>\w+)\((?P<e>\w+),(?P<t>\w+)\)\{if\((?P=e)\.id===(?P=t)\)return (?P=e);"
        r"if\((?P=e)\.children\)for\(let (?P<n>\w+) of (?P=e)\.children\)"
        r"\{let (?P<r>\w+)=(?P=f)\((?P=n),(?P=t)\);if\((?P=r)\)return (?P=r)\}return null\}",
        r"var ddpm_trees=new WeakMap;"
        r"function \g<f>(root,id){"
        r"let known=ddpm_trees.get(root);"
        r"if(!known){"
        r"known=new Map;ddpm_trees.set(root,known);"
        r"const walk=node=>{"
        r"known.has(node.id)||known.set(node.id,node);"
        r"if(node.children)for(const child of node.children)walk(child)};"
        r"walk(root)}"
        r"return known.get(id)??null}",
    ),
    # The one place where a part of the tree becomes another: gr.render.
    (
        r"(?P<a>\w+)\.children=(?P<b>\w+)\.children,(?P<rest>this\.#\w+\((?P=b)\)\})",
        r"\g<a>.children=\g<b>.children,ddpm_trees=new WeakMap,\g<rest>",
    ),
)

_BLOCKS = (
    # To all that have a status; those whose status is the one they were told of know it.
    (
        r"update_loading_stati_state\(\)\{await Promise\.all\("
        r"Object\.entries\(this\.loading_stati\.current\)\.map\(",
        r"update_loading_stati_state(){const told=this.told_stati??=new Map;await Promise.all("
        r"Object.entries(this.loading_stati.current)"
        r".filter(([id,status])=>told.get(id)!==status&&told.set(id,status)).map(",
    ),
)
_STATUS = (
    # Whatever one event says, the statuses of others are written anew: now where that changes one.
    (
        r"(?P<n>\w+)\.fn_index!==(?P<e>\w+)\.fn_index&&\("
        r"(?P<rest>this\.current\[\w+\]=\{\.\.\.(?P=n),"
        r"used_cache:null,cache_duration:null,avg_time:null,cache_event_id:null\}\))",
        r"\g<n>.fn_index!==\g<e>.fn_index&&"
        r"(\g<n>.used_cache??\g<n>.cache_duration??\g<n>.avg_time??\g<n>.cache_event_id)!=null&&("
        r"\g<rest>",
    ),
)
_PATCHES = {"core": _CORE, "Blocks": _BLOCKS, "statustracker": _STATUS}


class QuickStart:
    """ASGI middleware: answers for these scripts, and hands on everything else.

    Args:
        app: Gradio's.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _ASSET.search(scope.get("path", "")) if scope["type"] == "http" else None
        content = quick_script(found[1]) if found and scope["method"] == "GET" else None
        if content is None:
            await self.app(scope, receive, send)
            return
        headers = [
            (b"content-type", b"text/javascript; charset=utf-8"),
            (b"content-length", str(len(content)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})


def quick_script(name: str) -> bytes | None:
    """Gradio's script of that name with the quicker functions.

    Args:
        name: of a file among Gradio's assets, such as "core-XXXXXXXX.js".

    Returns:
        Its content in UTF-8; None where there is no such file, or it looks different.
    """
    import gradio

    path = Path(gradio.__file__).parent / "templates" / "frontend" / "assets" / name
    # Anybody can ask for any name: only what is there is remembered.
    return _patched(path) if path.is_file() else None


@cache
def _patched(path: Path) -> bytes | None:
    script = path.read_text(encoding="utf-8")
    for slow, quick in _PATCHES[path.name.partition("-")[0]]:
        script, count = re.subn(slow, quick, script)
        if count != 1:
            return None
    return script.encode()
