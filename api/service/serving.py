"""Runs the service: settings → parts → a server that ends when it is asked to."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import uvicorn

from sre_orchestrator.api.health import bound
from sre_orchestrator.api.service.app import application
from sre_orchestrator.api.service.dispatch import InProcess, Silent
from sre_orchestrator.api.service.investigators import Live, Recorded
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.api.service.store import open_database
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.sources.snapshot import open_snapshot


def run(settings: Settings, snapshot: Path | None, host: str, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Raises:
        InputError: the snapshot, the database or the address cannot be used.

    """
    if snapshot:
        open_snapshot(snapshot, settings.snapshot_limits).close()
    installation = Installation(settings)
    with closing(open_database(settings.service.database_url, Path(settings.state_dir))) as store:
        investigator = Recorded(installation, snapshot) if snapshot else Live(installation)
        dispatcher = InProcess(store, investigator, Silent(), limits=settings.service)
        app = application(Service(installation=installation, store=store, dispatcher=dispatcher))
        with closing(bound(host, port)) as ears:
            _Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=[ears])


class _Server(uvicorn.Server):
    """Ends in good order, with exit code 0, when it is asked to; a second signal ends it at once."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals, and do not raise them again when all is done."""
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, self.handle_exit)
        yield
