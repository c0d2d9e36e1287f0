"""Under which names the app answers, and to whom it belongs, through real HTTP."""

import errno
import os

import gradio as gr
import httpx
import pytest
from gradio_client import Client

import app as app_module
from ddpm_demo.errors import UserError
from ddpm_demo.ui.app import launch_options, open_to_all
from ddpm_demo.ui.guard import Guard, Served, is_loopback
from ddpm_demo.ui.page import Page
from ddpm_demo.ui.visitors import read_passwords, visitor_of

# Gradio's own use of pandas.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*no_silent_downcasting", "ignore:The copy keyword"
)


@pytest.fixture
def launch(monkeypatch):
    """Launches a page that says who asks and under which address; returns its address."""
    monkeypatch.delenv("SPACE_ID", raising=False)
    pages = []

    def start(environment=None, **options):
        with Page() as page:
            out = gr.JSON()

            def who(request: gr.Request):
                visitor = visitor_of(request, "k")
                return {"owner": visitor.is_owner, "key": visitor.key, "url": str(request.url)}

            gr.Button().click(who, None, out, api_name="who", queue=False)
        for name, value in (environment or {}).items():
            monkeypatch.setenv(name, value)
        chosen = launch_options("127.0.0.1", None, False, **options)
        _, url, _ = page.launch(**chosen, prevent_thread_lock=True, quiet=True)
        pages.append(page)
        return url

    yield start
    for page in pages:
        page.close()


def ask(url, client=httpx, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(f"{url}gradio_api/run/who", json={"data": []}, headers=named)


def owner(reply):
    assert reply.status_code == 200, reply.text
    return reply.json()["data"][0]["owner"]


def test_only_names_that_it_is_served_under_are_answered(launch):
    url = launch()
    port = url.rsplit(":", 1)[1].strip("/")
    for host in ("127.0.0.1", f"localhost:{port}", "LOCALHOST", f"[::1]:{port}", "127.9.9.9"):
        assert ask(url, host=host).status_code == 200, host
    for host in ("rebound.example", f"rebound.example:{port}", "127.0.0.1.example", "", "a b"):
        for path in ("", "config", "gradio_api/info", "gradio_api/queue/data?session_hash=a"):
            reply = httpx.get(url + path, headers={"host": host})
            assert reply.status_code == 403, (host, path)
        assert ask(url, host=host).status_code == 403
        assert httpx.post(f"{url}gradio_api/upload", headers={"host": host}).status_code == 403


def test_other_pages_cannot_send_to_it(launch):
    url = launch()
    for origin in ("http://evil.example", "https://evil.example:7860", "null"):
        assert ask(url, origin=origin).status_code == 403, origin
    assert ask(url, origin=url.rstrip("/")).status_code == 200


def test_every_answer_says_how_it_may_be_used(launch):
    url = launch()
    for path in ("", "config", "gradio_api/info", "theme.css", "gradio_api/file=app.py"):
        headers = httpx.get(url + path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["content-security-policy"] == "frame-ancestors 'self'"
        assert headers["referrer-policy"] == "same-origin"
    names = launch({"SPACE_ID": "somebody/ddpm", "SPACE_HOST": "somebody-ddpm.hf.space"})
    policy = httpx.get(names, headers={"host": "somebody-ddpm.hf.space"}).headers
    assert "https://huggingface.co https://*.hf.space" in policy["content-security-policy"]


def test_what_a_proxy_says_is_believed_only_where_there_is_one(launch):
    plain, proxied = launch(), launch(root_path="https://ddpm.example/demo")
    said = {"x_forwarded_host": "evil.example", "x_forwarded_proto": "https"}
    config = httpx.get(plain + "config", headers={k.replace("_", "-"): v for k, v in said.items()})
    assert "evil.example" not in config.text and config.json()["root"] == plain.rstrip("/")
    assert ask(proxied, host="ddpm.example").status_code == 200
    assert ask(proxied, host="ddpm.example", x_forwarded_host="ddpm.example").status_code == 200
    assert ask(proxied, host="ddpm.example", x_forwarded_host="evil.example").status_code == 403
    assert ask(proxied, host="other.example").status_code == 403


def test_the_owner_comes_straight_from_this_machine(launch):
    url = launch()
    assert owner(ask(url)) is True
    for header in ("x_forwarded_for", "forwarded", "x_real_ip", "via", "x_forwarded_host"):
        assert owner(ask(url, **{header: "127.0.0.1"})) is False, header
    assert owner(ask(launch(root_path="/demo"))) is False
    assert owner(ask(launch({"SPACE_ID": "somebody/ddpm"}), host="127.0.0.1")) is False


def test_a_client_of_gradio_is_answered_and_is_known(launch):
    client = Client(launch(), verbose=False, analytics_enabled=False)
    assert client.predict(api_name="/who")["owner"] is True


@pytest.mark.parametrize(
    ("peer", "is_owner"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.168.1.7", False),
        ("::ffff:192.168.1.7", False),
        ("", False),
        ("172.17.0.1", False),
    ],
)
def test_another_address_is_a_visitor(peer, is_owner, monkeypatch):
    import asyncio

    monkeypatch.delenv("SPACE_ID", raising=False)
    seen = []

    async def inner(scope, receive, send):
        seen.append(visitor_of(type("R", (), {"request": type("Q", (), {"scope": scope})})()))

    scope = {"type": "http", "method": "GET", "headers": [(b"host", b"10.0.0.2:7860")]}
    scope["client"] = (peer, 1234) if peer else None
    asyncio.run(Guard(inner, Served("0.0.0.0"))(scope, None, None))
    assert [visitor.is_owner for visitor in seen] == [is_owner]


def test_with_passwords_only_those_who_know_one_come_in(launch, tmp_path):
    file = tmp_path / "people"
    file.write_text("# us\n\nanna:se:cret\nbob:öffne\n", encoding="utf-8")
    file.chmod(0o600)
    passwords = read_passwords(file)
    assert passwords == {"anna": "se:cret", "bob": "öffne"}
    url = launch(passwords=passwords)
    assert ask(url).status_code == 401
    for wrong in ({"username": "anna", "password": ""}, {"username": "eve", "password": "x"}):
        with httpx.Client() as client:
            assert client.post(f"{url}login", data=wrong).status_code in (400, 422)
            assert ask(url, client).status_code == 401
    with httpx.Client() as client:
        entry = {"username": "anna", "password": "se:cret"}
        assert client.post(f"{url}login", data=entry).status_code == 200
        assert owner(ask(url, client)) is True
        assert owner(ask(url, client, x_forwarded_for="1.2.3.4")) is True


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (None, 0o600, "cannot be read"),
        ("anna:x", 0o644, "chmod 600"),
        ("anna", 0o600, "Line 1"),
        ("a:b\n:c", 0o600, "Line 2"),
        ("anna:", 0o600, "Line 1"),
        ("# nobody\n", 0o600, "names nobody"),
    ],
)
def test_a_file_of_passwords_that_is_none(content, mode, words, tmp_path, capsys):
    file = tmp_path / "people"
    if content is not None:
        file.write_text(content)
        file.chmod(mode)
    with pytest.raises(UserError, match=words):
        read_passwords(file)
    with pytest.raises(SystemExit) as ended:
        app_module.main(["--auth-file", str(file)])
    assert ended.value.code == 2 and words in capsys.readouterr().err


def test_whoever_starts_it_for_all_is_told(monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert open_to_all("127.0.0.1", None, None) == "" == open_to_all("localhost", None, None)
    assert "--auth-file" in open_to_all("0.0.0.0", None, None)
    assert "--auth-file" in open_to_all("192.168.1.7", None, None, "zh-CN")
    assert "--auth-file" in open_to_all("127.0.0.1", "/ddpm", None)
    assert open_to_all("0.0.0.0", None, {"anna": "x"}) == ""
    assert app_module.parse_args(["--listen"]).host == "0.0.0.0"


def test_names_of_a_machine_that_listens_everywhere():
    served = Served("0.0.0.0", environment={})
    assert served.knows("192.168.1.7:7860") and served.knows("[fe80::1]:7860")
    assert served.knows(os.uname().nodename) and not served.knows("rebound.example")
    assert not Served("127.0.0.1", environment={}).knows("192.168.1.7")
    assert Served("ddpm.lan", environment={}).knows("ddpm.lan:80")
    space = Served("0.0.0.0", environment={"SPACE_ID": "a/b", "SPACE_HOST": "a-b.hf.space"})
    assert space.knows("a-b.hf.space") and not space.knows("rebound.example")
    assert is_loopback("ip6.localhost") and not is_loopback("localhost.example")


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "too little room left on the disk"), ("zh-CN,zh", "磁盘剩余空间")],
)
def test_an_upload_that_there_is_no_room_for_is_one_sentence(launch, monkeypatch, language, words):
    """The disk is full where Gradio writes what comes in."""
    url = launch()

    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    # Parts of up to a megabyte stay in memory until they are moved.
    monkeypatch.setattr("tempfile.SpooledTemporaryFile.write", full)
    monkeypatch.setattr("tempfile._TemporaryFileWrapper.write", full, raising=False)
    answer = httpx.post(
        f"{url}gradio_api/upload",
        files={"files": ("a.png", b"x" * 3_000_000, "image/png")},
        headers={"accept-language": language},
    )
    assert answer.status_code == 507 and words in answer.text
    assert "Error" not in answer.text and answer.text.count("\n") == 0
    monkeypatch.undo()
    assert httpx.get(url).status_code == 200
