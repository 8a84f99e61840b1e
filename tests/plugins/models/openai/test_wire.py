"""What goes over the wire, and which way."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from listeners import certificate, closed_port, listening
from openai_server import hangs, says, sends, talking

from sre_orchestrator.core.errors import InputError, ModelError
from sre_orchestrator.core.language.ports import Allowance, Completion, LanguageModel, Message
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.settings import ModelSettings
from sre_orchestrator.plugins.models.openai import OpenAi

KEY = "sk-not-a-key-0123456789"
ENOUGH = Allowance(completion_tokens=20, seconds=20)
ASKED = [Message(role="user", content='{"incident":"slow"}')]


class Pick(Struct, frozen=True, kw_only=True):
    """An answer."""

    a: int


SCHEMA = msgspec.json.schema(Pick)
GOOD = '{"a":1}'


def opened(base_url: str, environment: dict[str, str] | None = None, **given: object) -> LanguageModel:
    return OpenAi(environment or {}).open("tiny", ModelSettings(base_url=base_url, **given))


def test_only_what_the_api_needs_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "of-somebody-else")
    with talking(says(GOOD)) as server:
        opened(server.base_url, headers={"X-Team": "sre"}).complete(ASKED, SCHEMA, ENOUGH)
    one = server.asked[0]

    assert one.path == "/v1/chat/completions"
    assert one.headers.keys() == {
        "host", "accept", "accept-encoding", "connection", "content-length", "content-type", "user-agent", "x-team"
    }  # fmt: skip
    assert one.headers["user-agent"] == "sre-orchestrator"


def test_a_deployment_of_azure_is_asked_in_its_way(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    with talking(says(GOOD)) as server:
        base_url = server.base_url.replace("/v1", "/openai/deployments/small?api-version=2024-10-21")
        opened(base_url, api_key_file=str(tmp_path / "key")).complete(ASKED, SCHEMA, ENOUGH)
    one = server.asked[0]

    assert one.path == "/openai/deployments/small/chat/completions?api-version=2024-10-21"
    assert one.headers["api-key"] == KEY
    assert "authorization" not in one.headers


def test_a_key_that_changes_is_sent_with_the_next_request(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("first")
    with talking(says(GOOD)) as server:
        model = opened(server.base_url, api_key_file=str(file))
        model.complete(ASKED, SCHEMA, ENOUGH)
        file.write_text("second\n")
        model.complete(ASKED, SCHEMA, ENOUGH)
        file.unlink()
        with pytest.raises(ModelError, match=r"model\.api_key_file"):
            model.complete(ASKED, SCHEMA, ENOUGH)

    assert [one.headers["authorization"] for one in server.asked] == ["Bearer first", "Bearer second"]


def test_a_certificate_of_the_file_is_trusted_and_the_proxy_not_asked_for_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed_port()}")
    pem = certificate(tmp_path, ["127.0.0.1"])
    with talking(says(GOOD), pem=pem) as server:
        model = opened(server.base_url, {"OPENAI_API_KEY": KEY}, ca_file=str(pem))
        answer = model.complete(ASKED, SCHEMA, ENOUGH)

    assert answer.text == GOOD
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_certificate_of_others_is_not_trusted(tmp_path: Path) -> None:
    pem = certificate(tmp_path, ["127.0.0.1"])
    with talking(says(GOOD), pem=pem) as server, pytest.raises(ModelError, match=r"not trusted; set model\.ca_file"):
        opened(server.base_url).complete(ASKED, SCHEMA, ENOUGH)

    assert server.asked == []


@pytest.mark.parametrize(("content", "why"), [(None, "cannot be read"), ("no certificate", "holds no certificate")])
def test_a_file_of_authorities_that_is_none_is_refused(content: str | None, why: str, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)

    with pytest.raises(InputError, match=f"model.ca_file .*{why}"):
        opened("https://localhost/v1", ca_file=str(file))


def test_encrypted_connections_go_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []

    def refuse(connection: socket.socket) -> None:
        heard.append(connection.recv(4096))
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with listening(refuse) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        with pytest.raises(ModelError, match="the proxy of HTTPS_PROXY"):
            opened("https://models.example.com/v1").complete(ASKED, SCHEMA, ENOUGH)

    assert heard[0].startswith(b"CONNECT models.example.com:443 ")


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(ModelError, match="nobody answers there"):
        opened(f"http://127.0.0.1:{closed_port()}/v1").complete(ASKED, SCHEMA, ENOUGH)


def test_a_name_that_is_not_known_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ModelError, match="http://vllm:8000/v1: its name is not known here"):
        opened("http://vllm:8000/v1").complete(ASKED, SCHEMA, ENOUGH)


def test_a_name_that_is_looked_up_for_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(30) and [])

    with pytest.raises(ModelError, match="no answer within"):
        opened("http://vllm:8000/v1").complete(ASKED, SCHEMA, Allowance(completion_tokens=20, seconds=0.2))
    over.set()


def test_several_ask_at_once() -> None:
    with talking(says(GOOD)) as server, ThreadPoolExecutor(4) as pool:
        model = opened(server.base_url)
        answers = list(pool.map(lambda _: model.complete(ASKED, SCHEMA, ENOUGH), range(8)))

    assert answers == [Completion(text=GOOD, prompt_tokens=20, completion_tokens=7)] * 8


def test_a_model_that_is_closed_waits_no_longer() -> None:
    with talking(sends(b"{}", status=429, Retry_After="15")) as server, ThreadPoolExecutor(1) as pool:
        model = opened(server.base_url)
        begun = time.monotonic()
        waiting = pool.submit(model.complete, ASKED, SCHEMA, ENOUGH)
        while not server.asked:
            time.sleep(0.01)
        model.close()
        with pytest.raises(ModelError, match="closed"):
            waiting.result()

    assert time.monotonic() - begun < 10


def test_threads_end_with_what_they_waited_for() -> None:
    with talking(hangs()) as server, pytest.raises(ModelError):
        opened(server.base_url).complete(ASKED, SCHEMA, Allowance(completion_tokens=20, seconds=0.2))
    until = time.monotonic() + 10
    while any(one.name == "openai" for one in threading.enumerate()) and time.monotonic() < until:
        time.sleep(0.01)

    assert not [one for one in threading.enumerate() if one.name == "openai"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(status=st.sampled_from([200, 200, 200, 204, 301, 400, 404, 500]), body=st.binary(max_size=200))
@example(status=200, body=b"data: [DONE]\n\n")
@example(status=200, body=b"\x1f\x8b")
def test_whatever_a_server_sends_is_an_answer_or_a_reason_in_time(status: int, body: bytes) -> None:
    begun = time.monotonic()
    with talking(sends(body, status=status, Retry_After="0")) as server:
        try:
            answer = opened(server.base_url).complete(ASKED, SCHEMA, Allowance(completion_tokens=20, seconds=5))
        except ModelError:
            answer = Completion(text="", prompt_tokens=0, completion_tokens=0)

    assert isinstance(answer, Completion)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("coding", ["gzip", "deflate", "nonsense"])
def test_a_coding_that_nobody_asked_for_is_no_answer_or_read(coding: str) -> None:
    with talking(sends(b"\x1f\x8bnonsense", Content_Encoding=coding)) as server, pytest.raises(ModelError):
        opened(server.base_url).complete(ASKED, SCHEMA, ENOUGH)
