"""The kubernetes agent on custom resources: certificates, deliveries, Rollouts and scalers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import look
from shop import thing

from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.kubernetes import KubernetesAgent

Json = dict[str, Any]
LATELY = "2030-05-01T11:50:00Z"
LATER = "2030-05-01T12:10:00Z"


def condition(kind: str, status: str, reason: str = "", message: str = "", at: str = LATELY) -> Json:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": at}


def resource(kind: str, *conditions: Json, name: str = "web", namespace: str = "shop", **more: Any) -> Json:
    status = {"conditions": list(conditions), **more.pop("status", {})}
    return thing(kind, name, namespace=namespace, status=status, **more)


READY = condition("Ready", "True", "Ready")
UNREADY = condition("Ready", "False", "Failed", "it failed")
SYNCED = {"operationState": {"phase": "Succeeded", "finishedAt": LATELY}, "health": {"status": "Healthy"}}
FAILED = {"operationState": {"phase": "Failed", "message": "denied", "startedAt": LATELY}}
DEGRADED = {"phase": "Degraded", "message": "ProgressDeadlineExceeded: it timed out"}
HERE = {"destination": {"namespace": "shop"}}
THERE = {"destination": {"namespace": "bank"}}


def seen_from_shop(folder: Path, unwell: Json) -> list[Fact]:
    return look(KubernetesAgent(), folder, unwell, namespaces=("shop",)).of("resource.state")


@pytest.mark.parametrize(
    "healthy",
    [
        resource("Certificate", READY),
        resource("Certificate", condition("Issuing", "True"), READY),
        resource("Certificate", condition("Ready", "Unknown")),
        resource("Certificate", condition("Ready", "False", "DoesNotExist", at=LATER)),
        resource("Kustomization", READY),
        resource("Kustomization", UNREADY, spec={"suspend": True}),
        resource("HelmRelease", condition("Ready", "Unknown", "Progressing"), condition("Reconciling", "True")),
        resource("HelmRelease", UNREADY, spec={"suspend": True}),
        resource("ScaledObject", READY, condition("Active", "False"), condition("Fallback", "False")),
        resource("ScaledObject", UNREADY, condition("Paused", "True")),
        resource("Application", status=SYNCED, spec=HERE),
        resource("Application", {"type": "OrphanedResourceWarning", "message": "two"}, status=SYNCED, spec=HERE),
        resource("Application", status={"operationState": {"phase": "Running"}, "health": {"status": "Progressing"}}),
        resource("Application", status={"health": {"status": "Suspended"}}),
        resource("Rollout", status={"phase": "Healthy"}),
        resource("Rollout", status={"phase": "Progressing", "message": "more replicas need to be updated"}),
        resource("Rollout", status={"phase": "Paused", "message": "CanaryPauseStep"}),
        resource("Rollout", status=DEGRADED, spec={"paused": True}),
        resource("Rollout", status=DEGRADED, spec={"replicas": 0}),
        resource("Certificate", UNREADY, namespace="bank"),
    ],
    ids=lambda one: one["kind"],
)
def test_what_is_well_on_its_way_or_suspended_says_nothing(tmp_path: Path, healthy: Json) -> None:
    assert seen_from_shop(tmp_path, healthy) == []


@pytest.mark.parametrize(
    ("unwell", "said"),
    [
        (
            resource("Certificate", UNREADY, name="web-tls", spec={"secretName": "web-cert"}),
            ("certificate/shop/web-tls", "Ready", "False", "Failed", "secret/shop/web-cert", 600),
        ),
        (resource("Certificate", UNREADY), ("certificate/shop/web", "Ready", "False", "Failed", None, 600)),
        (
            resource("HelmRelease", UNREADY),
            ("helmrelease/shop/web", "Ready", "False", "Failed", "namespace/shop", 600),
        ),
        (
            resource("ScaledObject", {"type": "Ready", "status": "False"}, spec={"scaleTargetRef": {"name": "cart"}}),
            ("scaledobject/shop/web", "Ready", "False", None, "deployment/shop/cart", None),
        ),
        (
            resource("ScaledObject", READY, condition("Fallback", "True", "FallbackExists")),
            ("scaledobject/shop/web", "Fallback", "True", "FallbackExists", None, 600),
        ),
        (
            resource("Application", status=FAILED, spec=HERE),
            ("application/shop/web", "Synced", "False", "Failed", "namespace/shop", 600),
        ),
        (
            resource("Application", {"type": "ComparisonError", "message": "no repository"}, spec=THERE),
            ("application/shop/web", "Synced", "False", "ComparisonError", "namespace/bank", None),
        ),
        (
            resource("Application", status={"health": {"status": "Degraded", "lastTransitionTime": LATELY}}),
            ("application/shop/web", "Healthy", "False", "Degraded", "namespace/shop", 600),
        ),
        (
            resource("Rollout", condition("Progressing", "False"), status=DEGRADED),
            ("rollout/shop/web", "Phase", "Degraded", "ProgressDeadlineExceeded", None, 600),
        ),
        (
            resource("Rollout", status={"phase": "Degraded", "message": "odd"}),
            ("rollout/shop/web", "Phase", "Degraded", None, None, None),
        ),
    ],
    ids=lambda one: one["kind"] if isinstance(one, dict) else "",
)
def test_what_is_not_well_is_told_with_what_it_is_about(
    tmp_path: Path, unwell: Json, said: tuple[str | float | None, ...]
) -> None:
    (fact,) = seen_from_shop(tmp_path, unwell)

    told = [fact.attributes.get(name) for name in ("type", "status", "reason", "target", "for_seconds")]
    assert (fact.component, *told) == said
    assert fact.attributes["resource_kind"] == unwell["kind"]


def test_a_sync_error_beside_the_failed_sync_is_told_once(tmp_path: Path) -> None:
    unwell = resource("Application", condition("SyncError", ""), status=FAILED, spec=HERE)

    (fact,) = seen_from_shop(tmp_path, unwell)

    assert fact.attributes["reason"] == "Failed"


@pytest.mark.parametrize(
    ("delivery", "concerned"),
    [
        (resource("Application", status=FAILED, spec=HERE, namespace="argocd"), ["namespace/shop"]),
        (resource("Application", status=FAILED, spec=THERE, namespace="argocd"), []),
        (resource("HelmRelease", UNREADY, spec={"targetNamespace": "shop"}, namespace="argocd"), ["namespace/shop"]),
        (
            resource(
                "Kustomization",
                UNREADY,
                namespace="argocd",
                status={"inventory": {"entries": [{"id": "shop_web_apps_Deployment"}, {"id": "_shop__Namespace"}]}},
            ),
            ["namespace/shop"],
        ),
        (
            resource(
                "Kustomization",
                UNREADY,
                namespace="argocd",
                status={"inventory": {"entries": [{"id": "shop_web_apps_Deployment"}, {"id": "bank_a__Service"}]}},
            ),
            [None],
        ),
        (resource("Kustomization", UNREADY, namespace="argocd"), []),
    ],
)
def test_a_delivery_from_elsewhere_concerns_where_it_delivers_to(
    tmp_path: Path, delivery: Json, concerned: list[str | None]
) -> None:
    assert [one.attributes.get("target") for one in seen_from_shop(tmp_path, delivery)] == concerned


def test_messages_are_short_and_hold_no_secrets(tmp_path: Path) -> None:
    message = "cannot reach https://robot:hunter2secret@git.example/shop " + "x" * 1000

    (fact,) = seen_from_shop(tmp_path, resource("Kustomization", condition("Ready", "False", "GitFailed", message)))

    assert "hunter2secret" not in str(fact.attributes["message"])
    assert len(str(fact.attributes["message"])) <= 520


def test_states_are_covered_only_where_all_of_them_were_looked_for(tmp_path: Path) -> None:
    kinds = ["Certificate", "Application", "Rollout", "Kustomization", "HelmRelease", "ScaledObject"]

    complete = look(KubernetesAgent(), tmp_path / "complete", kinds=kinds)
    partly = look(KubernetesAgent(), tmp_path / "partly", kinds=kinds[1:])

    assert ("resource.state", "namespace/shop") in complete.coverage
    assert "resource.state" not in {kind for kind, _ in partly.coverage}
