"""Tells service accounts of Kubernetes by their tokens; the API server says whose they are."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

import structlog

from sre_orchestrator.api.service.ports import Caller
from sre_orchestrator.api.service.security.claims import caller_named, shaped
from sre_orchestrator.api.service.security.gate import Unsettled
from sre_orchestrator.core.errors import SreError
from sre_orchestrator.core.ports import TokenReview
from sre_orchestrator.core.settings import AccountAuth

MOST_REMEMBERED = 10_000
log = structlog.get_logger()


class AccountWay:
    """By service accounts' tokens (``gate.Way``); answers are remembered by the digest of the token."""

    def __init__(self, tokens: TokenReview, settings: AccountAuth, clock: Callable[[], float] = time.monotonic) -> None:
        self._tokens = tokens
        self._settings = settings
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Caller | None]] = OrderedDict()
        self._lock = threading.Lock()

    def caller(self, token: str) -> Caller | None:
        """Return whose token it is, as the API server says now or said lately."""
        if not shaped(token):
            return None
        digest = hashlib.sha256(token.encode()).digest()
        with self._lock:
            until, caller = self._known.get(digest, (0.0, None))
        if self._clock() < until:
            return caller
        caller = self._asked(token)
        with self._lock:
            self._known[digest] = (self._clock() + self._settings.remember_seconds, caller)
            self._known.move_to_end(digest)
            if len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        return caller

    def _asked(self, token: str) -> Caller | None:
        try:
            account = self._tokens.review(token, self._settings.audiences)
        except SreError as error:
            log.error("service accounts cannot be told", why=str(error))
            raise Unsettled("the API server of Kubernetes cannot say whose token this is; try again") from error
        if account is None:
            return None
        return caller_named("kubernetes", account.name, account.groups, self._settings.allowed)
