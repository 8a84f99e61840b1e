"""Runs the service: settings → parts → a server that ends when it is asked to."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from types import FrameType

import uvicorn
from litestar import Litestar

from sre_orchestrator.api.alone import alone
from sre_orchestrator.api.health import bound
from sre_orchestrator.api.service.app import application
from sre_orchestrator.api.service.dispatch import InProcess
from sre_orchestrator.api.service.ingesting import Ingesting
from sre_orchestrator.api.service.investigators import Live, Recorded
from sre_orchestrator.api.service.meanings import Meanings
from sre_orchestrator.api.service.notify.sending import Sender
from sre_orchestrator.api.service.past import Remembering
from sre_orchestrator.api.service.ports import Background, Dispatcher, Investigator, Store
from sre_orchestrator.api.service.retention import Retention
from sre_orchestrator.api.service.security.mounted import gate_for
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.api.service.store import Database, open_database
from sre_orchestrator.api.service.store.engine import is_server
from sre_orchestrator.api.service.telemetry import CountedOutbox, Observed, Telemetry
from sre_orchestrator.api.service.telemetry.starting import heed, reach_of, telling
from sre_orchestrator.api.service.twins import KeptTwin, RecordedTwin
from sre_orchestrator.api.service.warming import Warming
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import RequestLimits, Settings
from sre_orchestrator.core.settings import Service as Limits
from sre_orchestrator.core.structs import learn_structs
from sre_orchestrator.plugins.sources.snapshot import open_snapshot


def run(settings: Settings, snapshot: Path | None, address: tuple[str, int], *, watch: bool = False) -> None:
    """Serve at an address (host, port) until SIGTERM or Ctrl-C; ``watch`` what is served about, too.

    Raises:
        InputError: the snapshot, the database or the address cannot be used, another service keeps its incidents in
            the same file, or others would come in without a key.

    """
    if snapshot:
        open_snapshot(snapshot, settings.snapshot_limits).close()
    limits = settings.service
    targets = [one.key for one in limits.notify]
    with (
        closing(Installation(settings)) as installation,
        _only_one(settings),
        closing(open_database(limits.database_url, Path(settings.state_dir), targets, limits.queue)) as store,
        closing(RecordedTwin(installation, snapshot) if snapshot else KeptTwin(settings)) as twins,
        telling(installation) as telemetry,
    ):
        installation.shelf.beside.append(store.runbooks.library)
        if is_server(limits.database_url):
            installation.advice.vectors = lambda: store.vectors
        investigator = Recorded(installation, snapshot) if snapshot else Live(installation)
        outbox = CountedOutbox(store.outbox, telemetry.figures.notified)
        sender = Sender(store, outbox, limits.notify, public_url=limits.public_url)
        dispatcher = _dispatcher(store, Observed(Remembering(investigator, store), telemetry), sender, limits)
        gate = gate_for(settings, store.keys, address[0])
        background: list[Background] = [sender, Retention(store, limits.retention_days), Warming(installation)]
        if settings.model.embedder:
            background.append(Meanings(installation.advice))
        if settings.knowledge.folders:
            background.append(reading := Ingesting(installation))
            telemetry.health.check("runbooks", reading.why, needed=False)
        if snapshot is None:
            background.append(reach_of(installation, telemetry))
        if watch:
            background.append(_watched(installation, snapshot, store, telemetry))
        service = Service(
            installation=installation, store=store, dispatcher=dispatcher, twins=twins, background=tuple(background)
        )
        app = application(service, gate, telemetry)
        learn_structs()
        with closing(bound(*address)) as ears:
            _Server(config_of(app, settings.service.requests), telemetry.health.drain).run(sockets=[ears])


def _only_one(settings: Settings) -> AbstractContextManager[None]:
    """Return what keeps a second service from a file: each would take up what the other investigates."""
    if is_server(settings.service.database_url):
        return nullcontext()
    state = Path(settings.state_dir)
    return alone(
        state / "service.lock",
        f"{state}: another service keeps its incidents there; stop it, give another --state-dir, or share PostgreSQL (service.database_url)",
    )


def _watched(installation: Installation, snapshot: Path | None, store: Store, telemetry: Telemetry) -> Background:
    """Return the watch of what is served about; a kubeconfig that cannot be used is told at once."""
    from sre_orchestrator.api.live import check_access  # noqa: PLC0415 - clients of clusters are slow to import
    from sre_orchestrator.api.service.watched import Watched  # noqa: PLC0415

    if snapshot is None:
        check_access(installation.settings)
    watched = Watched(store, installation, snapshot)
    heed(watched.health, telemetry)
    return watched


def _dispatcher(store: Database, investigator: Investigator, sender: Sender, limits: Limits) -> Dispatcher:
    """Return workers for the only process that uses a database, or for one of several replicas."""
    if not is_server(limits.database_url):
        return InProcess(store, investigator, sender, limits=limits)
    try:
        from sre_orchestrator.api.service.queue import Queue  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise InputError(f"service.database_url: {error}; pip install 'sre-orchestrator[postgres]'") from error
    return Queue(store, investigator, sender, limits=limits)


def config_of(app: Litestar, limits: RequestLimits) -> uvicorn.Config:
    """Return how the server holds to the limits."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        http="h11",  # its buffer of headers is bounded
        h11_max_incomplete_event_size=2 * limits.header_bytes + limits.query_bytes,
        proxy_headers=bool(limits.trusted_proxies),
        forwarded_allow_ips=limits.trusted_proxies,
    )


class _Server(uvicorn.Server):
    """Ends in good order, with exit code 0, when it is asked to; a second signal ends it at once."""

    def __init__(self, config: uvicorn.Config, ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._ending = ending

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Say that the service ends, and end it."""
        self._ending()
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals, and do not raise them again when all is done."""
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, self.handle_exit)
        yield
