"""MCP over standard input and output: a service of its own for one assistant on this machine."""

from __future__ import annotations

import hashlib
from contextlib import AsyncExitStack, closing
from pathlib import Path

import anyio
import msgspec
from mcp.server.stdio import stdio_server

from sre_orchestrator.api.service.dispatch import InProcess, Silent
from sre_orchestrator.api.service.investigators import Live, Recorded
from sre_orchestrator.api.service.mcp.server import server_of
from sre_orchestrator.api.service.retention import Retention
from sre_orchestrator.api.service.security.callers import ANYBODY
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.api.service.store import open_database
from sre_orchestrator.api.service.twins import KeptTwin, RecordedTwin
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

GRACE_SECONDS = 1.0  # whoever started us does not wait; what is cut off is taken up at the next start


def speak(settings: Settings, snapshot: Path | None) -> None:
    """Answer on standard input and output until the input ends; whoever starts us may do everything.

    Raises:
        InputError: the snapshot or the database cannot be used.

    """
    if snapshot:
        open_snapshot(snapshot, settings.snapshot_limits).close()
    limits = msgspec.structs.replace(settings.service, grace_seconds=GRACE_SECONDS)
    folder = Path(settings.state_dir) / "mcp" / _source(settings, snapshot)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        closing(Installation(settings)) as installation,
        closing(open_database(limits.database_url, folder)) as store,
        closing(RecordedTwin(installation, snapshot) if snapshot else KeptTwin(settings)) as twins,
    ):
        investigator = Recorded(installation, snapshot) if snapshot else Live(installation)
        service = Service(
            installation=installation,
            store=store,
            dispatcher=InProcess(store, investigator, Silent(), limits=limits),
            twins=twins,
            background=(Retention(store, limits.retention_days),),
        )
        anyio.run(_speak, service)


async def _speak(service: Service) -> None:
    server = server_of(service, lambda _: ANYBODY)
    async with AsyncExitStack() as stack:
        for one in (*service.background, service.dispatcher):
            await stack.enter_async_context(one.running())
        async with stdio_server() as (receiving, sending):
            await server.run(receiving, sending, server.create_initialization_options())


def _source(settings: Settings, snapshot: Path | None) -> str:
    """Return a name for what is asked about: assistants that ask about different clusters share no incidents."""
    where = str(snapshot.resolve()) if snapshot else msgspec.json.encode(settings.cluster).decode()
    return hashlib.blake2b(where.encode(), digest_size=8).hexdigest()
