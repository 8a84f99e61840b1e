"""Reads the folders of runbooks that settings name when a service starts, beside its requests."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, closing

import anyio
import anyio.to_thread
import structlog

from sre_orchestrator.api.parts import Unwatched
from sre_orchestrator.api.service.beside import beside
from sre_orchestrator.api.service.warming import AFTER_SECONDS
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.boundary import Failure, guarded
from sre_orchestrator.core.wording import counted

log = structlog.get_logger()


class Ingesting:
    """Brings the library up to date with ``knowledge.folders``, once (``api.service.ports.Background``)."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._why = "the folders of knowledge.folders are being read"

    def why(self) -> str:
        """Return what is wrong: they are not read yet, or cannot be; ``""`` when the library has them."""
        return self._why

    def running(self) -> AbstractAsyncContextManager[None]:
        """Read in a thread while the context lasts; what was kept stays when it ends before that is done."""
        return beside(self._work)

    async def _work(self) -> None:
        await anyio.sleep(AFTER_SECONDS)
        outcome = await anyio.to_thread.run_sync(guarded, self.read, abandon_on_cancel=True)
        if isinstance(outcome, Failure):
            self._why = outcome.why.partition("\n")[0]
            log.error("the runbooks of knowledge.folders cannot be read", why=outcome.why)

    def read(self) -> None:
        """Read what is new; rules and checks in it are in the book from then on.

        Raises:
            InputError: the library cannot be used.

        """
        from sre_orchestrator.plugins.knowledge.alert_files import ingest  # noqa: PLC0415 - a start need not wait for it
        from sre_orchestrator.plugins.knowledge.library import Library, library_file  # noqa: PLC0415

        settings, shelf = self._installation.settings, self._installation.shelf
        log.info("reading runbooks", folders=settings.knowledge.folders)
        before = shelf.blocks()
        with closing(Library(library_file(settings.state_dir))) as library:
            done = ingest(library, settings.knowledge.folders, settings, Unwatched())
        for problem in done.problems:
            log.warning("a runbook cannot be read", why=problem)
        if shelf.blocks() != before:
            self._installation.renew()
        for refused in self._installation.refused:
            log.warning("a rule or check of a runbook cannot be used", why=refused)
        log.info(
            "runbooks are read",
            added=len(done.added),
            changed=len(done.changed),
            unchanged=len(done.unchanged),
            removed=len(done.removed),
            alert_rules=done.alerts,
            unreadable=len(done.problems),
        )
        self._why = (
            f"{counted(len(done.problems), 'runbook')} cannot be read: {done.problems[0]}" if done.failed else ""
        )
