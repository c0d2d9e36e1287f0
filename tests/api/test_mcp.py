"""The tools of `app.py --mcp`, through mcp's own client."""

import asyncio
import base64
import importlib.util
import io
from pathlib import Path
from urllib.parse import unquote

import gradio as gr
import httpx
import jsonschema
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from PIL import Image

import app as app_module
from ddpm_demo.errors import UserError
from ddpm_demo.tasks.registry import tasks
from ddpm_demo.ui.app import build_app, launch_options
from ddpm_demo.ui.mcp_tools import ToolServer
from ddpm_demo.ui.page import Page
from ddpm_demo.ui.visitors import visitor_of

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*no_silent_downcasting", "ignore:The copy keyword"
)
NOT_UPLOADED = "Upload the file here first; paths and addresses of other files are not read."


@pytest.fixture(scope="module")
def url(tiny_checkpoint):
    app = build_app("tiny", "en", {"tiny": str(tiny_checkpoint)})
    options = launch_options("127.0.0.1", None, False, mcp=True)
    _, url, _ = app.launch(**options, prevent_thread_lock=True, quiet=True)
    yield url
    app.close()


def session(url, work):
    async def talk():
        async with streamable_http_client(f"{url}gradio_api/mcp/") as (read, write, _):
            async with ClientSession(read, write) as client:
                await client.initialize()
                return await work(client)

    return asyncio.run(talk())


def call(url, name, **arguments):
    return session(url, lambda client: client.call_tool(name, arguments))


def parts(answer, kind):
    assert not answer.isError, answer.content[0].text
    return [part for part in answer.content if part.type == kind]


def png(colour=(200, 90, 30)):
    file = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(file, "PNG")
    return file.getvalue()


def as_text(data):
    return "data:image/png;base64," + base64.b64encode(data).decode()


def test_every_endpoint_is_a_tool_that_says_what_it_takes(url):
    tools = session(url, lambda client: client.list_tools()).tools
    assert {tool.name for tool in tools} == {*tasks(), "checkpoints", "restore_many"}
    for tool in tools:
        assert tool.description
        jsonschema.Draft202012Validator.check_schema(tool.inputSchema)
        jsonschema.Draft202012Validator(tool.inputSchema).is_valid(
            {}
        )  # every $ref leads somewhere
        for name, told in tool.inputSchema["properties"].items():
            assert told["description"], (tool.name, name)


def test_pictures_come_as_pictures_and_as_addresses(url):
    answer = call(url, "generate", checkpoint="tiny", num_images=6, num_steps=2, seed=3)
    shown = [base64.b64decode(part.data) for part in parts(answer, "image")]
    *addresses, recipe = [part.text for part in parts(answer, "text")]
    assert len(shown) == 4 and len(addresses) == 6 and "'seed': 3" in recipe
    files = [httpx.get(address).content for address in addresses]
    assert files[:4] == shown
    assert all(Image.open(io.BytesIO(file)).info["ddpm_demo"] for file in files)


def test_a_picture_is_sent_as_a_text_or_uploaded_first(url):
    sent = as_text(png())
    [uploaded] = httpx.post(f"{url}gradio_api/upload", files={"files": ("a.png", png())}).json()
    for image in (sent, f"{url}gradio_api/file={uploaded}"):
        answer = call(url, "upscale", image=image, checkpoint="tiny", factor=2, num_steps=2)
        result = Image.open(io.BytesIO(base64.b64decode(parts(answer, "image")[0].data)))
        assert result.size == (16, 16)
    names = [part.text.rpartition("/")[2] for part in parts(answer, "text")]
    assert "a-upscaled.png" in names


def test_pictures_in_a_list(url):
    ends = [as_text(png()), as_text(png(colour=(10, 20, 30)))]
    fields = {"ends": ["image", "image"], "checkpoint": "tiny", "num_between": 2, "num_steps": 2}
    answer = call(url, "interpolate", images=ends, **fields)
    assert len(parts(answer, "image")) == 4
    fields = {"checkpoint": "tiny", "num_steps": 2, "sigma_255": 10}
    answer = call(url, "restore_many", task="denoise", images=ends, fields=fields)
    assert "'done': 2, 'of': 2" in parts(answer, "text")[-1].text


def test_no_other_file_is_read(url, tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(png())
    [uploaded] = httpx.post(f"{url}gradio_api/upload", files={"files": ("a.png", png())}).json()
    above = uploaded.rpartition("/")[0] + "/.." * 12
    tried = [
        str(secret),
        f"file://{secret}",
        f"http://127.0.0.1:1{secret}",
        f"{url}gradio_api/file={secret}",
        f"{url}gradio_api/file={above}{secret}",
        f"/gradio_api/file={secret}",
        "",
    ]
    assert unquote(above) == above
    for image in tried:
        for name, sent in (("denoise", {"image": image}), ("restore_many", {"images": [image]})):
            answer = call(url, name, **sent)
            assert answer.isError and answer.content[0].text == NOT_UPLOADED, (name, image)


def test_what_is_sent_as_a_text_lies_among_the_uploads(monkeypatch, tmp_path):
    """Which the app knows after Gradio's own module was imported, and takes along as it ends."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    server = ToolServer.__new__(ToolServer)
    files = server.convert_strings_to_filedata({"image": as_text(png())}, [["image"]])
    assert Path(files["image"]["path"]).is_relative_to(tmp_path)
    assert Path(files["image"]["path"]).read_bytes() == png()
    with pytest.raises(UserError, match="not a picture"):
        server.convert_strings_to_filedata({"image": "data:image/png;base64,abc"}, [["image"]])


def test_a_mistake_is_one_sentence(url):
    answer = call(url, "generate", checkpoint="tiny", num_steps=20_000)
    assert answer.isError and "num_steps must be between" in answer.content[0].text
    assert "Traceback" not in answer.content[0].text


def test_who_calls_a_tool_is_no_owner():
    with Page() as page:

        def who(request: gr.Request):
            return str(visitor_of(request, "k").is_owner)

        gr.Button().click(who, None, gr.Textbox(), api_name="who")
    options = launch_options("127.0.0.1", None, False, mcp=True)
    _, url, _ = page.launch(**options, prevent_thread_lock=True, quiet=True)
    try:
        straight = httpx.post(f"{url}gradio_api/call/who", json={"data": []}).json()["event_id"]
        assert "True" in httpx.get(f"{url}gradio_api/call/who/{straight}").text
        assert parts(call(url, "who"), "text")[0].text == "False"
    finally:
        page.close()


def test_without_the_flag_there_are_no_tools(app_url):
    assert httpx.post(f"{app_url}gradio_api/mcp/", json={}).status_code in (404, 405)


def test_what_does_not_go_with_the_flag(tmp_path, monkeypatch, capsys):
    names = tmp_path / "names.txt"
    names.write_text("ada:secret\n")
    names.chmod(0o600)
    with pytest.raises(SystemExit) as ended:
        app_module.main(["--mcp", "--auth-file", str(names)])
    assert ended.value.code == 2
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as ended:
        app_module.main(["--mcp"])
    assert ended.value.code == 2
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "app.py: An MCP client cannot log in: leave out --mcp or --auth-file.",
        "app.py: Tools for MCP clients need mcp: run “.venv/bin/pip install 'mcp<2'”, or leave "
        "out --mcp.",
    ]
