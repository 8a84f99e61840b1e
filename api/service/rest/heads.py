"""Answers HEAD wherever GET is known, without a body (RFC 9110, 9.3.2), and OPTIONS with all methods of an address."""

from __future__ import annotations

from typing import Any, cast

from litestar.types import ASGIApp, Message, Receive, Send
from litestar.types import Scope as Request

from sre_orchestrator.api.service.intake.handshake import Welcome

NO_METHOD = "CONNECT"  # nothing is at any address for it: the refusal names what is, which no single route knows


class Heads:
    """An application before the application."""

    def __init__(self, app: ASGIApp, welcome: Welcome) -> None:
        self._app = app
        self._welcome = welcome

    async def __call__(self, scope: Request, receive: Receive, send: Send) -> None:
        """Answer HEAD as GET, and end where the body would begin; OPTIONS as a refusal that is none."""
        method = {"HEAD": "GET", "OPTIONS": NO_METHOD}.get(str(scope.get("method")))
        if method is None:
            await self._app(scope, receive, send)
            return
        ended = False

        async def heard() -> Any:  # noqa: ANN401 - the types of ASGI know no union of what is received
            return {"type": "http.disconnect"} if ended else await receive()

        async def headed(message: Message) -> None:
            nonlocal ended
            if message["type"] == "http.response.start" and method == NO_METHOD and message["status"] == 405:  # noqa: PLR2004
                message = {
                    **message,
                    "status": 204,
                    "headers": [
                        *(one for one in message["headers"] if one[0].lower() == b"allow"),
                        *self._welcome(scope),
                    ],
                }
            elif message["type"] == "http.response.body":
                if ended:
                    return
                ended = True
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        await self._app(cast("Request", {**scope, "method": method}), heard, headed)
