"""Kubeconfigs as people have them, and the account of a pod."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import anyio
import pytest
from api_server import Answer, Asked, Attach, Json, api_server, listed, refused, server_side
from listeners import certificate
from shop import pod

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import ClusterAccess, Settings
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.sources.k8s import Cluster, access, open_cluster
from sre_orchestrator.plugins.sources.k8s.access import find_access

PODS = "/api/v1/pods"


def encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """Return the certificate of the server, which is its own authority."""
    return certificate(tmp_path, ["127.0.0.1"])


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """Return a certificate of a client."""
    folder = tmp_path / "client"
    folder.mkdir()
    return certificate(folder, ["somebody"])


def pods(cluster: Cluster) -> list[str]:
    return [one.metadata.name for one in anyio.run(cluster.list, Pod).items]


def attach_to(kubeconfig: Path) -> Cluster:
    return open_cluster(Settings(cluster=ClusterAccess(kubeconfig=str(kubeconfig))), {})


def with_token(token: str) -> Any:
    def check(asked: Asked) -> Answer:
        given = asked.headers.get("authorization", "").lower() == f"bearer {token}"
        return listed(pod("a")) if given else refused(401)

    return check


def written(folder: Path, document: Any) -> Path:
    path = folder / "config"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def found(path: Path | str, context: str = "", **environment: str) -> access.Access:
    return find_access(ClusterAccess(kubeconfig=str(path), context=context), environment)


def cluster_of(server: str) -> Json:
    return {"server": server}


def config(*contexts: str, current: str = "") -> Json:
    """Return a kubeconfig whose contexts have a cluster and a namespace each, called like them."""
    return {
        "clusters": [{"name": one, "cluster": cluster_of(f"http://{one}.example:1")} for one in contexts],
        "contexts": [{"name": one, "context": {"cluster": one, "namespace": f"at-{one}"}} for one in contexts],
        **({"current-context": current} if current else {}),
    }


def test_a_token_is_sent(attach: Attach, tmp_path: Path) -> None:
    with api_server({PODS: with_token("t0k3n")}) as server:
        names = pods(attach(server, kubeconfig=server.kubeconfig(tmp_path, user={"token": "t0k3n"})))

    assert names == ["a"]


def test_a_token_in_a_file_is_sent(attach: Attach, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0k3n", encoding="utf-8")
    with api_server({PODS: with_token("t0k3n")}) as server:
        names = pods(attach(server, kubeconfig=server.kubeconfig(tmp_path, user={"tokenFile": "token"})))

    assert names == ["a"]


def test_a_name_and_password_are_sent(attach: Attach, tmp_path: Path) -> None:
    user = {"username": "somebody", "password": "hunter2"}
    with api_server({PODS: listed(pod("a"))}) as server:
        pods(attach(server, kubeconfig=server.kubeconfig(tmp_path, user=user)))

    sent = base64.b64encode(b"somebody:hunter2").decode()
    assert {one.headers["authorization"] for one in server.asked} == {f"Basic {sent}"}


@pytest.mark.parametrize("inline", [True, False], ids=["in the kubeconfig", "in files"])
def test_a_client_certificate_is_shown(attach: Attach, tmp_path: Path, pem: Path, ours: Path, inline: bool) -> None:
    user = {"client-certificate": "client/server.pem", "client-key": "client/server.pem"}
    authority: Json = {"certificate-authority": str(pem)}
    if inline:
        user = {"client-certificate-data": encoded(ours), "client-key-data": encoded(ours)}
        authority = {"certificate-authority-data": encoded(pem)}
    with api_server({PODS: listed(pod("a"))}, tls=server_side(pem, clients=ours)) as server:
        names = pods(attach(server, kubeconfig=server.kubeconfig(tmp_path, user=user, **authority)))

    assert names == ["a"]


def test_a_server_whose_authority_is_unknown_is_not_trusted(tmp_path: Path, pem: Path) -> None:
    with (
        api_server({}, tls=server_side(pem)) as server,
        pytest.raises(InputError, match=r"TLS: .*certificate verify failed.*; check certificate-authority"),
    ):
        attach_to(server.kubeconfig(tmp_path))

    assert server.asked == []


def test_a_certificate_of_another_host_is_not_trusted(tmp_path: Path) -> None:
    other = certificate(tmp_path, ["kubernetes.example"])
    with (
        api_server({}, tls=server_side(other)) as server,
        pytest.raises(InputError, match="check certificate-authority and tls-server-name"),
    ):
        attach_to(server.kubeconfig(tmp_path, **{"certificate-authority": str(other)}))


def test_the_name_to_expect_in_the_certificate_can_be_given(attach: Attach, tmp_path: Path) -> None:
    other = certificate(tmp_path, ["kubernetes.example"])
    more = {"certificate-authority": str(other), "tls-server-name": "kubernetes.example"}
    with api_server({PODS: listed(pod("a"))}, tls=server_side(other)) as server:
        names = pods(attach(server, kubeconfig=server.kubeconfig(tmp_path, **more)))

    assert names == ["a"]


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_a_kubeconfig_may_say_to_trust_anybody(attach: Attach, tmp_path: Path, pem: Path) -> None:
    with api_server({PODS: listed(pod("a"))}, tls=server_side(pem)) as server:
        kubeconfig = server.kubeconfig(tmp_path, **{"insecure-skip-tls-verify": True})
        names = pods(attach(server, kubeconfig=kubeconfig))

    assert names == ["a"]


def test_a_certificate_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with api_server({}) as server:
        kubeconfig = server.kubeconfig(tmp_path, server="https://x", **{"certificate-authority": "missing.crt"})
    with pytest.raises(InputError, match=r"context 'test' cannot be used: .*missing\.crt"):
        found(kubeconfig)


def test_the_current_context_is_taken_or_the_one_that_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, config("eu", "us", current="us"))

    assert (found(path).context, found(path).namespace) == ("us", "at-us")
    assert found(path, "eu").configuration.host == "http://eu.example:1"
    assert found(path, "eu").place == f"context 'eu' of {path}"


def test_a_context_that_is_not_there_is_bad_input_and_the_others_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no context 'asia'; give --context, one of: eu, us"):
        found(written(tmp_path, config("us", "eu", current="us")), "asia")


def test_a_kubeconfig_without_current_context_needs_one(tmp_path: Path) -> None:
    path = written(tmp_path, config("eu"))

    assert found(path, "eu").context == "eu"
    with pytest.raises(InputError, match="no context is current; give --context, one of: eu"):
        found(path)


def test_several_kubeconfigs_are_one_and_the_first_goes_before(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    one, two = written(first, config("eu", current="eu")), written(second, config("us", current="us"))
    both = {"KUBECONFIG": f"{one}{os.pathsep}{two}{os.pathsep}{tmp_path / 'none'}"}

    assert find_access(ClusterAccess(), both).context == "eu"
    assert find_access(ClusterAccess(context="us"), both).configuration.host == "http://us.example:1"


def test_a_kubeconfig_of_the_settings_must_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none: does not exist; give a kubeconfig"):
        found(tmp_path / "none")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "cannot be read"),
        ("[1]", "cannot be read"),
        ("", "cannot be read"),
        ("{}", "no context is current"),
        ("{contexts: [{name: a, context: {cluster: b}}], current-context: a}", "cannot be used"),
        ("{contexts: [{name: a, context: {cluster: b}}], clusters: [{name: b}], current-context: a}", "cannot be used"),
    ],
    ids=["no YAML", "a list", "empty", "blank", "no clusters", "a cluster without address"],
)
def test_what_is_no_kubeconfig_is_bad_input(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(InputError, match=f"{tmp_path / 'config'}: .*{why}"):
        found(written(tmp_path, text))


def test_without_any_configuration_it_says_what_to_give() -> None:
    with pytest.raises(InputError, match=r"no cluster is configured: /nowhere .* give --kubeconfig FILE"):
        find_access(ClusterAccess(), {"KUBECONFIG": "/nowhere"})


def plugin(folder: Path, script: str) -> Json:
    path = folder / "login"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o700)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(path)}}


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo please log in >&2; exit 1", "exec: process returned 1. please log in"),
        ("echo nonsense", "exec: failed to decode process output"),
        ('echo \'{"apiVersion": "client.authentication.k8s.io/v1", "kind": "x", "status": {}}\'', "missing token"),
    ],
    ids=["fails", "says nonsense", "gives nothing"],
)
def test_a_credential_plugin_that_fails_is_bad_input(
    tmp_path: Path, script: str, why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with api_server({}) as server:
        kubeconfig = server.kubeconfig(tmp_path, user=plugin(tmp_path, script))
    with pytest.raises(InputError) as caught:
        found(kubeconfig)

    assert f"the credential plugin '{tmp_path}/login' failed: " in str(caught.value)
    assert why in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_credential_plugin_that_is_not_installed_is_bad_input(tmp_path: Path) -> None:
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-login"}}
    with api_server({}) as server:
        kubeconfig = server.kubeconfig(tmp_path, user=user)
    with pytest.raises(InputError, match="the credential plugin 'no-such-login' failed"):
        found(kubeconfig)


def test_a_credential_plugin_may_give_a_certificate(attach: Attach, tmp_path: Path, pem: Path, ours: Path) -> None:
    status = {"clientCertificateData": ours.read_text(), "clientKeyData": ours.read_text()}
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    (tmp_path / "credential").write_text(json.dumps(credential), encoding="utf-8")
    user = plugin(tmp_path, f"cat {tmp_path / 'credential'}")
    with api_server({PODS: listed(pod("a"))}, tls=server_side(pem, clients=ours)) as server:
        kubeconfig = server.kubeconfig(tmp_path, user=user, **{"certificate-authority": str(pem)})
        names = pods(attach(server, kubeconfig=kubeconfig))

    assert names == ["a"]


@pytest.fixture
def account(tmp_path: Path, pem: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which a pod finds its account."""
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text("t0k3n", encoding="utf-8")
    (folder / "ca.crt").write_bytes(pem.read_bytes())
    monkeypatch.setattr(access, "ACCOUNT", folder)
    return folder


def in_pod(url: str) -> dict[str, str]:
    host, port = url.removeprefix("https://").split(":")
    return {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port, "KUBECONFIG": "/nowhere"}


@pytest.mark.usefixtures("account")
def test_in_a_pod_its_account_is_used(pem: Path) -> None:
    with api_server({PODS: with_token("t0k3n")}, tls=server_side(pem)) as server:
        cluster = open_cluster(Settings(), in_pod(server.url))
        names = pods(cluster)
        cluster.close()

    assert (names, cluster.context, cluster.namespaces) == (["a"], "", ())


def test_a_pod_without_account_says_what_to_do(account: Path) -> None:
    (account / "token").unlink()
    with pytest.raises(InputError, match="automountServiceAccountToken"):
        find_access(ClusterAccess(), in_pod("https://127.0.0.1:1"))
