"""The container's own command on the demo served as a cluster: asked by the chart's test, and as its notes say."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from extras import program
from helm import CHART, HELMS, Manifest, helm, manifests, one_of, template

import sre_orchestrator.api
from sre_orchestrator.api.wire.kubeconfig import write_kubeconfig
from sre_orchestrator.api.wire.server import serving

DEMO = Path(str(sre_orchestrator.api.__file__)).parent / "demo" / "shop"
SETTINGS = "/etc/sre-orchestrator/settings.yaml"
GAPS = 3  # what doctor ends with: something is missing
KUBECTL = """\
#!/bin/sh
# what the notes need of kubectl: a command in the pod runs here; a token is a key, for nobody makes tokens here
echo "$*" >>"$0.log"
case "$1" in
exec) shift 5; exec "$@" ;;
create) exec sre-orchestrator keys create token ;;
esac
"""
ASKED_OF_EVERYBODY = re.compile(r"/(version|api|apis|openapi/.*|apis/authorization\.k8s\.io/.*)")
LISTED = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/\w+(?:/namespaces/[^/]+)?/(?P<plural>[a-z]+)(?:/[^/]+(?P<sub>/log)?)?"
)


@dataclass
class Pod:
    """What runs as the pod would: its address, its variables, and what it asked the API server."""

    address: str
    variables: dict[str, str]
    asked: set[tuple[str, str]] = field(default_factory=set)

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a command in the pod."""
        return subprocess.run(
            command,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )


@pytest.fixture(scope="module")
def documents() -> tuple[Manifest, ...]:
    return manifests(template(HELMS[-1]).stdout)


@pytest.fixture(scope="module")
def pod(documents: tuple[Manifest, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """Start what the container starts, and end it as Kubernetes does."""
    (container,) = one_of(documents, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    folder = tmp_path_factory.mktemp("pod")
    text = one_of(documents, "ConfigMap")["data"]["settings.yaml"].replace("/var/lib/sre-orchestrator", str(folder))
    (folder / "settings.yaml").write_text(text, encoding="utf-8")
    (folder / "kubectl").write_text(KUBECTL, encoding="utf-8")
    (folder / "kubectl").chmod(0o755)
    port = free_port()
    command = [
        part.replace("0.0.0.0", "127.0.0.1").replace("8080", str(port)).replace(SETTINGS, f"{folder}/settings.yaml")
        for part in container["command"]
    ]
    asked: set[tuple[str, str]] = set()
    with serving(DEMO, on_answer=lambda method, path, _: asked.add((method, path))) as cluster:
        variables = {
            "PATH": f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "KUBECONFIG": str(write_kubeconfig(folder / "kubeconfig", cluster, namespace="")),
            "SRE_ORCHESTRATOR_SETTINGS": f"{folder}/settings.yaml",
        }
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, env=variables, stderr=log)
        try:
            yield Pod(f"http://127.0.0.1:{port}", variables, asked)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0, (folder / "log").read_text(encoding="utf-8")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_the_container_starts_and_the_chart_finds_it_ready(
    documents: tuple[Manifest, ...], pod: Pod, tmp_path: Path
) -> None:
    (container,) = one_of(documents, "Pod")["spec"]["containers"]
    *command, mounted, asked = container["command"]
    (tmp_path / "token").write_text(pod.run(["sre-orchestrator", "keys", "create", "test"]).stdout.strip())

    done = pod.run([*command, str(tmp_path / "token"), pod.address])

    assert (mounted, asked) == ("/token/token", "http://sre-sre-orchestrator:8080")
    assert done.returncode == 0, done.stdout + done.stderr
    ends = {"/healthz 200", "/readyz 200", "/api/v1/incidents 401", "/api/v1/incidents?limit=1 200"}
    assert ends <= set(done.stdout.splitlines())


def test_the_notes_lead_to_a_first_answer(pod: Pod) -> None:
    program("curl")
    notes = helm(HELMS[-1], "install", "sre", str(CHART), "--namespace", "tools", "--dry-run=client").stdout
    first = notes.partition("read the answer:\n")[2].partition("\n\n")[0]

    done = pod.run(["sh", "-euc", first.replace("http://127.0.0.1:8080", pod.address)])

    assert done.returncode == 0, done.stderr
    assert "event: done" in done.stdout
    assert "memory-limit-too-low" in done.stdout
    called = Path(pod.variables["KUBECONFIG"]).with_name("kubectl.log").read_text(encoding="utf-8").splitlines()
    assert "port-forward -n tools service/sre-sre-orchestrator 8080:8080" in called
    assert "create token -n tools sre-sre-orchestrator --audience sre-orchestrator" in called


def test_the_role_permits_whatever_is_asked(documents: tuple[Manifest, ...], pod: Pod, tmp_path: Path) -> None:
    role = {
        (group, resource)
        for rule in one_of(documents, "ClusterRole")["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    commands = ("doctor", f"snapshot take {tmp_path}/taken", 'diagnose "checkout answers 500" --namespace shop')

    ended = [pod.run(["sre-orchestrator", *shlex.split(one)]).returncode for one in commands]

    assert set(ended) <= {0, GAPS}
    beyond = {f"{method} {path}" for method, path in pod.asked if not permitted(method, path, role)}
    secrets = {one for one in beyond if re.search(r"/secrets(\?|$)", one)}  # what is refused is told as a gap
    assert beyond == secrets
    assert len(pod.asked) > len(role)


def permitted(method: str, path: str, role: set[tuple[str, str]]) -> bool:
    """Say whether a request is open to every account, or a read that ``role`` permits."""
    plain = path.partition("?")[0]
    if ASKED_OF_EVERYBODY.fullmatch(plain):
        return True
    found = LISTED.fullmatch(plain)
    return bool(found) and method == "GET" and (found["group"] or "", found["plural"] + (found["sub"] or "")) in role
