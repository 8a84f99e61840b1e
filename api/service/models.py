"""What the service keeps and answers: incidents, what happened to them, what people said of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from sre_orchestrator.core.models import Report, Struct, Verdict

Status = Literal["queued", "running", "done", "failed"]
Origin = Literal["api", "alert", "event", "watch", "mcp"]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4000, pattern=r"^\s*[^\s\x00][^\x00]*$")]  # says something
Name = Annotated[str, msgspec.Meta(max_length=253, pattern=r"^[^\x00]*$")]  # PostgreSQL keeps no NUL
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Reported(Struct, frozen=True, kw_only=True):
    """What somebody or something says is wrong; ``description`` alone is enough.

    ``at`` is when it happened (default: now), ``namespace`` where (comma-separated; default: all that the reporter may
    see), ``labels`` what an alert carries.
    """

    description: Text
    namespace: Name = ""
    cluster: Name = ""
    at: Moment | None = None
    labels: dict[str, str] = {}


class Arrival(Struct, frozen=True, kw_only=True):
    """A report on its way in: from where, and by what it is told from others.

    While an incident of the same ``fingerprint`` is open, another arrival is folded into it and counted.
    ``idempotency_key`` makes a repeated request answer with the first incident, for as long as that is kept.
    ``count`` alerts said it; ``over`` says that it is over, which closes the open incident and never opens one. In a
    storm, what would be a new incident is folded by ``crowd`` instead. ``queue`` names whose workers investigate it.
    """

    reported: Reported
    origin: Origin
    reporter: str = ""
    fingerprint: str = ""
    idempotency_key: str = ""
    count: int = 1
    over: bool = False
    crowd: str = ""
    queue: str = ""


class IncidentRecord(Struct, frozen=True, kw_only=True):
    """One incident as it is stored, without its report. Times are UTC.

    ``seen`` counts the arrivals that were folded into it; ``merged_into`` names the incident that turned out to have
    the same cause; ``resolved_at`` is when whoever reported it said that it is over. ``cause``, ``component``,
    ``confidence`` and ``verdict`` are those of the report, once there is one.
    """

    id: str
    status: Status
    origin: Origin
    reporter: str = ""
    reported: Reported
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None = None
    seen: int = 1
    attempts: int = 0
    merged_into: str = ""
    verdict: Verdict | None = None
    cause: str = ""
    component: str = ""
    confidence: float = 0.0
    error: str = ""


class IncidentView(IncidentRecord, frozen=True, kw_only=True):
    """One incident as the API answers it; ``report`` is there when ``status`` is ``done``."""

    report: Report | None = None


class StoredView(IncidentRecord, frozen=True, kw_only=True):
    """One incident as the API answers it, with the JSON of the report as it is stored."""

    report: msgspec.Raw | None = None


class Happened(Struct, frozen=True, kw_only=True):
    """One step of an investigation, numbered from 1 within its incident: what a progress display shows."""

    number: int
    at: datetime
    what: Literal["queued", "running", "step", "agent", "done", "failed", "folded", "resolved", "merged"]
    text: str = ""


class Feedback(Struct, frozen=True, kw_only=True):
    """What a person says of a hypothesis: right, wrong, and then what it was.

    ``cause`` and ``component`` name a hypothesis of the report, also one that was ruled out; without them it is the first.
    """

    cause: Name = ""
    component: Name = ""
    right: bool
    actual_cause: Name = ""
    comment: Annotated[str, msgspec.Meta(max_length=4000)] = ""


class Said(Struct, frozen=True, kw_only=True):
    """What somebody said of an incident, in the order in which it was said; ``number`` tells one from another.

    ``verdict``, ``cause``, ``component`` and ``confidence`` are those of the incident's first hypothesis; ``feedback``
    names the one that was meant.
    """

    number: int
    incident: str
    at: datetime
    caller: str
    feedback: Feedback
    verdict: Verdict | None = None
    cause: str = ""
    component: str = ""
    confidence: float = 0.0


class Page(Struct, frozen=True, kw_only=True):
    """A page of incidents, newest first unless asked otherwise; ``next_cursor`` is empty on the last one."""

    items: tuple[IncidentRecord, ...]
    next_cursor: str = ""


class Query(Struct, frozen=True, kw_only=True):
    """Which incidents a list shows; an empty field matches everything. ``namespaces`` is enforced, not asked for."""

    status: Status | None = None
    verdict: Verdict | None = None
    cause: str = ""
    component: str = ""
    namespace: str = ""
    origin: Origin | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    sort: Literal["-created_at", "created_at", "-updated_at", "updated_at"] = "-created_at"
    cursor: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    namespaces: tuple[str, ...] = ()


class RunbookRecord(Struct, frozen=True, kw_only=True):
    """A runbook as it is listed, without its text. ``digest`` is the SHA-256 of the text, ``bytes`` its length as UTF-8.

    ``namespace`` (comma-separated; none: everybody) is who may see it; within one, names are told from each other.
    ``notes`` say what was not taken from it when it was sent, and where. ``excerpt`` is the passage that fits a search
    best.
    """

    id: str
    name: str
    title: str
    media_type: Literal["text/markdown", "text/plain"]
    namespace: str = ""
    digest: str
    bytes: int
    author: str = ""
    created_at: datetime
    updated_at: datetime
    notes: tuple[str, ...] = ()
    excerpt: str = ""


class RunbookView(RunbookRecord, frozen=True, kw_only=True):
    """A runbook with its text."""

    text: str


class RunbookPage(Struct, frozen=True, kw_only=True):
    """A page of runbooks, by name; ``next_cursor`` is empty on the last one."""

    items: tuple[RunbookRecord, ...]
    next_cursor: str = ""


class RunbookQuery(Struct, frozen=True, kw_only=True):
    """Which runbooks a list shows: with ``text`` those that fit it, best first, else all by name.

    ``namespaces`` is enforced, not asked for: runbooks for everybody, and those all of whose namespaces are among them.
    """

    text: str = ""
    cursor: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    namespaces: tuple[str, ...] = ()
