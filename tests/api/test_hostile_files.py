"""Nobody reads a file of the machine: every handler and every component, through real HTTP."""

import json
import os
import uuid

import gradio as gr
import httpx
import numpy as np
import pytest
from gradio.utils import get_upload_folder
from PIL import Image

from ddpm_demo.texts import text
from ddpm_demo.ui import uploads
from ddpm_demo.ui.app import build_app, launch_options
from ddpm_demo.ui.page import Page

META = {"_type": "gradio.FileData"}
SHAPES = {
    "ImageData": lambda file: file,
    "FileData": lambda file: file,
    "ListFiles": lambda file: [file],
    "GalleryData": lambda file: [{"image": file, "caption": None}],
    "SliderData": lambda file: [file, None],
    "EditorData": lambda file: {"background": file, "layers": [], "composite": None},
    "MultimodalData": lambda file: {"text": "", "files": [file]},
}
FILE_COMPONENTS = {
    "Image": lambda: gr.Image(type="filepath"),
    "Image of pixels": lambda: gr.Image(type="numpy"),
    "Gallery": lambda: gr.Gallery(type="filepath"),
    "Gallery of pixels": lambda: gr.Gallery(type="numpy"),
    "File": lambda: gr.File(),
    "Files": lambda: gr.File(file_count="multiple"),
    "bytes of File": lambda: gr.File(type="binary"),
    "ImageEditor": lambda: gr.ImageEditor(type="numpy"),
    "ImageMask": lambda: gr.ImageMask(type="numpy"),
    "ImageSlider": lambda: gr.ImageSlider(type="numpy"),
    "UploadButton": lambda: gr.UploadButton(),
    "DownloadButton": lambda: gr.DownloadButton(),
    "Video": lambda: gr.Video(),
    "Audio": lambda: gr.Audio(type="filepath"),
    "MultimodalTextbox": lambda: gr.MultimodalTextbox(),
    "JSON": lambda: gr.JSON(),
    "Textbox": lambda: gr.Textbox(),
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Payloads by name that name anything but an upload; some exist, some do not."""
    folder = tmp_path_factory.mktemp("elsewhere")
    secret = folder / "secret.png"
    Image.fromarray(np.full((16, 16, 3), 77, np.uint8)).save(secret)
    os.mkfifo(folder / "pipe.png")
    cache = get_upload_folder()
    os.makedirs(cache, exist_ok=True)
    inside = os.path.join(cache, f"test-{uuid.uuid4().hex}")
    os.mkdir(inside)
    os.symlink(secret, os.path.join(inside, "link.png"))
    os.symlink(folder, os.path.join(inside, "folder"))
    os.mkfifo(os.path.join(inside, "pipe.png"))
    up = os.path.relpath(secret, inside)
    paths = {
        "a picture": str(secret),
        "nothing there": str(folder / "absent.png"),
        "a folder": str(folder),
        "a pipe": str(folder / "pipe.png"),
        "a device": "/dev/ptmx",
        "a checkpoint": os.path.abspath("checkpoints/faces-64/samples.png"),
        "a relative path": "checkpoints/faces-64/samples.png",
        "the source": "app.py",
        "a link in the cache": os.path.join(inside, "link.png"),
        "a linked folder in the cache": os.path.join(inside, "folder", "secret.png"),
        "a pipe in the cache": os.path.join(inside, "pipe.png"),
        "a folder in the cache": inside,
        "nothing there in the cache": os.path.join(inside, "absent.png"),
        "out of the cache": os.path.join(inside, up),
        "a nul": "a\0b",
        "too long": "x" * 100_000,
        "an address": "http://127.0.0.1:9/secret.png",
        "a public address": "https://example.com/a.png",
        "a file address": f"file://{secret}",
    }
    found = {}
    for name, path in paths.items():
        found[name] = {"path": path}
        found[f"{name}, marked"] = {"path": path, "meta": META}
        found[f"{name}, with a name"] = {"path": path, "orig_name": "a.svg", "is_stream": True}
        found[f"{name}, as address alone"] = {"url": path}
        found[f"{name}, as marked address"] = {"path": None, "url": path, "meta": META}
    found["data alone"] = {"url": "data:image/png;base64,iVBORw0KGgo="}
    found["a number"] = {"path": 3, "meta": META}
    found["a list"] = {"path": [str(secret)]}
    found["only the mark"] = {"meta": META}
    yield found
    for left in os.listdir(inside):
        os.unlink(os.path.join(inside, left))
    os.rmdir(inside)


def launched(page):
    options = launch_options("127.0.0.1", None, False)
    _, url, _ = page.launch(**options, prevent_thread_lock=True, quiet=True)
    return url


@pytest.fixture(scope="module")
def page(tiny_checkpoint):
    page = build_app("tiny", "en", {"tiny": str(tiny_checkpoint)})
    page.url = launched(page)
    yield page
    page.close()


def answers(url, calls, queued):
    """What the app says to each (fn_index, data), in order: its error's words, or the data."""
    with httpx.Client(base_url=url, timeout=120) as client:
        if not queued:
            for index, data in calls:
                reply = client.post(
                    "gradio_api/run/predict",
                    json={"fn_index": index, "data": data, "session_hash": "hostile"},
                )
                yield reply.json().get("error", reply.json())
            return
        for index, data in calls:
            joined = client.post(
                "gradio_api/queue/join",
                json={"fn_index": index, "data": data, "session_hash": "hostile"},
            )
            joined.raise_for_status()
            with client.stream("GET", "gradio_api/queue/data?session_hash=hostile") as stream:
                for line in stream.iter_lines():
                    event = json.loads(line[5:]) if line.startswith("data:") else {}
                    if event.get("msg") == "process_completed":
                        yield event["output"].get("error", event)
                        break


def value_of(block, file):
    """The payload of a component that holds `file`."""
    model = getattr(block, "data_model", None)
    return SHAPES[model.__name__](file) if model and model.__name__ in SHAPES else file


def is_queued(fn):
    return fn.queue is not False


# Each handler gets these; each kind of component gets all.
SOME = (
    "a picture",
    "a picture, marked",
    "nothing there",
    "a device",
    "a checkpoint, marked",
    "a link in the cache",
    "an address, as address alone",
)


def calls_of(fns, some, few):
    """(fn_index, data, what) with each input in turn naming each file."""
    for fn in fns:
        for i, block in enumerate(fn.inputs):
            if block.stateful:  # its value is the server's own
                continue
            takes_files = getattr(block, "data_model", None) is not None
            for name, file in some if takes_files else few:
                data = [None] * len(fn.inputs)
                data[i] = value_of(block, file)
                yield fn._id, data, f"{fn._id} {fn.name}, {type(block).__name__} {i}: {name}"


def thinned(calls):
    """A call for each input of each kind of handler, and one at least for each handler: together
    with every payload and every kind of component, in turn."""
    seen, kept = {}, []
    for call in calls:
        handler, kind = call[0], call[2].partition(" ")[2].partition(",")[0]
        block, payload = call[2].rpartition(", ")[2].split(" ")[0], call[2].partition(": ")[2]
        keys = {("handler", handler), ("block", kind, block), ("payload", block, payload)}
        if keys - seen.keys():
            seen |= dict.fromkeys(keys)
            kept.append(call)
    return kept


@pytest.mark.parametrize("queued", [False, True], ids=["at once", "queued"])
def test_every_handler_refuses_in_the_same_words(page, hostile, queued):
    refuse_all(page, hostile, queued, thinned)


@pytest.mark.long
@pytest.mark.parametrize("queued", [False, True], ids=["at once", "queued"])
def test_every_input_of_every_handler_refuses_in_the_same_words(page, hostile, queued):
    calls = refuse_all(page, hostile, queued, list)
    assert len(calls) > (100 if queued else 1000)


def refuse_all(page, hostile, queued, choose):
    """Send what `choose` takes of all calls; each must be refused. Returns those calls."""
    fns = [fn for fn in page.fns.values() if is_queued(fn) == queued]
    some = [(name, hostile[name]) for name in SOME]
    calls = choose(list(calls_of(fns, some, some[:1])))
    assert {fn._id for fn in fns if fn.inputs} - {call[0] for call in calls} <= {
        fn._id for fn in fns if all(block.stateful for block in fn.inputs)
    }
    refusals = {text(language, "errors.not_uploaded") for language in ("en", "zh-CN")}
    got = answers(page.url, [call[:2] for call in calls], queued)
    wrong = [
        (what, answer)
        for (_, _, what), answer in zip(calls, got, strict=True)
        if answer not in refusals
    ]
    assert wrong == []
    return calls


@pytest.fixture(scope="module")
def all_components():
    seen = []
    with Page() as page:
        for make in FILE_COMPONENTS.values():
            gr.Button().click(seen.append, make(), None, queue=False)
    page.seen = seen
    page.url = launched(page)
    yield page
    page.close()


@pytest.mark.parametrize("index", range(len(FILE_COMPONENTS)), ids=list(FILE_COMPONENTS))
def test_whatever_component_takes_a_file_refuses(all_components, hostile, index):
    fn = all_components.fns[index]
    calls = [(index, [value_of(fn.inputs[0], file)]) for file in hostile.values()]
    refusal = text("en", "errors.not_uploaded")
    assert set(map(str, answers(all_components.url, calls, False))) == {refusal}
    assert all_components.seen == []


def test_an_upload_and_an_example_are_taken(all_components, tmp_path):
    picture = tmp_path / "mine.png"
    Image.fromarray(np.full((8, 8, 3), 5, np.uint8)).save(picture)
    url, sent = all_components.url, picture.read_bytes()
    (path,) = httpx.post(f"{url}gradio_api/upload", files={"files": ("mine.png", sent)}).json()
    for named in (path, str(uploads.EXAMPLES_FOLDER / "cat.png")):
        (answer,) = answers(url, [(0, [{"path": named}])], False)
        assert "data" in answer, answer
        assert os.path.realpath(all_components.seen.pop()) == os.path.realpath(named)


def test_a_page_says_it_in_its_own_language(page):
    fn = next(
        fn
        for fn in page.fns.values()
        if page.ctx.language in fn.inputs
        and any(getattr(block, "data_model", None) for block in fn.inputs)
        and not is_queued(fn)
    )
    data = [None] * len(fn.inputs)
    for i, block in enumerate(fn.inputs):
        if block is page.ctx.language:
            data[i] = "zh-CN"
        elif getattr(block, "data_model", None):
            data[i] = value_of(block, {"path": "app.py"})
    (answer,) = answers(page.url, [(fn._id, data)], False)
    assert answer == text("zh-CN", "errors.not_uploaded")


def test_a_component_s_own_door_opens_no_file(page, hostile):
    """Nothing is offered beside the events: the stage keeps its mask in the browser."""
    own = [
        (block._id, function.__name__)
        for block in page.blocks.values()
        for function in getattr(block, "server_fns", None) or []
    ]
    assert own == []
    for block in list(page.blocks)[:20]:
        for file in (hostile[name] for name in SOME):
            reply = httpx.post(
                f"{page.url}gradio_api/component_server",
                json={
                    "data": {"type": "background", "files": [["file", file]], **file},
                    "component_id": block,
                    "fn_name": "accept_blobs",
                    "session_hash": "abc",
                },
            )
            assert reply.status_code >= 400 and "77" not in reply.text


def test_no_file_is_served_that_the_page_did_not_make(page, hostile):
    with httpx.Client(base_url=page.url, timeout=60) as client:
        for name in ("a picture", "a device", "a checkpoint", "the source", "a link in the cache"):
            reply = client.get(f"gradio_api/file={hostile[name]['path']}")
            assert reply.status_code in (403, 404), name
