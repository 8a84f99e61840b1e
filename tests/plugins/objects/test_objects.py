"""Kubernetes objects as they come: optional fields, numbers or names, nothing of a secret."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import event, pod, service, thing, workload

from sre_orchestrator.plugins.objects.config import ConfigMap, Secret
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import Service, ServicePort
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.objects.workloads import DaemonSet, Deployment, PodDisruptionBudget


def read(kind: type[Any], json: dict[str, Any]) -> Any:
    return msgspec.json.decode(msgspec.json.encode(json), type=kind)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_is_read_from_next_to_nothing(kind: type[Object]) -> None:
    found = read(kind, {"kind": KINDS[kind].kind, "metadata": {"name": "x", "managedFields": []}, "unknown": 1})

    assert (found.metadata.name, found.metadata.namespace) == ("x", "")


@given(st.integers(1, 65535), st.integers(1, 65535) | st.from_regex(r"[a-z]([a-z-]{0,10}[a-z])?", fullmatch=True))
def test_a_target_port_is_a_number_or_a_name(port: int, target: int | str) -> None:
    found = read(ServicePort, {"port": port, "targetPort": target})

    assert found.target == target
    assert type(found.target) is type(target)


@pytest.mark.parametrize("absent", [{}, {"targetPort": None}, {"targetPort": 0}, {"targetPort": ""}])
def test_an_absent_target_port_is_the_port(absent: dict[str, Any]) -> None:
    assert read(ServicePort, {"port": 80, **absent}).target == 80


@pytest.mark.parametrize("value", [1, "25%"])
def test_a_budget_is_a_number_or_a_share(value: int | str) -> None:
    assert (
        read(PodDisruptionBudget, thing("PodDisruptionBudget", "x", spec={"minAvailable": value})).spec.min_available
        == value
    )


@pytest.mark.parametrize("value", [1.5, True, [], {}])
def test_what_is_neither_number_nor_text_is_refused(value: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        read(ServicePort, {"port": 80, "targetPort": value})


def test_a_workload_wants_one_pod_unless_it_says_otherwise() -> None:
    assert read(Deployment, {"metadata": {"name": "x"}}).desired == 1
    assert read(Deployment, workload("Deployment", "x", replicas=0)).desired == 0
    assert read(DaemonSet, workload("DaemonSet", "x", replicas=3, ready=2)).desired == 3
    assert read(DaemonSet, workload("DaemonSet", "x", replicas=3, ready=2)).ready == 2
    assert read(Deployment, workload("Deployment", "x", replicas=3, ready=2)).available == 2


def test_events_of_both_apis_read_alike() -> None:
    old = read(Event, event("BackOff", "again", count=7, last="2030-05-01T12:00:00Z"))
    new = read(
        Event,
        thing(
            "Event",
            "x",
            regarding={"kind": "Pod", "name": "cart-1"},
            note="again",
            reason="BackOff",
            eventTime="2030-05-01T09:00:00.000000Z",
            series={"count": 7, "lastObservedTime": "2030-05-01T12:00:00.000000Z"},
            deprecatedSource={"component": "x"},
            reportingController="kubelet",
        ),
    )

    for one in (old, new):
        assert (one.about.kind, one.about.name, one.text, one.times, one.reporter) == (
            "Pod",
            "cart-1",
            "again",
            7,
            "kubelet",
        )
        assert one.last.hour == 12
        assert one.first.hour == 9


def test_an_event_without_anything_is_still_an_event() -> None:
    bare = read(Event, {"metadata": {"name": "x"}})

    assert (bare.about.name, bare.text, bare.times, bare.first, bare.last, bare.reporter) == ("", "", 1, None, None, "")


def test_of_a_secret_only_the_names_of_the_keys_are_kept() -> None:
    applied = {
        "kubectl.kubernetes.io/last-applied-configuration": '{"stringData": {"password": "hunter2"}}',
        "team": "x",
    }
    secret = read(
        Secret,
        thing(
            "Secret",
            "db",
            data={"password": "aHVudGVyMg=="},
            stringData={"token": "t0ken"},
            metadata={"annotations": applied},
        ),
    )

    assert secret.keys == {"password", "token"}
    assert secret.metadata.annotations == {"team": "x"}
    assert not any(word in repr(secret) for word in ("aHVudGVyMg==", "t0ken", "hunter2"))


def test_of_binary_data_only_the_names_are_kept() -> None:
    assert "AAAA" not in repr(read(ConfigMap, thing("ConfigMap", "x", binaryData={"blob": "AAAA"})))


@pytest.mark.parametrize("at", ["2030-05-01T12:00:00", "yesterday", 5])
def test_a_time_without_a_zone_is_refused(at: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        read(Pod, pod("x", metadata={"creationTimestamp": at}))


def test_names_in_any_script_are_kept() -> None:
    assert read(Service, service("käse-🧀", {"größe": "日本"})).spec.selector == {"größe": "日本"}
