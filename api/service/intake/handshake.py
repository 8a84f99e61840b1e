"""How senders of CloudEvents ask whether they may: https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md."""

from __future__ import annotations

import re
from collections.abc import Callable

from litestar.types import Scope as Request

ADDRESS = "/api/v1/events"
_ORIGIN = re.compile(rb"[A-Za-z0-9.:_-]{1,253}")
Welcome = Callable[[Request], list[tuple[bytes, bytes]]]


def welcome_at(per_second: float) -> Welcome:
    """Return what adds to an answer to OPTIONS that a sender may post, so many requests a minute.

    Whoever asks is told yes: each event still needs a key or token.
    """
    rate = str(max(1, int(per_second * 60))).encode()

    def welcome(scope: Request) -> list[tuple[bytes, bytes]]:
        asked = next((text for name, text in scope["headers"] if name.lower() == b"webhook-request-origin"), b"")
        if scope["path"].rstrip("/") != ADDRESS or not _ORIGIN.fullmatch(asked):
            return []
        return [(b"webhook-allowed-origin", asked), (b"webhook-allowed-rate", rate)]

    return welcome
