"""What tools are asked: each field says to a model what it is, in which unit, and how much."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sre_orchestrator.core.models import Struct

NO_NUL = r"^[^\x00]*$"
IncidentId = Annotated[
    str, Meta(min_length=1, max_length=40, pattern=NO_NUL, description="The id that report_incident or a list gave.")
]
ComponentId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=400,
        pattern=NO_NUL,
        description="kind/namespace/name, such as deployment/shop/checkout; kind/name for what has no namespace, "
        "such as node/worker-1. The kind is singular and in small letters.",
    ),
]
CauseId = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=NO_NUL, description="An id of the cause catalogue.")
]
Since = Annotated[datetime | None, Meta(description="The beginning, as 2030-05-01T12:00:00Z.")]
Until = Annotated[datetime | None, Meta(description="The end, as 2030-05-01T12:00:00Z.")]


class ReportIncident(Struct, frozen=True, kw_only=True):
    """What is wrong; the description alone is enough."""

    description: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=4000,
            pattern=r"^\s*[^\s\x00][^\x00]*$",
            description="What is wrong, in plain words, such as: checkout answers 500 since 14:05. Names of services, "
            "error texts and symptoms help.",
        ),
    ]
    namespace: Annotated[
        str,
        Meta(
            max_length=253,
            pattern=NO_NUL,
            description="Where to look: namespaces, comma-separated; default: all that you may see.",
        ),
    ] = ""
    cluster: Annotated[
        str, Meta(max_length=253, pattern=NO_NUL, description="A context of the kubeconfig; default: the current one.")
    ] = ""
    at: Annotated[
        Annotated[datetime, Meta(tz=True)] | None,
        Meta(description="When it happened, as 2030-05-01T12:00:00Z; default: now."),
    ] = None


class GetIncident(Struct, frozen=True, kw_only=True):
    """Which incident, and how long to wait for its answer."""

    incident: IncidentId
    wait_seconds: Annotated[
        int, Meta(ge=0, le=30, description="Wait up to so many seconds until the investigation has ended.")
    ] = 0


class ListIncidents(Struct, frozen=True, kw_only=True):
    """Which incidents; without any condition the latest ones."""

    status: Annotated[Literal["queued", "running", "done", "failed"] | None, Meta(description="Its state.")] = None
    cause: Annotated[
        str, Meta(max_length=400, pattern=NO_NUL, description="The cause that was found: an id of the catalogue.")
    ] = ""
    component: Annotated[
        str, Meta(max_length=400, pattern=NO_NUL, description="The component that was found, as kind/namespace/name.")
    ] = ""
    text: Annotated[str, Meta(max_length=400, pattern=NO_NUL, description="Words in the description.")] = ""
    since: Annotated[datetime | None, Meta(description="Reported at or after, as 2030-05-01T12:00:00Z.")] = None
    until: Annotated[datetime | None, Meta(description="Reported before, as 2030-05-01T12:00:00Z.")] = None
    cursor: Annotated[
        str,
        Meta(max_length=400, pattern=NO_NUL, description="next_cursor of the page before; default: the first page."),
    ] = ""
    limit: Annotated[int, Meta(ge=1, le=50, description="How many at most.")] = 20


class Explain(Struct, frozen=True, kw_only=True):
    """Which hypothesis of which incident."""

    incident: IncidentId
    hypothesis: Annotated[
        int, Meta(ge=1, le=1000, description="The number of the hypothesis in get_incident; 1 is the most probable.")
    ] = 1


class WhyNot(Struct, frozen=True, kw_only=True):
    """Which cause of which component was expected."""

    incident: IncidentId
    cause: CauseId
    component: ComponentId


class OneComponent(Struct, frozen=True, kw_only=True):
    """Which component."""

    component: ComponentId


class AskImpact(Struct, frozen=True, kw_only=True):
    """Of which component, which way, how far."""

    component: ComponentId
    direction: Annotated[
        Literal["up", "down"],
        Meta(description="up: what suffers when this component fails; down: what this component depends on."),
    ] = "up"
    hops: Annotated[int, Meta(ge=1, le=12, description="How many relations away at most.")] = 4


class AskChanges(Struct, frozen=True, kw_only=True):
    """Of which component, when."""

    component: ComponentId
    since: Since = None
    until: Until = None
    limit: Annotated[int, Meta(ge=1, le=200, description="How many at most, the latest ones.")] = 50


class SearchRunbooks(Struct, frozen=True, kw_only=True):
    """Which words."""

    words: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=400,
            pattern=r"^\s*[^\s\x00][^\x00]*$",
            description="The name of an alert, or what is wrong in a few words, such as: checkout rollback.",
        ),
    ]
    limit: Annotated[int, Meta(ge=1, le=10, description="How many runbooks at most.")] = 3


def read(given: object, asked: type[Struct]) -> Struct:
    """Return what a tool is asked.

    Raises:
        msgspec.ValidationError: it is not what the tool asks for; the message names the field.

    """
    return msgspec.convert(given, asked)
