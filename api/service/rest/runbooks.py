"""Runbooks: keep documents for incidents, list, search and read them."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import anyio.to_thread
import msgspec
from litestar import Controller, Request, Response, delete, get, post
from litestar.datastructures import State
from litestar.exceptions import HTTPException, NotFoundException
from litestar.params import PathParameter, QueryParameter

from sre_orchestrator.api.service.models import RunbookPage, RunbookQuery, RunbookView
from sre_orchestrator.api.service.remarks import bounded, remarks
from sre_orchestrator.api.service.rest.parameters import NO_NUL, IfNoneMatch, Name, Words, is_known
from sre_orchestrator.api.service.runbooks import WHERE, Uploaded, runbook_of, text_of
from sre_orchestrator.api.service.security.callers import current, placed
from sre_orchestrator.api.service.security.door import NEEDS
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.knowledge.formats import MEDIA_TYPES
from sre_orchestrator.plugins.knowledge.formats.reading import Bounds

UNPACKED = 32  # times what an upload may weigh
Id = Annotated[str, PathParameter(max_length=40, pattern=NO_NUL, description="The id of a runbook.")]
Called = Annotated[str, QueryParameter(max_length=200, pattern=NO_NUL)]


class Runbooks(Controller):
    """``/api/v1/runbooks``."""

    path = "/runbooks"
    tags = ("runbooks",)

    @post(operation_id="keepRunbook", opt={NEEDS: "admin"}, status_code=201, summary="Keep a runbook")
    async def keep(
        self, request: Request[object, object, State], state: State, name: Called = "", namespace: Name = ""
    ) -> Response[RunbookView]:
        """Keep a document, in the place of one of the same name and namespace; without a name, its title is its name.

        HTML, reStructuredText, PDF and DOCX are kept as the Markdown of what they say; ``notes`` tell what is not taken from
        the document.
        """
        service: Service = state.service
        content, given, caller = await request.body(), _given(request), current()
        limits = service.installation.settings.service
        if len(content) > limits.runbook_bytes:
            detail = f"a runbook may weigh {limits.runbook_bytes} bytes (service.runbook_bytes)"
            raise HTTPException(status_code=413, detail=detail)
        uploaded = await anyio.to_thread.run_sync(_read, service, content, given)
        made = runbook_of(
            uploaded.text,
            uploaded.media_type,
            title=uploaded.title,
            name=name,
            namespace=placed(namespace, caller),
            author=caller.name,
            now=service.now(),
        )
        made = msgspec.structs.replace(made, notes=uploaded.notes)
        keep = partial(service.store.runbooks.keep, made, most=limits.most_runbooks)
        kept, new = await anyio.to_thread.run_sync(keep)
        headers = {"Location": f"/api/v1/runbooks/{kept.id}", "ETag": _tag(kept)}
        return Response(kept, status_code=201 if new else 200, headers=headers)

    @get(operation_id="listRunbooks", summary="List or search runbooks")
    async def list(
        self,
        state: State,
        text: Words = "",
        cursor: Words = "",
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    ) -> RunbookPage:
        """Return a page of runbooks without their texts, by name; with `text` those that fit it, best first.

        `text` is the name of an alert, or what is wrong in words; one page holds all that is found.
        """
        service: Service = state.service
        query = RunbookQuery(text=text, cursor=cursor, limit=limit)
        return await anyio.to_thread.run_sync(service.store.runbooks.list, query)

    @get("/{runbook_id:str}", operation_id="getRunbook", summary="Read a runbook")
    async def read(self, runbook_id: Id, state: State, if_none_match: IfNoneMatch = "") -> Response[RunbookView | None]:
        """Return a runbook with its text."""
        service: Service = state.service
        found = await anyio.to_thread.run_sync(service.store.runbooks.get, runbook_id)
        if found is None:
            raise _missing(runbook_id)
        headers = {"ETag": _tag(found), "Cache-Control": "no-cache"}
        if is_known(_tag(found), if_none_match):
            return Response(None, status_code=304, headers=headers)
        return Response(found, headers=headers)

    @delete(
        "/{runbook_id:str}",
        operation_id="removeRunbook",
        opt={NEEDS: "admin"},
        status_code=204,
        summary="Remove a runbook",
    )
    async def remove(self, runbook_id: Id, state: State) -> None:
        """Remove a runbook; reports that name it stay as they are."""
        service: Service = state.service
        if not await anyio.to_thread.run_sync(service.store.runbooks.remove, runbook_id):
            raise _missing(runbook_id)


def _given(request: Request[object, object, State]) -> str:
    """Return the media type of a body that can be read."""
    found = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if found not in MEDIA_TYPES:
        what = f"content type {found[:60]!r}: cannot be read as a runbook" if found else "there is no content type"
        detail = f"{what}; send the document as the body, with one of Content-Type: {', '.join(MEDIA_TYPES)}"
        raise HTTPException(status_code=415, detail=detail)
    return found


def _read(service: Service, content: bytes, given: str) -> Uploaded:
    """Return what was sent, with all that is to be told of it."""
    installation = service.installation
    settings = installation.settings
    uploaded = text_of(content, given, _bounds(settings))
    notes = list(uploaded.notes)
    if uploaded.document:
        notes += remarks(
            uploaded.document,
            WHERE,
            vocabulary=lambda: installation.vocabulary,
            today=service.now().date(),
            stale_days=settings.knowledge.stale_days,
        )
    return msgspec.structs.replace(uploaded, notes=bounded(notes))


def _bounds(settings: Settings) -> Bounds:
    """Return how much an upload may hold, which is less than what somebody ingests beside the service."""
    most = settings.service.runbook_bytes
    unpacked = min(settings.knowledge.unpacked_bytes, UNPACKED * most)
    return Bounds(pages=settings.knowledge.pages, unpacked_bytes=unpacked, characters=UNPACKED * most)


def _tag(runbook: RunbookView) -> str:
    return f'"{runbook.digest[:32]}"'


def _missing(runbook_id: str) -> NotFoundException:
    return NotFoundException(f"there is no runbook {runbook_id[:40]!r}")
