"""Tells who sends a request, from its key or token; lets nobody in who cannot be told."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urlsplit

from sre_orchestrator.api.service.dispatch import utc_now
from sre_orchestrator.api.service.ports import Caller, Keys
from sre_orchestrator.api.service.security.callers import ANYBODY, Forbidden
from sre_orchestrator.api.service.security.keys import PREFIX, caller_of
from sre_orchestrator.core.errors import SreError

_BEARER = re.compile(r"[Bb]earer +([\x21-\x7e]+)")


class Unknown(SreError):  # noqa: N818 - it is what happened
    """Nobody can tell who calls: there is no key or token, or it is not valid."""


class Unsettled(SreError):  # noqa: N818 - it is what happened
    """Whoever could tell who calls does not answer; it may be asked again."""


class Way(Protocol):
    """One way to tell who calls; synchronous, safe to call from several threads."""

    def caller(self, token: str) -> Caller | None:
        """Return whose token it is, or ``None``.

        Raises:
            Unsettled: it cannot be told at the moment.

        """
        ...


class KeyWay:
    """By API keys."""

    def __init__(self, keys: Keys, now: Callable[[], datetime] = utc_now) -> None:
        self._keys = keys
        self._now = now

    def caller(self, token: str) -> Caller | None:
        """Return whose key it is."""
        return caller_of(self._keys, token, self._now()) if token.startswith(PREFIX) else None


class Gate:
    """Tells who calls by the first way that knows; without any way, everybody on this machine may do everything."""

    def __init__(self, ways: Sequence[Way] = (), *, only_this_machine: bool = False) -> None:
        self.open = not ways
        self._ways = ways
        self._only_this_machine = only_this_machine

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Return who sent a request with these headers (names in small letters). Blocks.

        Raises:
            Unknown: nobody can tell.
            Unsettled: nobody can tell at the moment.
            Forbidden: a page from elsewhere sent it, through the browser of somebody on this machine.

        """
        if self.open:
            if self._only_this_machine:
                _refuse_pages(headers)
            return ANYBODY
        token = _token(headers)
        for way in self._ways:
            if found := way.caller(token):
                return found
        raise Unknown("the key or token is not valid: unknown, expired, revoked, or not meant for this service")


def loopback(host: str) -> bool:
    """Say whether nobody but this machine reaches ``host``."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _token(headers: Mapping[str, str]) -> str:
    key, authorization = headers.get("x-api-key", ""), headers.get("authorization", "")
    if not key and not authorization:
        raise Unknown("there is no key: send Authorization: Bearer KEY or X-API-Key: KEY")
    bearer = _BEARER.fullmatch(authorization)
    if key and authorization:
        raise Unknown("there are two keys: send either Authorization or X-API-Key")
    if authorization and not bearer:
        raise Unknown("the header Authorization cannot be read: send Authorization: Bearer KEY")
    return bearer[1] if bearer else key


def _refuse_pages(headers: Mapping[str, str]) -> None:
    """Refuse what another site's page sends, or reads after it let its own name point to this machine."""
    try:
        name = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        origin = urlsplit(headers.get("origin", ""))
    except ValueError as error:
        raise Forbidden("the header Host or Origin cannot be read") from error
    if name and not loopback(name):
        raise Forbidden(f"the service answers to this machine only, not as {name[:60]!r}; ask 127.0.0.1 or localhost")
    if headers.get("origin") and origin.netloc != headers.get("host"):
        raise Forbidden("a page from elsewhere sent this; the service has no API keys and answers to its own page only")
