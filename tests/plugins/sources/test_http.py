"""The door to HTTP services, against a service on loopback that misbehaves."""

from __future__ import annotations

import gzip
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina
from http_services import Asked, Reply, answering, said
from listeners import certificate, unanswered

from sre_orchestrator.core.settings import Endpoint
from sre_orchestrator.plugins.sources import http, retries
from sre_orchestrator.plugins.sources.http import HttpService, ServiceProblem


@pytest.fixture(autouse=True)
def _at_once() -> Iterator[None]:
    """Let attempts follow each other without waiting."""
    with stamina.set_testing(True, attempts=retries.ATTEMPTS, cap=True):
        yield


def service(url: str, **more: object) -> HttpService:
    return HttpService(Endpoint(url=url, **more), "prometheus")  # type: ignore[arg-type]  # any field


def problem_of(one: HttpService, path: str = "/x") -> ServiceProblem:
    with pytest.raises(ServiceProblem) as raised:
        one.get(path)
    return raised.value


def test_a_form_and_an_address_carry_the_same_fields() -> None:
    with answering({"/x": Reply(200, b"{}")}) as server:
        asked = service(server.address + "/")

        assert asked.get("/x", [("match[]", "a"), ("match[]", "b")]) == b"{}"
        assert asked.post("/x", [("query", 'up{a="b"}')]) == b"{}"

    assert [(one.method, one.fields) for one in server.requests] == [
        ("GET", {"match[]": ["a", "b"]}),
        ("POST", {"query": ['up{a="b"}']}),
    ]


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (302, "prometheus.url"),
        (401, "prometheus.bearer_token_file"),
        (403, "prometheus.headers"),
        (404, "path prefix in prometheus.url, such as /prometheus"),
        (418, "log of prometheus"),
        (429, "try again later"),
        (599, "log of prometheus"),
    ],
)
def test_each_refusal_says_what_to_set(status: int, remedy: str) -> None:
    with answering({"/x": Reply(status, b"no, token=hunter2secret")}) as server:
        problem = problem_of(service(server.address))

    assert problem.status == status
    assert f"answers {status}" in problem.why or status == 302
    assert remedy in problem.remedy
    assert "hunter2" not in str(problem)


def test_a_redirection_is_not_followed() -> None:
    with answering({"/x": Reply(302, b"", {"Location": "http://login.example/"})}) as server:
        problem = problem_of(service(server.address))

    assert "redirection to http://login.example/" in str(problem)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_service_is_asked_again(status: int) -> None:
    with answering({"/x": [Reply(status), Reply(status), Reply(200, b"ok")]}) as server:
        assert service(server.address).get("/x") == b"ok"

    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("after", "wait"), [("2", 2.0), ("3600", 5.0), ("Fri, 31 Dec 2030 23:59:59 GMT", 0.0), ("-1", 0.0), (None, 0.0)]
)
def test_a_service_is_left_alone_for_as_long_as_it_wants(after: str | None, wait: float) -> None:
    headers = {"Retry-After": after} if after else {}
    with answering({"/x": Reply(429, b"", headers)}) as server:
        problem = problem_of(service(server.address))

    assert problem.wait == wait
    assert http._again(problem) == (wait or True)


def test_a_query_that_took_too_long_is_not_asked_again() -> None:
    slow = said({"status": "error", "errorType": "timeout", "error": "query timed out"}, 503)
    with answering({"/x": slow}) as server:
        assert problem_of(service(server.address)).status == 503

    assert len(server.requests) == 1


def test_the_last_of_the_attempts_is_told() -> None:
    with answering({"/x": Reply(503, b"overloaded")}) as server:
        problem = problem_of(service(server.address))

    assert "503 Service Unavailable (overloaded)" in problem.why
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [403, 405])
def test_where_forms_are_refused_addresses_are_used_from_then_on(status: int) -> None:
    def only_get(asked: Asked) -> Reply:
        return Reply(200, b"ok") if asked.method == "GET" else Reply(status)

    with answering({"/x": only_get}) as server:
        one = service(server.address)
        assert [one.post("/x", [("query", "up")]), one.post("/x", [("query", "up")])] == [b"ok", b"ok"]

    assert server.paths == ["POST /x", "GET /x", "GET /x"]


def test_a_form_that_fits_no_address_is_refused() -> None:
    with answering({"/x": Reply(405)}) as server, pytest.raises(ServiceProblem):
        service(server.address).post("/x", [("query", "u" * 10_000)])

    assert server.paths == ["POST /x"]


def test_credentials_are_read_at_each_request(tmp_path: Path) -> None:
    token = tmp_path / "token"
    with answering({"/x": Reply(200)}) as server:
        one = service(server.address, bearer_token_file=str(token), headers={"X-Scope-OrgID": "shop"})
        for text in ("first\n", "second\n"):
            token.write_text(text)
            one.get("/x")

    assert [one.headers["Authorization"] for one in server.requests] == ["Bearer first", "Bearer second"]
    assert {one.headers["X-Scope-OrgID"] for one in server.requests} == {"shop"}


@pytest.mark.parametrize(("password", "sent"), [("word\n", "Basic bWU6d29yZA=="), (None, "Basic bWU6")])
def test_name_and_password_are_sent(tmp_path: Path, password: str | None, sent: str) -> None:
    file = ""
    if password:
        file = str(tmp_path / "password")
        Path(file).write_text(password)

    with answering({"/x": Reply(200)}) as server:
        service(server.address, username="me", password_file=file).get("/x")

    assert server.requests[0].headers["Authorization"] == sent


def test_a_file_of_credentials_that_is_not_there_is_named(tmp_path: Path) -> None:
    with answering({"/x": Reply(200)}) as server:
        problem = problem_of(service(server.address, bearer_token_file=str(tmp_path / "none")))

    assert str(tmp_path / "none") in str(problem)
    assert "files under prometheus" in problem.remedy


def test_an_unknown_authority_is_told_with_the_setting(tmp_path: Path) -> None:
    with answering({"/x": Reply(200)}, pem=certificate(tmp_path, ["127.0.0.1"])) as server:
        problem = problem_of(service(server.address))

    assert "certificate is not trusted" in problem.why
    assert "prometheus.ca_file" in problem.remedy


def test_an_authority_and_a_certificate_of_ours_open_the_door(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    pem, ours = certificate(tmp_path, ["127.0.0.1"]), certificate(tmp_path / "ours", ["client"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(ours)
    with answering({"/x": Reply(200, b"ok")}, pem=pem, authority=context) as server:
        one = service(server.address, ca_file=str(pem), client_certificate_file=str(ours))
        assert one.get("/x") == b"ok"
        os.utime(ours, (1, 1))

        assert one.get("/x") == b"ok"


def test_a_file_that_is_no_certificate_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nonsense")

    problem = problem_of(service("https://127.0.0.1:1", ca_file=str(tmp_path / "ca.pem")))

    assert "files under prometheus" in problem.remedy


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    problem = problem_of(service(f"http://127.0.0.1:{port}"))

    assert problem.status == 0
    assert "cannot be reached" in problem.why


def test_a_service_that_never_answers_is_left_in_time() -> None:
    over = threading.Event()

    def wait(_: Asked) -> Reply:
        over.wait(10)
        return Reply()

    with answering({"/x": wait}) as server:
        problem = problem_of(service(server.address, timeout_seconds=0.1))
        over.set()

    assert "no answer within 0.1 s" in problem.why
    assert "prometheus.timeout_seconds" in problem.remedy
    assert len(server.requests) == 1


def test_a_service_that_nobody_can_connect_to_is_left_in_time() -> None:
    with unanswered() as port:
        problem = problem_of(service(f"http://127.0.0.1:{port}", timeout_seconds=0.1))

    assert "no answer within 0.1 s" in problem.why


def test_a_name_that_nobody_knows_hints_at_the_outside_of_the_cluster() -> None:
    problem = problem_of(service("http://prometheus.monitoring.svc.invalid:9090"))

    assert "not known here" in problem.why
    assert "kubectl port-forward" in problem.remedy


@pytest.mark.parametrize("url", ["prometheus:9090", "127.0.0.1:9090", "http://prometheus:web", "ftp://prometheus"])
def test_an_address_without_a_scheme_is_told(url: str) -> None:
    assert "begin prometheus.url with http://" in problem_of(service(url)).remedy


def test_an_answer_that_is_too_large_is_left_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_BYTES", 1024**2)
    bomb = Reply(200, gzip.compress(b"0" * 3 * 1024**2), {"Content-Encoding": "gzip"})
    with answering({"/x": bomb}) as server:
        problem = problem_of(service(server.address))

    assert "larger than 1 MiB" in problem.why


def test_an_answer_that_is_cut_short_is_asked_for_again() -> None:
    with answering({"/x": [Reply(200, b'{"a', length=100), Reply(200, b"{}")]}) as server:
        assert service(server.address).get("/x") == b"{}"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b" <!DOCTYPE html><html>Sign in</html>", "a web page"),
        (b'{"a": ', "cannot be read"),
        (b'{"a": "\xff"}', "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b"7", "cannot be read"),
    ],
)
def test_what_is_not_the_json_that_was_expected_is_told(body: bytes, why: str) -> None:
    with pytest.raises(ServiceProblem, match=why) as raised:
        service("http://127.0.0.1").decoded(body, dict[str, str])

    assert "prometheus.url" in raised.value.remedy


def test_no_password_of_an_address_is_told() -> None:
    problem = problem_of(service("http://me:hunter2@127.0.0.1:1"))

    assert "hunter2" not in str(problem)
