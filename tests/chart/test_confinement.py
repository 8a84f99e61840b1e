"""What the chart renders is confined: reading rights only, no privileges, nothing writable, bounded memory."""

from __future__ import annotations

import re

import pytest
from helm import COMBINATIONS, HELMS, Manifest, containers, manifests, one_of, pods, template

READING = {"get", "list", "watch"}
TOKENS = {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]}  # stores nothing
NAMED = re.compile(r".+(:[\w.-]+|@sha256:[0-9a-f]{64})")  # a tag or a digest
UNITS = {"Mi": 1024**2, "Gi": 1024**3}


@pytest.fixture(params=[(version, name) for version in HELMS for name in COMBINATIONS], ids="-".join)
def rendered(request: pytest.FixtureRequest) -> tuple[str, tuple[Manifest, ...]]:
    """Return a combination's name and its manifests."""
    version, combination = request.param
    return combination, manifests(template(version, combination=combination).stdout)


def rules(documents: tuple[Manifest, ...]) -> list[Manifest]:
    return [rule for one in documents if one["kind"].endswith("Role") for rule in one["rules"]]


def memory(quantity: str) -> int:
    return int(quantity[:-2]) * UNITS[quantity[-2:]]


def test_everything_documented_is_confined(rendered: tuple[str, tuple[Manifest, ...]]) -> None:
    name, documents = rendered

    may_write = [rule for rule in rules(documents) if not set(rule["verbs"]) <= READING and rule != TOKENS]
    secrets = [rule["verbs"] for rule in rules(documents) if {"secrets", "*"} & set(rule["resources"])]
    assert rules(documents)
    assert may_write == []
    assert secrets == ([["get", "list", "watch"]] * len(secrets) if "helm-history" in name else [])
    assert not [rule for rule in rules(documents) if "*" in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])]
    for pod in pods(documents):
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & set(pod)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"].get("runAsUser", 65532) > 10_000
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not [volume for volume in pod.get("volumes", ()) if "hostPath" in volume]
        for container in containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert (
                "image" in name
                or "airgapped" in name
                or memory(container["resources"]["limits"]["memory"]) <= 512 * 1024**2
            )
            assert NAMED.fullmatch(container["image"])
            assert not container["image"].endswith(":latest")


def test_each_mount_has_its_volume_and_its_place(rendered: tuple[str, tuple[Manifest, ...]]) -> None:
    _, documents = rendered
    claims = [
        claim["metadata"]["name"] for claim in one_of(documents, "StatefulSet")["spec"].get("volumeClaimTemplates", ())
    ]

    for pod in pods(documents):
        volumes = [volume["name"] for volume in pod.get("volumes", ())] + (claims if "restartPolicy" not in pod else [])
        assert len(set(volumes)) == len(volumes)
        used = {mount["name"] for container in containers(pod) for mount in container.get("volumeMounts", ())}
        assert used == set(volumes)
        for container in containers(pod):
            places = [mount["mountPath"] for mount in container.get("volumeMounts", ())]
            assert len(set(places)) == len(places)


def test_what_is_written_to_is_state_and_temporary_files(rendered: tuple[str, tuple[Manifest, ...]]) -> None:
    _, documents = rendered
    (container,) = one_of(documents, "StatefulSet")["spec"]["template"]["spec"]["containers"]

    writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}

    assert writable == {"/var/lib/sre-orchestrator", "/tmp"}


def test_labels_select_the_pods(rendered: tuple[str, tuple[Manifest, ...]]) -> None:
    _, documents = rendered
    labels = one_of(documents, "StatefulSet")["spec"]["template"]["metadata"]["labels"].items()
    selectors = [one_of(documents, "Service")["spec"]["selector"]]
    for one in documents:
        for key in ("selector", "podSelector"):
            if "matchLabels" in one.get("spec", {}).get(key, {}):
                selectors.append(one["spec"][key]["matchLabels"])

    assert len(selectors) >= 2
    assert all(selector.items() <= labels for selector in selectors)
    test_pod = one_of(documents, "Pod")["metadata"]["labels"].items()
    assert not any(selector.items() <= test_pod for selector in selectors)


def test_each_object_says_where_it_belongs(rendered: tuple[str, tuple[Manifest, ...]]) -> None:
    _, documents = rendered

    homeless = {one["kind"] for one in documents if "namespace" not in one["metadata"]}
    assert homeless <= {"ClusterRole", "ClusterRoleBinding"}
