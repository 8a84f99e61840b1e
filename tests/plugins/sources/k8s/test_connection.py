"""What goes wrong between the program and an API server, and what is said of it."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import anyio
import pytest
import stamina
from api_server import Answer, Asked, Attach, Json, api_server, listed, refused, said
from listeners import closed_port, listening, replying, unanswered
from shop import pod

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import ClusterAccess, Settings
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.sources.k8s import Cluster, open_cluster
from sre_orchestrator.plugins.sources.k8s.cluster import LISTED_TOGETHER
from sre_orchestrator.plugins.sources.k8s.connection import ApiError
from sre_orchestrator.plugins.sources.ports import Listing
from sre_orchestrator.plugins.sources.retries import ATTEMPTS

PODS = "/api/v1/pods"


def pods(cluster: Cluster) -> Listing[Pod]:
    return anyio.run(cluster.list, Pod)


def opened(kubeconfig: Path, **access: Any) -> Cluster:
    return open_cluster(Settings(state_dir="unused", cluster=ClusterAccess(kubeconfig=str(kubeconfig), **access)), {})


def tokens(folder: Path, *every: str) -> Json:
    """Return a user whose credential plugin gives the first token, then the next, and so on, the last for ever."""
    for number, token in enumerate(every):
        (folder / f"token{number}").write_text(token, encoding="utf-8")
    script = folder / "login"
    script.write_text(
        "#!/bin/sh\n"
        f'cd "{folder}"; n=$(ls asked* 2>/dev/null | wc -l); touch "asked$n"\n'
        f'[ -f "token$n" ] || n={len(every) - 1}\n'
        'echo "{\\"apiVersion\\": \\"client.authentication.k8s.io/v1\\", \\"kind\\": \\"ExecCredential\\", '
        '\\"status\\": {\\"token\\": \\"$(cat token$n)\\"}}"\n',
        encoding="utf-8",
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script)}}


def only(token: str, answer: Answer) -> Any:
    """Return what gives ``answer`` to requests with ``token``, and 401 to others."""

    def check(asked: Asked) -> Answer:
        return answer if asked.headers.get("authorization") == f"Bearer {token}" else refused(401, "Unauthorized")

    return check


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_that_stumbles_is_asked_again(attach: Attach, status: int) -> None:
    with api_server({PODS: [refused(status), refused(status), listed(pod("a"))]}) as server:
        listing = pods(attach(server))

    assert [one.metadata.name for one in listing.items] == ["a"]
    assert listing.gaps == ()


def test_a_server_that_goes_on_failing_is_a_gap(attach: Attach) -> None:
    with api_server({PODS: refused(503, "leader is changing")}) as server:
        listing = pods(attach(server))

    assert server.paths.count(PODS) == ATTEMPTS
    assert [(one.what, one.why) for one in listing.gaps] == [("all pods", "503 leader is changing")]


@pytest.mark.parametrize("status", [400, 403, 404, 409])
def test_what_will_not_pass_is_asked_once(attach: Attach, status: int) -> None:
    with api_server({PODS: refused(status)}) as server:
        pods(attach(server))

    assert server.paths.count(PODS) == 1


@pytest.mark.parametrize(
    "answer",
    [refused(429, "slow down", Retry_After="3"), said({"details": {"retryAfterSeconds": 3}}, 429)],
    ids=["header", "status"],
)
def test_a_busy_server_says_when_to_ask_again(attach: Attach, answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    with api_server({PODS: [answer, listed(pod("a"))]}) as server, stamina.set_testing(False):
        cluster = attach(server, timeout_seconds=5)
        monkeypatch.setattr("tenacity.nap.time.sleep", waits.append)
        listing = pods(cluster)

    assert [one.metadata.name for one in listing.items] == ["a"]
    assert waits == [3.0]


def test_no_wait_is_longer_than_a_request_may_take(attach: Attach) -> None:
    with api_server({PODS: refused(429, Retry_After="3600")}) as server:
        cluster = attach(server, timeout_seconds=2)
        with pytest.raises(ApiError) as caught:
            cluster._connection.get(PODS)

    assert caught.value.retry_after == 2.0


def test_an_answer_that_is_cut_off_is_asked_for_again(attach: Attach) -> None:
    whole = listed(pod("a"))
    with api_server({PODS: [Answer(whole.parts, end="cut"), whole]}) as server:
        listing = pods(attach(server))

    assert [one.metadata.name for one in listing.items] == ["a"]
    assert server.paths.count(PODS) == 2


def test_a_server_that_never_answers_is_a_gap(attach: Attach) -> None:
    with api_server({PODS: Answer([b"{"], end="quiet")}) as server:
        listing = pods(attach(server, timeout_seconds=0.2))

    assert listing.gaps[0].why == "no answer within 0.2 s"


def test_a_server_that_drips_is_a_gap(attach: Attach) -> None:
    with api_server({PODS: Answer([b" "] * 200, pause=0.02)}) as server:
        listing = pods(attach(server, timeout_seconds=0.3))

    assert listing.gaps[0].why == "no whole answer within 0.3 s"


def test_a_token_that_has_expired_is_asked_for_once_more(attach: Attach, tmp_path: Path) -> None:
    script = {"/version": only("fresh", said({"gitVersion": "v1.34.0"})), PODS: only("fresh", listed(pod("a")))}
    with api_server(script) as server:
        kubeconfig = server.kubeconfig(tmp_path, user=tokens(tmp_path, "stale", "fresh", "wrong"))
        listing = pods(attach(server, kubeconfig=kubeconfig))

    assert [one.metadata.name for one in listing.items] == ["a"]
    assert len(list(tmp_path.glob("asked*"))) == 2


def test_a_token_that_expires_later_is_renewed_again(attach: Attach, tmp_path: Path) -> None:
    script = {"/version": only("first", said({"gitVersion": "v1.34.0"})), PODS: only("second", listed(pod("a")))}
    with api_server(script) as server:
        kubeconfig = server.kubeconfig(tmp_path, user=tokens(tmp_path, "first", "second"))
        listing = pods(attach(server, kubeconfig=kubeconfig))

    assert listing.gaps == ()


def test_a_new_token_that_is_refused_too_is_said_and_not_asked_for_again(tmp_path: Path) -> None:
    with api_server({"/version": refused(401, "Unauthorized")}) as server:
        kubeconfig = server.kubeconfig(tmp_path, user=tokens(tmp_path, "stale"))
        with pytest.raises(InputError, match="401 Unauthorized; log in again") as caught:
            opened(kubeconfig)

    assert len(list(tmp_path.glob("asked*"))) == 2
    assert "context 'test' of " in str(caught.value)
    assert "stale" not in str(caught.value)


def test_a_plugin_that_fails_in_between_is_a_gap_and_asked_again_later(attach: Attach, tmp_path: Path) -> None:
    user = tokens(tmp_path, "first")
    script = {"/version": only("first", said({"gitVersion": "v1.34.0"})), PODS: only("second", listed(pod("a")))}
    with api_server(script) as server:
        cluster = attach(server, kubeconfig=server.kubeconfig(tmp_path, user=user))
        (tmp_path / "login").chmod(0)
        broken = pods(cluster)
        (tmp_path / "token0").write_text("second", encoding="utf-8")
        (tmp_path / "login").chmod(0o700)
        again = cluster._lists.read(Pod).listing

    assert "the credential plugin" in broken.gaps[0].why
    assert [one.metadata.name for one in again.items] == ["a"]


def test_credentials_that_are_withdrawn_in_between_are_a_gap(attach: Attach, tmp_path: Path) -> None:
    with api_server({PODS: refused(401, "Unauthorized")}) as server:
        cluster = attach(server, kubeconfig=server.kubeconfig(tmp_path, user={"token": "t0k3n"}))
        listing = pods(cluster)

    assert [one.why for one in listing.gaps] == ["401 Unauthorized"]
    assert server.paths.count(PODS) == 2


def test_where_nobody_listens_it_says_what_to_do(tmp_path: Path) -> None:
    with api_server({}) as server:
        kubeconfig = server.kubeconfig(tmp_path, server=f"http://127.0.0.1:{closed_port()}")
    with pytest.raises(InputError) as caught:
        opened(kubeconfig)

    text = str(caught.value)
    assert text.startswith(f"context 'test' of {kubeconfig} (http://127.0.0.1:")
    assert "Connection refused" in text
    assert "object at" not in text
    assert "--context" in text


def test_a_name_that_does_not_resolve_says_so(tmp_path: Path) -> None:
    with api_server({}) as server:
        kubeconfig = server.kubeconfig(tmp_path, server="http://api.cluster.invalid:6443")
    with pytest.raises(InputError, match=r"api\.cluster\.invalid.*check that the cluster runs"):
        opened(kubeconfig)


def test_a_server_that_hangs_up_says_so(tmp_path: Path) -> None:
    with (
        api_server({}) as server,
        listening(replying(b"")) as port,
        pytest.raises(InputError, match=r"Remote end closed connection without response; check that the cluster runs"),
    ):
        opened(server.kubeconfig(tmp_path, server=f"http://127.0.0.1:{port}"))


def test_a_silent_server_says_so(tmp_path: Path) -> None:
    with (
        api_server({"/version": Answer([], end="quiet")}) as server,
        pytest.raises(InputError, match=r"no answer within 0\.2 s; check that the cluster runs"),
    ):
        opened(server.kubeconfig(tmp_path), timeout_seconds=0.2)


def test_an_address_where_no_connection_is_made_says_so(tmp_path: Path) -> None:
    with (
        api_server({}) as server,
        unanswered() as port,
        pytest.raises(InputError, match=r"timed out.*check that the cluster runs"),
    ):
        opened(server.kubeconfig(tmp_path, server=f"http://127.0.0.1:{port}"), timeout_seconds=0.2)


def test_something_else_than_an_api_server_says_so(tmp_path: Path) -> None:
    with (
        api_server({"/version": Answer([b"<html>"])}) as server,
        pytest.raises(InputError, match="no Kubernetes API server; correct the address"),
    ):
        opened(server.kubeconfig(tmp_path))


def test_a_redirection_is_not_followed(tmp_path: Path) -> None:
    with (
        api_server({"/version": Answer([], 302, {"Location": "/elsewhere"})}) as server,
        pytest.raises(InputError, match="302 Found"),
    ):
        opened(server.kubeconfig(tmp_path, user={"token": "t0k3n"}))

    assert server.paths == ["/version"]


def test_a_server_that_hides_its_version_can_be_read(attach: Attach) -> None:
    with api_server({"/version": refused(403), PODS: listed(pod("a"))}) as server:
        cluster = attach(server)
        listing, version = pods(cluster), anyio.run(cluster.server_version)

    assert (len(listing.items), version) == (1, "")


def test_no_proxy_of_the_environment_is_asked_for_this_machine(attach: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    with api_server({PODS: listed(pod("a"))}) as server:
        listing = pods(attach(server))

    assert len(listing.items) == 1


def test_a_proxy_of_the_kubeconfig_is_asked(tmp_path: Path) -> None:
    with api_server({}) as server:
        proxied = server.kubeconfig(tmp_path, **{"proxy-url": f"http://127.0.0.1:{closed_port()}"})
        with pytest.raises(InputError, match="proxy"):
            opened(proxied)

    assert server.paths == []


def test_a_compressed_answer_is_read(attach: Attach) -> None:
    with api_server({PODS: listed(pod("a"), pod("b")).compressed()}) as server:
        listing = pods(attach(server))

    assert len(listing.items) == 2


def test_an_error_that_is_cut_off_is_said_by_its_status(attach: Attach) -> None:
    with api_server({PODS: Answer([b"{"], 409, end="cut")}) as server:
        listing = pods(attach(server))

    assert listing.gaps[0].why == "409 Conflict"


def test_requests_are_counted(attach: Attach) -> None:
    with api_server({PODS: [refused(500), listed()]}) as server:
        cluster = attach(server)
        pods(cluster)

    assert cluster.requests == len(server.asked) == 3


def test_there_are_connections_for_a_watch_of_each_kind_and_lists_beside_them(
    attach: Attach, caplog: pytest.LogCaptureFixture
) -> None:
    with api_server({}) as server:
        connection = attach(server)._connection
        answers = [connection.open("/version", {}) for _ in range(len(KINDS) + LISTED_TOGETHER)]
        for answer in answers:
            assert list(connection.chunks(answer))

    assert "pool is full" not in caplog.text
