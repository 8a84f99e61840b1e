"""Runbooks: keep documents for incidents, list, search and read them."""

from __future__ import annotations

from functools import partial
from typing import Annotated, cast

import anyio.to_thread
from litestar import Controller, Request, Response, delete, get, post
from litestar.datastructures import State
from litestar.exceptions import HTTPException, NotFoundException
from litestar.params import PathParameter, QueryParameter

from sre_orchestrator.api.service.models import RunbookPage, RunbookQuery, RunbookView
from sre_orchestrator.api.service.rest.parameters import NO_NUL, IfNoneMatch, Name, Words, is_known
from sre_orchestrator.api.service.runbooks import MediaType, runbook_of
from sre_orchestrator.api.service.security.callers import current, placed
from sre_orchestrator.api.service.security.door import NEEDS
from sre_orchestrator.api.service.service import Service

READ = ("text/markdown", "text/plain")
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
        """Keep a document, in the place of one of the same name and namespace; without a name, its title is its name."""
        service: Service = state.service
        text = (await request.body()).decode()
        kind, caller = _kind(request), current()
        limits = service.installation.settings.service
        if len(text.encode()) > limits.runbook_bytes:
            detail = f"a runbook may weigh {limits.runbook_bytes} bytes (service.runbook_bytes)"
            raise HTTPException(status_code=413, detail=detail)
        made = runbook_of(
            text, kind, name=name, namespace=placed(namespace, caller), author=caller.name, now=service.now()
        )
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
        """Return a page of runbooks without their texts, by name; with `text`, those that hold each of its words."""
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


def _kind(request: Request[object, object, State]) -> MediaType:
    found = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if found not in READ:
        remedy = f"send the text as the body, with Content-Type: {' or '.join(READ)}"
        raise HTTPException(
            status_code=415, detail=f"content type {found[:60]!r}: cannot be read as a runbook; {remedy}"
        )
    return cast("MediaType", found)


def _tag(runbook: RunbookView) -> str:
    return f'"{runbook.digest[:32]}"'


def _missing(runbook_id: str) -> NotFoundException:
    return NotFoundException(f"there is no runbook {runbook_id[:40]!r}")
