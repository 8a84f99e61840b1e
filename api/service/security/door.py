"""Stands before every handler: who calls, may they, not too often; and writes down what they did.

A handler is closed unless it says ``opt={OPEN: True}``; ``opt={NEEDS: "admin"}`` asks for another scope than the
method does (GET and HEAD: read, all others: report), a tuple for one of several.
"""

from __future__ import annotations

import math
import re

import anyio.to_thread
import structlog
from litestar.connection import ASGIConnection
from litestar.exceptions import (
    HTTPException,
    NotAuthorizedException,
    PermissionDeniedException,
    ServiceUnavailableException,
    TooManyRequestsException,
)
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Send
from litestar.types import Scope as Request

from sre_orchestrator.api.service.ports import Caller, Scope
from sre_orchestrator.api.service.security.callers import Forbidden, calling, may
from sre_orchestrator.api.service.security.gate import Gate, Unknown, Unsettled
from sre_orchestrator.api.service.security.rates import Rates

OPEN, NEEDS = "open", "needs"
_ID = re.compile(r"i[0-9a-f]{28}")  # anything else in its place may be a key that somebody pasted
TELLING = ("authorization", "x-api-key", "host", "origin")
READS = frozenset({"GET", "HEAD"})
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="sre-orchestrator"'}
log = structlog.get_logger()


class Door(ASGIMiddleware):
    """Lets in who may; every request that is not to an open handler is in the audit log."""

    def __init__(self, gate: Gate, rates: Rates) -> None:
        self._gate = gate
        self._rates = rates

    async def handle(self, scope: Request, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Answer, or refuse."""
        opt = scope["route_handler"].opt
        if opt.get(OPEN):
            await next_app(scope, receive, send)
            return
        audit = _Audit(scope)
        try:
            audit.caller = caller = await self._caller(scope)
            self._refuse(caller, _needed(opt.get(NEEDS) or _usual(scope)))
        except HTTPException as error:
            audit.write(error.status_code)
            raise

        async def noted(message: Message) -> None:
            audit.see(message)
            await send(message)

        scope["user"] = caller
        with calling(caller):
            try:
                await next_app(scope, receive, noted)
            finally:
                audit.end()

    async def _caller(self, scope: Request) -> Caller:
        given = ASGIConnection(scope).headers
        headers = dict(given.items())
        if twice := [
            name for name in TELLING if len(given.getall(name, [])) > 1
        ]:  # a proxy may have looked at the other
            raise NotAuthorizedException(f"the header {twice[0]} is there twice", headers=CHALLENGE)
        try:
            return await anyio.to_thread.run_sync(self._gate.caller, headers)
        except Unknown as error:
            raise NotAuthorizedException(str(error), headers=CHALLENGE) from error
        except Forbidden as error:
            raise PermissionDeniedException(str(error)) from error
        except Unsettled as error:
            raise ServiceUnavailableException(str(error), headers={"Retry-After": "5"}) from error

    def _refuse(self, caller: Caller, needed: tuple[Scope, ...]) -> None:
        if not self._gate.open and (seconds := self._rates.wait(caller.name)):
            raise TooManyRequestsException(
                "you send too many requests; see service.requests", headers={"Retry-After": str(math.ceil(seconds))}
            )
        if not any(may(caller, one) for one in needed):
            has = ", ".join(sorted(caller.scopes)) or "none"
            raise PermissionDeniedException(f"this needs the scope {' or '.join(needed)}; your key or token has {has}")


class _Audit:
    """One line about a request: who, from where, what, which incident, and how it ended; nothing that was sent."""

    def __init__(self, scope: Request) -> None:
        self.caller: Caller | None = None
        self._written = False
        self._scope = scope

    def see(self, message: Message) -> None:
        """Write when an answer begins: one that goes on for long is known from the start."""
        if message["type"] == "http.response.start":
            made = next((text for name, text in message["headers"] if name.lower() == b"location"), b"")
            self.write(message["status"], made.decode("latin-1").rpartition("/")[2])

    def end(self) -> None:
        """Write what ended without an answer: a failure, of which the log says more, or a caller who went away."""
        self.write(0)

    def write(self, status: int, incident: str = "") -> None:
        """Write, once."""
        if self._written:
            return
        self._written = True
        scope = self._scope
        client = scope.get("client")
        found = str(scope.get("path_params", {}).get("incident_id", incident))
        log.info(
            "audit",
            who=self.caller.name if self.caller else "",
            address=client[0] if client else "",
            what=f"{scope.get('method', '')} {scope.get('path_template', '')}",
            incident=found if _ID.fullmatch(found) else "",
            status=status,
        )


def _needed(said: Scope | tuple[Scope, ...]) -> tuple[Scope, ...]:
    return (said,) if isinstance(said, str) else said


def _usual(scope: Request) -> Scope:
    return "read" if scope.get("method") in READS else "report"
