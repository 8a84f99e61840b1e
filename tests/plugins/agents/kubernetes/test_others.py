"""The kubernetes agent on autoscalers, Jobs and CronJobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import look
from shop import event, thing

from sre_orchestrator.plugins.agents.kubernetes import KubernetesAgent

Json = dict[str, Any]
LATELY = "2030-05-01T11:50:00Z"


def autoscaler(kind: str, status: str, reason: str, current: int = 4) -> Json:
    return thing(
        "HorizontalPodAutoscaler",
        "cart",
        spec={"scaleTargetRef": {"kind": "Deployment", "name": "cart"}, "maxReplicas": 4},
        status={"currentReplicas": current, "conditions": [{"type": kind, "status": status, "reason": reason}]},
    )


@pytest.mark.parametrize(
    ("kind", "status", "reason", "current", "hinders"),
    [
        ("ScalingActive", "False", "FailedGetResourceMetric", 1, True),
        ("AbleToScale", "False", "FailedGetScale", 1, True),
        ("ScalingLimited", "True", "TooManyReplicas", 4, True),
        ("ScalingLimited", "True", "TooManyReplicas", 3, False),
        ("ScalingLimited", "True", "TooFewReplicas", 4, False),
        ("ScalingActive", "True", "ValidMetricFound", 1, False),
    ],
)
def test_what_hinders_an_autoscaler(
    tmp_path: Path, kind: str, status: str, reason: str, current: int, *, hinders: bool
) -> None:
    facts = look(KubernetesAgent(), tmp_path, autoscaler(kind, status, reason, current)).of("autoscaler.condition")

    assert [one.attributes["target"] for one in facts] == ["deployment/shop/cart"] * hinders


def test_a_new_size_is_a_change_of_the_target(tmp_path: Path) -> None:
    text = "New size: 4; reason: cpu resource utilization above target"
    told = event(
        "SuccessfulRescale", text, about=("HorizontalPodAutoscaler", "cart"), type="Normal", first=LATELY, last=LATELY
    )
    other = event("Other", "odd", about=("HorizontalPodAutoscaler", "cart"), type="Normal", first=LATELY, last=LATELY)

    seen = look(KubernetesAgent(), tmp_path, autoscaler("ScalingActive", "True", "ValidMetricFound"), told, other)

    fact = seen.only("workload.scaled")
    assert (fact.component, fact.attributes["to"]) == ("deployment/shop/cart", 4)
    assert fact.attributes["by"] == "horizontalpodautoscaler/shop/cart"


def job(name: str, status: Json, *, suspend: bool = False) -> Json:
    return thing("Job", name, spec={"suspend": suspend}, status=status)


def test_suspended_and_failed_jobs_are_told(tmp_path: Path) -> None:
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}
    seen = look(
        KubernetesAgent(),
        tmp_path,
        job("done", {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}),
        job("running", {"active": 1}),
        job("failed", {"failed": 7, "conditions": [{**failed, "lastTransitionTime": LATELY}]}),
        job("undated", {"failed": 7, "conditions": [failed]}),
        job(
            "failed-last-week", {"failed": 7, "conditions": [{**failed, "lastTransitionTime": "2030-04-24T09:00:00Z"}]}
        ),
        job("suspended", {}, suspend=True),
        thing("CronJob", "report", spec={"suspend": True}),
        thing("CronJob", "backup", spec={"suspend": False}),
    )

    assert {one.component: one.attributes["suspended"] for one in seen.of("job.state")} == {
        "job/shop/failed": False,
        "job/shop/undated": False,
        "job/shop/suspended": True,
        "cronjob/shop/report": True,
    }
    assert {one.attributes.get("reason") for one in seen.of("job.state")} == {"BackoffLimitExceeded", None}


def written(kind: str, name: str, *writes: Json) -> Json:
    made = thing(kind, name, data={"key": "dmFsdWU="})
    made["metadata"] |= {"creationTimestamp": "2030-05-01T11:00:00Z", "managedFields": list(writes)}
    return made


def write(manager: str, time: str, **more: str) -> Json:
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": {"f:data": {}}, **more}


def test_configuration_that_was_written_after_it_was_made_is_told(tmp_path: Path) -> None:
    found = look(
        KubernetesAgent(),
        tmp_path,
        written("ConfigMap", "edited", write("helm", "2030-05-01T11:00:00Z"), write("kubectl-edit", LATELY)),
        written("Secret", "rotated", write("vault", "2030-05-01T11:30:00Z"), write("helm", "2030-05-01T11:20:00Z")),
        written("ConfigMap", "as-made", write("helm", "2030-05-01T11:00:00Z")),
        written("ConfigMap", "status-only", write("operator", LATELY, subresource="status")),
        written("ConfigMap", "after-it", write("kubectl-edit", "2030-05-01T12:00:01Z")),
        thing("ConfigMap", "nobody-tells"),
    )

    assert {one.component: one.attributes["by"] for one in found.of("configuration.written")} == {
        "configmap/shop/edited": "kubectl-edit",
        "secret/shop/rotated": "vault",
    }
