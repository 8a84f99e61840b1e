"""What the OpenAPI document tells beyond the handlers: media types, headers, examples of bodies and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from sre_orchestrator.api.service.components import Changes, ComponentPage, Impact
from sre_orchestrator.api.service.intake.gate import Taken
from sre_orchestrator.api.service.models import (
    Feedback,
    IncidentRecord,
    IncidentView,
    Page,
    Reported,
    RunbookPage,
    RunbookRecord,
    RunbookView,
    Said,
)
from sre_orchestrator.api.service.rest.catalogue import (
    AgentInfo,
    CauseInfo,
    CauseView,
    Conclusion,
    RuleInfo,
    RuleList,
    RuleView,
)
from sre_orchestrator.api.service.rest.graph import IncidentGraph, Involved, Link
from sre_orchestrator.api.service.rest.replays import Replayed
from sre_orchestrator.api.service.telemetry.health import Readiness, ReadyCheck
from sre_orchestrator.core.models import Component, Gap, Incident, Report, Versions
from sre_orchestrator.core.plugins import PluginInfo
from sre_orchestrator.core.ports import Change
from sre_orchestrator.plugins.knowledge.formats import MEDIA_TYPES
from sre_orchestrator.rules.whynot import Trial

Schema = dict[str, Any]
JSON = "application/json"
AT = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
ID = "i019668f3c0005e0f3c1a2b4d6e8f"
CAUSE, COMPONENT = "memory-limit-too-low", "deployment/shop/pricing"
REPORTED = Reported(description="checkout answers 500", namespace="shop")
QUEUED = IncidentView(id=ID, status="queued", origin="api", reported=REPORTED, created_at=AT, updated_at=AT)
DONE = IncidentRecord(
    id=ID,
    status="done",
    origin="api",
    reported=REPORTED,
    created_at=AT,
    updated_at=AT,
    attempts=1,
    verdict="diagnosed",
    cause=CAUSE,
    component=COMPONENT,
    confidence=0.99,
)
RULE = RuleInfo(
    id="oom-killed-at-limit", title="A container was OOM-killed", why="The kernel kills at the limit.", status="stable"
)
TOLD_BOOK = "# Pricing is out of memory\n\nRaise the limit, then look for the leak.\n"
BOOK = RunbookRecord(
    id="r4f1c9a5e7b2d4c6f8a0b1c2d3e4f5",
    name="pricing",
    title="Pricing is out of memory",
    media_type="text/markdown",
    namespace="shop",
    digest="f2ca1bb6c7e907d06dafe4687e579fce76b37e4e93b7605022da52e6ccc26fd2",
    bytes=len(TOLD_BOOK),
    created_at=AT,
    updated_at=AT,
)
NOTES = ("the runbook:7: unknown fact kind 'pod.fase'; did you mean 'pod.phase'?; this check is left out",)
EVENTS = 'id: 1\nevent: queued\ndata: {"number":1,"at":"2030-05-01T12:00:00Z","what":"queued","text":""}\n\n'
FIGURES = 'sre_orchestrator_investigations_total{cause="memory-limit-too-low",verdict="diagnosed"} 3.0\n'
TEXT: Schema = {"type": "string"}
IDS = {  # of handlers that are at several addresses
    "/api/v1/alerts/{name}": "reportAlerts",
    "/api/alerts": "reportAlertmanagerAlerts",
    "/webhook/alertmanager": "reportAlertmanagerAlertsToo",
    "/api/v1/components/{kind}/{name}/impact": "impactOfClusterComponent",
    "/api/v1/components/{kind}/{namespace}/{name}/impact": "impactOfComponent",
    "/api/v1/components/{kind}/{name}/changes": "changesOfClusterComponent",
    "/api/v1/components/{kind}/{namespace}/{name}/changes": "changesOfComponent",
}
PARAMETERS = {
    "status": "How far the investigation is; empty: all.",
    "verdict": "Whether the report names a cause; empty: all.",
    "cause": "The id of a cause.",
    "component": "A component, as KIND/NAMESPACE/NAME.",
    "namespace": "A namespace.",
    "kind": "A kind of component, such as `deployment`.",
    "since": "Not before this time.",
    "until": "Before this time.",
    "text": "Words that are looked for.",
    "name": "What it is called; by default as its title.",
    "sort": "By what, `-` for the latest first.",
    "cursor": "Where the last page ended: its `next_cursor`.",
    "limit": "How many there are at most in the answer.",
    "direction": "`up`: what a fault affects; `down`: what it depends on.",
    "Last-Event-ID": "The number of the last step that was seen; the stream goes on after it.",
    "If-None-Match": "The ETag of the answer that is known; when it is still right, the answer is 304.",
}


@dataclass(frozen=True, kw_only=True)
class Told:
    """What is told of one operation; what is left out is as the handler says."""

    says: str = ""
    accepts: str = ""
    body: Schema = field(default_factory=dict)
    sent: object = None
    accepts_too: Mapping[str, Schema] = field(default_factory=dict)
    answers: str = JSON
    answer: Schema = field(default_factory=dict)
    shown: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    also: Mapping[int, str] = field(default_factory=dict)
    refused: tuple[int, ...] = ()


def _of(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _list_of(name: str) -> Schema:
    return {"type": "array", "items": _of(name)}


TAG = {"ETag": "What this answer is known by.", "Cache-Control": "`no-cache`: ask again, with the ETag."}
SAME = {304: "The answer that is known is still right."}
BYTES: Schema = {"type": "string", "format": "binary"}
OBJECT: Schema = {"type": "object"}
ALERTS = Told(
    says="They are on disk; the answer counts what became of them.",
    accepts=JSON,
    body=OBJECT,
    sent={
        "version": "4",
        "groupKey": "{}",
        "status": "firing",
        "alerts": [{"status": "firing", "labels": {"alertname": "CheckoutErrors", "namespace": "shop"}}],
    },
    shown=Taken(received=1, opened=1, incidents=(ID,)),
)
TOLD: Mapping[str, Told] = {
    "isAlive": Told(says="It lives.", shown={"status": "alive"}),
    "isReady": Told(
        says="It is ready, or degraded.",
        shown=Readiness(status="ready", checks={"store": ReadyCheck(ok=True), "workers": ReadyCheck(ok=True)}),
        also={503: "It is not ready."},
    ),
    "readMetrics": Told(says="The figures of this process.", answers="text/plain", answer=TEXT, shown=FIGURES),
    "reportIncident": Told(
        says="It is on disk and will be investigated.",
        accepts=JSON,
        body=_of("Reported"),
        sent=REPORTED,
        shown=QUEUED,
        headers={"Location": "Where the incident is."},
    ),
    "listIncidents": Told(
        says="A page of incidents, without their reports.",
        answer=_of("Page"),
        shown=Page(items=(DONE,)),
        headers=TAG,
        also=SAME,
    ),
    "getIncident": Told(
        says="The incident; its report is there when `status` is `done`.",
        answer=_of("IncidentView"),
        shown=QUEUED,
        headers=TAG,
        also=SAME,
    ),
    "getReportText": Told(says="The report for people.", answers="text/markdown", answer=TEXT, shown="# Diagnosed\n"),
    "getBundle": Told(
        says="The investigation as gzipped JSON.",
        answers="application/gzip",
        answer=BYTES,
        headers={"Content-Disposition": "A name for the file."},
    ),
    "askWhyNot": Told(
        says="The rules for that cause, each with the conditions that do not hold.",
        answer=_list_of("Trial"),
        shown=[Trial(rule=RULE.id, title=RULE.title)],
    ),
    "getIncidentGraph": Told(
        says="The components involved, and their relations.",
        shown=IncidentGraph(
            components=(
                Involved(id=COMPONENT, role="cause", stands_for=("pod/shop/pricing-6f8b9d7c5-xw9lm",)),
                Involved(id="service/shop/pricing", role="symptom"),
            ),
            links=(Link(source="service/shop/pricing", target=COMPONENT, kinds=("depends_on", "selects")),),
        ),
    ),
    "giveFeedback": Told(
        says="It is kept.",
        accepts=JSON,
        body=_of("Feedback"),
        sent=Feedback(cause=CAUSE, component=COMPONENT, right=False, actual_cause="probe-too-strict"),
    ),
    "listFeedback": Told(
        says="What was said.",
        answer=_list_of("Said"),
        shown=[
            Said(
                number=1,
                incident=ID,
                at=AT,
                caller="key:shop",
                feedback=Feedback(cause=CAUSE, component=COMPONENT, right=True),
                verdict="diagnosed",
                cause=CAUSE,
                component=COMPONENT,
                confidence=0.99,
            )
        ],
    ),
    "resolveIncident": Told(says="It is over.", shown=QUEUED),
    "followIncident": Told(
        says="Server-sent events; the data of each is a step (`Happened`).",
        answers="text/event-stream",
        answer=TEXT,
        shown=EVENTS,
    ),
    "replay": Told(
        says="What today's rules conclude.",
        accepts="application/gzip",
        body=BYTES,
        shown=Replayed(
            report=Report(
                incident=Incident(id=ID, description=REPORTED.description, at=AT, namespace="shop"),
                verdict="unresolved",
                versions=Versions(program="1.0", rule_book="0123456789ab"),
            )
        ),
    ),
    "listComponents": Told(
        says="A page of components.", shown=ComponentPage(items=(Component(id=COMPONENT, attributes={"replicas": 2}),))
    ),
    "keepRunbook": Told(
        says="It is kept, as a new one.",
        accepts="text/markdown",
        body=TEXT,
        sent=TOLD_BOOK,
        accepts_too={one: BYTES if one.startswith("application/") else TEXT for one in MEDIA_TYPES},
        shown=RunbookView(**msgspec.structs.asdict(msgspec.structs.replace(BOOK, notes=NOTES)), text=TOLD_BOOK),
        headers={"Location": "Where the runbook is.", "ETag": "What its text is known by."},
        also={200: "It is kept, in the place of one of the same name; or it was there already."},
        refused=(415,),
    ),
    "listRunbooks": Told(says="A page of runbooks, without their texts.", shown=RunbookPage(items=(BOOK,))),
    "getRunbook": Told(
        says="The runbook.",
        answer=_of("RunbookView"),
        shown=RunbookView(**msgspec.structs.asdict(BOOK), text=TOLD_BOOK),
        headers={"ETag": "What its text is known by.", "Cache-Control": "`no-cache`: ask again, with the ETag."},
        also={304: "The text that is known is still right."},
    ),
    "removeRunbook": Told(says="It is removed."),
    "listRules": Told(says="The rule book.", shown=RuleList(digest="0123456789ab", rules=(RULE,))),
    "getRule": Told(
        says="The rule.",
        shown=RuleView(
            id=RULE.id,
            title=RULE.title,
            why=RULE.why,
            status=RULE.status,
            concludes=(Conclusion(cause=CAUSE, polarity="for", strength="strong"),),
        ),
    ),
    "listCauses": Told(
        says="The causes.",
        answer=_list_of("CauseInfo"),
        shown=[CauseInfo(id=CAUSE, title="A container needs more memory than its limit allows", category="runtime")],
    ),
    "getCause": Told(
        says="The cause.",
        shown=CauseView(
            id=CAUSE,
            title="A container needs more memory than its limit allows",
            category="runtime",
            blamed_on="workload",
            rules=(RULE.id,),
        ),
    ),
    "listAgents": Told(
        says="The agents.",
        answer=_list_of("AgentInfo"),
        shown=[
            AgentInfo(
                name="logs",
                description="Looks at what containers say.",
                kinds=("log.error",),
                state="working",
                last_run=AT,
                gaps=(Gap(agent="logs", what="logs of pod/shop/cart-1", why="rotated away"),),
            )
        ],
    ),
    "listPlugins": Told(
        says="The plugins.", answer=_list_of("PluginInfo"), shown=[
            PluginInfo(name="kubernetes", origin="built in", hooks=("register_agents",)),
            PluginInfo(
                name="flag-service",
                origin="flag-service 1.2.0",
                distribution="flag-service",
                version="1.2.0",
                hooks=("register_agents", "register_rules"),
                made_for=1,
            ),
        ]
    ),
    **dict.fromkeys(("impactOfClusterComponent", "impactOfComponent"), Told(
        says="What is affected, nearest first.",
        shown=Impact(component=COMPONENT, direction="up", hops=4, components=("service/shop/pricing",)),
    )),
    **dict.fromkeys(("changesOfClusterComponent", "changesOfComponent"), Told(
        says="What changed, oldest first.",
        shown=Changes(
            component=COMPONENT,
            changes=(Change(at=AT, what="changed", component=COMPONENT, text="memory limit 512Mi to 128Mi"),),
        ),
    )),
    **dict.fromkeys(("reportAlerts", "reportAlertmanagerAlerts", "reportAlertmanagerAlertsToo"), ALERTS),
    "reportEvents": Told(
        says=ALERTS.says,
        accepts="application/cloudevents+json",
        body=OBJECT,
        sent={"specversion": "1.0", "id": "1", "source": "/shop", "type": "alert", "data": {"description": "slow"}},
        shown=ALERTS.shown,
    ),
}  # fmt: skip
