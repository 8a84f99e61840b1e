"""Incidents: report one, see how it goes, read the answer."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Annotated, Literal

import anyio
import anyio.to_thread
import msgspec
from litestar import Controller, Response, get, post
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.params import FromQuery, HeaderParameter, JSONBody, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage

from sre_orchestrator.api.render import markdown
from sre_orchestrator.api.service.models import Arrival, Feedback, IncidentView, Page, Query, Reported, StoredView
from sre_orchestrator.api.service.rest.parameters import Id, IfNoneMatch, Moment, Name, Words, is_known, moment
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.core.bundle import bundle_bytes, bundle_from
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.language.export import pseudonymised

LOOK_SECONDS = 0.25
Pseudonymise = Annotated[bool, QueryParameter(description="Hide names, hosts and addresses.")]
ENDED = frozenset({"done", "failed"})
Key = Annotated[
    str,
    HeaderParameter(
        name="Idempotency-Key",
        max_length=200,
        pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$|^$",
        description="A request that is repeated with the same key answers with the first incident.",
        required=False,
    ),
]


class Incidents(Controller):
    """``/api/v1/incidents``."""

    path = "/incidents"
    tags = ("incidents",)

    @post(operation_id="reportIncident", status_code=202, summary="Report an incident")
    async def report(self, data: JSONBody[Reported], state: State, idempotency_key: Key = "") -> Response[IncidentView]:
        """Accept a report; it is on disk before this answers, and is investigated at once."""
        service: Service = state.service
        arrival = Arrival(reported=data, origin="api", idempotency_key=idempotency_key)
        accepted = await anyio.to_thread.run_sync(service.accept, arrival)
        service.dispatcher.wake(accepted.record.id)
        view = IncidentView(**msgspec.structs.asdict(accepted.record))
        return Response(view, status_code=202, headers={"Location": f"/api/v1/incidents/{view.id}"})

    @get(operation_id="listIncidents", summary="List incidents, newest first")
    async def list(  # noqa: PLR0913, PLR0917 - each is a parameter of the request
        self,
        state: State,
        status: FromQuery[Literal["", "queued", "running", "done", "failed"]] = "",
        verdict: FromQuery[Literal["", "diagnosed", "unresolved"]] = "",
        cause: Words = "",
        component: Words = "",
        namespace: Name = "",
        since: Moment = "",
        until: Moment = "",
        text: Words = "",
        sort: FromQuery[Literal["-created_at", "created_at", "-updated_at", "updated_at"]] = "-created_at",
        cursor: Words = "",
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
        if_none_match: IfNoneMatch = "",
    ) -> Response[object]:
        """Return a page of incidents without their reports."""
        query = Query(
            status=status or None,
            verdict=verdict or None,
            cause=cause,
            component=component,
            namespace=namespace,
            since=moment(since, "since"),
            until=moment(until, "until"),
            text=text,
            sort=sort,
            cursor=cursor,
            limit=limit,
        )
        page: Page = await anyio.to_thread.run_sync(state.service.store.list, query)
        return _tagged(page, if_none_match)

    @get("/{incident_id:str}", operation_id="getIncident", summary="Read an incident and its report")
    async def read(self, incident_id: Id, state: State, if_none_match: IfNoneMatch = "") -> Response[object]:
        """Return an incident; ``report`` is there when ``status`` is ``done``."""
        return _tagged(await _stored(state, incident_id), if_none_match)

    @get(
        "/{incident_id:str}/report.md",
        operation_id="getReportText",
        media_type="text/markdown",
        summary="Read the report as Markdown",
    )
    async def report_text(self, incident_id: Id, state: State) -> str:
        """Return the report for people."""
        view = await _found(state, incident_id)
        if view.report is None:
            raise NotFoundException(f"incident {incident_id} has no report yet; its status is {view.status}")
        return markdown(view.report)

    @get(
        "/{incident_id:str}/bundle",
        operation_id="getBundle",
        media_type="application/gzip",
        summary="Download the investigation",
    )
    async def bundle(self, incident_id: Id, state: State, pseudonymise: Pseudonymise = False) -> Response[bytes]:
        """Return the investigation, for ``sre-orchestrator replay``; names, hosts and addresses in it can be hidden."""
        view = await _stored(state, incident_id)
        kept = await anyio.to_thread.run_sync(state.service.store.bundle, incident_id)
        if kept is None:
            raise NotFoundException(f"incident {incident_id} has no bundle yet; its status is {view.status}")
        if pseudonymise:
            async with state.replaying:
                kept = await anyio.to_thread.run_sync(_pseudonymised, state.service, kept, incident_id)
        headers = {"Content-Disposition": f'attachment; filename="{view.id}.bundle.json.gz"'}
        return Response(kept, media_type="application/gzip", headers=headers)

    @get("/{incident_id:str}/why-not", operation_id="askWhyNot", summary="Ask why a cause was not concluded")
    async def why_not(self, incident_id: Id, cause: Words, component: Words, state: State) -> Response[bytes]:
        """Return, rule by rule, which condition kept ``cause`` from being concluded for ``component``."""
        await _stored(state, incident_id)
        tried = await anyio.to_thread.run_sync(state.service.why_not, incident_id, cause, component)
        return Response(msgspec.json.encode(tried), media_type="application/json")

    @post(
        "/{incident_id:str}/feedback",
        operation_id="giveFeedback",
        status_code=204,
        summary="Say whether a hypothesis was right",
    )
    async def feedback(self, incident_id: Id, data: JSONBody[Feedback], state: State) -> None:
        """Keep what a person says of a hypothesis of the report, by default the first.

        It is read for calibration, and told with later incidents that are proved in the same way.
        """
        await _stored(state, incident_id)
        await anyio.to_thread.run_sync(state.service.feedback, incident_id, data)

    @post("/{incident_id:str}/resolve", operation_id="resolveIncident", status_code=200, summary="Say that it is over")
    async def resolve(self, incident_id: Id, state: State) -> IncidentView:
        """Note that the incident is over; the next alert of its kind opens a new one. Its report stays."""
        await _stored(state, incident_id)
        await anyio.to_thread.run_sync(state.service.resolve, incident_id)
        return await _found(state, incident_id)

    @get("/{incident_id:str}/events", operation_id="followIncident", summary="Follow an investigation")
    async def events(
        self,
        incident_id: Id,
        state: State,
        last_event_id: Annotated[str, HeaderParameter(name="Last-Event-ID", required=False)] = "0",
    ) -> ServerSentEvent:
        """Stream what happens as server-sent events until the incident is done; resumes after ``Last-Event-ID``."""
        await _stored(state, incident_id)
        if not last_event_id.isdecimal() or len(last_event_id) > 9:  # noqa: PLR2004 - digits of a step's number
            raise InputError(f"Last-Event-ID {last_event_id[:40]!r}: is no number of a step")
        return ServerSentEvent(_steps(state.service, incident_id, int(last_event_id)))


async def _steps(service: Service, incident_id: str, after: int) -> AsyncIterator[ServerSentEventMessage]:
    while True:
        steps = await anyio.to_thread.run_sync(service.store.happened, incident_id, after)
        for one in steps:
            after = one.number
            yield ServerSentEventMessage(data=msgspec.json.encode(one).decode(), event=one.what, id=str(one.number))
        if any(one.what in ENDED for one in steps):
            return
        if not steps:  # nothing new: because it is over, or because nothing has happened yet
            view = await anyio.to_thread.run_sync(service.store.read, incident_id)
            if view is None or view.status in ENDED:
                return
        await anyio.sleep(LOOK_SECONDS)


def _pseudonymised(service: Service, content: bytes, incident_id: str) -> bytes:
    hidden, _ = pseudonymised(bundle_from(content, incident_id), service.installation.reasoning())
    return bundle_bytes(hidden)


def _tagged(value: object, if_none_match: str) -> Response[object]:
    """Return an answer with what it is known by, or that the one that is known is still right."""
    text = msgspec.json.encode(value)
    tag = f'"{hashlib.blake2b(text, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if is_known(tag, if_none_match):
        return Response(None, status_code=304, headers=headers)
    return Response(text, media_type="application/json", headers=headers)


async def _stored(state: State, incident_id: str) -> StoredView:
    """Return an incident without decoding its report."""
    view: StoredView | None = await anyio.to_thread.run_sync(state.service.store.read, incident_id)
    if view is None:
        raise _missing(incident_id)
    return view


async def _found(state: State, incident_id: str) -> IncidentView:
    view: IncidentView | None = await anyio.to_thread.run_sync(state.service.store.get, incident_id)
    if view is None:
        raise _missing(incident_id)
    return view


def _missing(incident_id: str) -> NotFoundException:
    return NotFoundException(f"there is no incident {incident_id[:40]!r}")
