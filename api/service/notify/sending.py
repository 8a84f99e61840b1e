"""Sends what the outbox holds, target by target, until it arrives: at least once, with the same id."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import structlog

from sre_orchestrator.api.service.dispatch import utc_now
from sre_orchestrator.api.service.models import IncidentRecord
from sre_orchestrator.api.service.notify.messages import body_of, headers_of, told
from sre_orchestrator.api.service.notify.posting import Undelivered, post
from sre_orchestrator.api.service.ports import Delivery, Outbox, Store
from sre_orchestrator.core.boundary import Failure, guarded
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.settings import Notify

LOOK_SECONDS = 1.0
LEASE_SECONDS = 5.0  # and the time-out: after that, whoever took a delivery has died
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 5.0, 3600.0
MOST_ATTEMPTS = 20  # about half a day
log = structlog.get_logger()


class Sender:
    """Tells others (``api.service.ports.Notifier`` and ``Background``); the store writes the outbox with the report."""

    def __init__(
        self,
        store: Store,
        outbox: Outbox,
        targets: Sequence[Notify],
        *,
        public_url: str = "",
        first_wait_seconds: float = FIRST_WAIT_SECONDS,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._targets = targets
        self._public_url = public_url
        self._first_wait = first_wait_seconds
        self._now = now
        self._woken = anyio.Event()

    def finished(self, record: IncidentRecord, bundle: Bundle) -> None:
        """Send at once what the outbox holds; called in the event loop."""
        del record, bundle
        self._woken.set()
        self._woken = anyio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send while the context lasts; a target that is slow delays no other."""
        async with anyio.create_task_group() as tasks:
            for target in self._targets:
                tasks.start_soon(self._work, target)
            yield
            tasks.cancel_scope.cancel()

    async def _work(self, target: Notify) -> None:
        while True:
            woken = self._woken
            outcome = await anyio.to_thread.run_sync(guarded, partial(self.send_next, target))
            if isinstance(outcome, Failure):
                log.error("a notification failed", target=target.key, why=outcome.why)
            if isinstance(outcome, Failure) or not outcome.value:
                with anyio.move_on_after(LOOK_SECONDS):
                    await woken.wait()

    def send_next(self, target: Notify) -> bool:
        """Send what is due; return whether there was something."""
        now = self._now()
        due = self._outbox.due(target.key, now, now + timedelta(seconds=target.timeout_seconds + LEASE_SECONDS))
        if due is None:
            return False
        try:
            self._send(target, due)
        except Undelivered as problem:
            self._later(target, due, problem)
        else:
            self._outbox.told(due.id)
        return True

    def _send(self, target: Notify, due: Delivery) -> None:
        view = self._store.get(due.incident)
        if view is None or view.report is None or view.verdict not in target.verdicts:
            return
        first = view.report.hypotheses[0] if view.cause else None
        body, kind = body_of(target, due, told(view, first, self._public_url))
        secret = _secret(target, target.secret_file) if target.secret_file else ""
        try:
            headers = headers_of(due, body, secret, self._now())
        except InputError as error:
            raise Undelivered(f"{target.secret_file}: {error}") from error
        url = target.url or _secret(target, target.url_file)
        post(url, body, {**headers, "Content-Type": kind, "User-Agent": "sre-orchestrator"}, target.timeout_seconds)

    def _later(self, target: Notify, due: Delivery, problem: Undelivered) -> None:
        """Try again after a while, twice as long each time; in the end, give up and say so."""
        wait = max(problem.wait, min(LONGEST_WAIT_SECONDS, self._first_wait * 2 ** (due.attempts - 1)))
        again = self._now() + timedelta(seconds=wait) if due.attempts < MOST_ATTEMPTS else None
        self._outbox.untold(due.id, str(problem), again)
        say = log.warning if again else log.error
        what = "notification not delivered" if again else "notification given up"
        say(what, target=target.key, incident=due.incident, attempt=due.attempts, why=str(problem))


def _secret(target: Notify, file: str) -> str:
    """Return what a file holds; it is read at each use, so that it can be replaced."""
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Undelivered(f"service.notify {target.key}: {file}: cannot be read; give a readable file") from error
