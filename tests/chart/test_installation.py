"""The real Helm installs, upgrades and removes the chart, in an API that accepts writes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import helm_api
import pytest
from extras import program
from helm import CHART, manifests, template, values
from helm_api import Cluster, served
from helm_chart import Helm

KINDS = {
    "v1": {"serviceaccounts": "ServiceAccount"},
    "networking.k8s.io/v1": {"networkpolicies": "NetworkPolicy"},
    "policy/v1": {"poddisruptionbudgets": "PodDisruptionBudget"},
    "rbac.authorization.k8s.io/v1": {
        "clusterroles": "ClusterRole", "clusterrolebindings": "ClusterRoleBinding",
        "roles": "Role", "rolebindings": "RoleBinding",
    },
}  # fmt: skip
RECORD = "secrets"  # where Helm keeps its own


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    for version, kinds in KINDS.items():
        monkeypatch.setitem(helm_api.SERVED, version, {**helm_api.SERVED.get(version, {}), **kinds})
    return Cluster()


@pytest.fixture(params=["3.18", "4.3"])
def helm(request: pytest.FixtureRequest, cluster: Cluster, tmp_path: Path) -> Iterator[Helm]:
    with served(cluster) as address:
        yield Helm(request.param, address, tmp_path, namespace="tools")


def installed(cluster: Cluster) -> set[str]:
    return {plural for plural, _, _ in cluster.objects} - {RECORD}


def test_it_is_installed_changed_and_removed(helm: Helm, cluster: Cluster) -> None:
    everywhere = {"clusterroles", "clusterrolebindings"}
    own = {"serviceaccounts", "configmaps", "services", "statefulsets", "networkpolicies"}

    notes = helm("install", "sre", str(CHART), "--disable-openapi-validation")
    first = installed(cluster)
    changed = helm("upgrade", "sre", str(CHART), "--disable-openapi-validation", "--values", str(values("namespaced")))
    second = {place[1:] for place in cluster.objects if place[0] == "roles"}
    narrowed = installed(cluster)
    helm("uninstall", "sre")

    assert "kubectl create token -n tools sre-sre-orchestrator --audience sre-orchestrator" in notes
    assert first == own | everywhere
    assert "watches the namespaces shop, payments and opens incidents by itself; it changes nothing" in changed
    assert "sre-orchestrator keys create first" in changed
    assert second == {("shop", "sre-sre-orchestrator-tools"), ("payments", "sre-sre-orchestrator-tools")}
    assert narrowed == own | {"roles", "rolebindings"}
    assert installed(cluster) == set()


@pytest.mark.parametrize("version", ["kubectl-1.33", "kubectl-1.37"])
def test_kubectl_takes_what_is_rendered(version: str, cluster: Cluster, tmp_path: Path) -> None:
    rendered = template("helm-4.3", combination="replicas")
    with served(cluster) as address:
        kubeconfig = Helm("4.3", address, tmp_path).kubeconfig
        done = subprocess.run(
            [program(version), "create", "--dry-run=client", "--validate=false", "-o", "name", "-f", "-"],
            env={"KUBECONFIG": str(kubeconfig), "HOME": str(tmp_path)}, input=rendered.stdout,
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(manifests(rendered.stdout))
    assert cluster.objects == {}
