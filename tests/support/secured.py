"""A service with keys for tests: incidents of two namespaces, and all that the service wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from litestar.testing import TestClient
from service import bundle_of

from sre_orchestrator.api.service.app import application
from sre_orchestrator.api.service.dispatch import InProcess, Silent, utc_now
from sre_orchestrator.api.service.models import Reported
from sre_orchestrator.api.service.past import Remembering
from sre_orchestrator.api.service.ports import Investigator, Scope
from sre_orchestrator.api.service.security.gate import Gate, KeyWay, Way
from sre_orchestrator.api.service.security.keys import create_key
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.api.service.store import Database, open_database
from sre_orchestrator.api.service.twins import Nowhere, Twins
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.ports import Progress
from sre_orchestrator.core.settings import KnowledgeSettings, RequestLimits, Settings
from sre_orchestrator.core.settings import Service as Limits

Client = TestClient[Any]
INCIDENTS = "/api/v1/incidents"
USUAL, READ = RequestLimits(), KnowledgeSettings()
USED: list[str] = []  # every key and token of this process: none of them may be written anywhere


class Instant:
    """Has every report at once (``api.service.ports.Investigator``)."""

    async def investigate(self, incident_id: str, reported: Reported, progress: Progress) -> Bundle:
        """Return always the same, or fail where the report asks for it."""
        del incident_id, progress
        if reported.description == "fail":
            raise InputError("it cannot be investigated")
        return bundle_of()


class Secured:
    """A service in this process, its keys and its clients."""

    def __init__(
        self,
        state: Path,
        *,
        requests: RequestLimits = USUAL,
        ways: Sequence[Way] = (),
        gate: Gate | None = None,
        twins: Twins | None = None,
        knowledge: KnowledgeSettings = READ,
        investigator: Investigator | None = None,
        **more: Any,
    ) -> None:
        # the compiled rules are shared by the tests of a process
        limits = Limits(requests=requests, body_bytes=20_000, runbook_bytes=1000, **more)
        settings = Settings(state_dir=str(state.parent), service=limits, knowledge=knowledge)
        installation = Installation(settings)
        self.store: Database = open_database("", state)
        remembering = Remembering(investigator or Instant(), self.store)
        dispatcher = InProcess(self.store, remembering, Silent(), limits=settings.service)
        service = Service(installation=installation, store=self.store, dispatcher=dispatcher, twins=twins or Nowhere())
        self.app = application(service, gate or Gate([KeyWay(self.store.keys), *ways]))

    def key(self, name: str, *scopes: Scope, namespaces: Sequence[str] = ()) -> dict[str, str]:
        """Return the headers of a new key."""
        record, key = create_key(self.store.keys, name, scopes, namespaces=namespaces, now=utc_now())
        USED.append(key.rpartition(f"{record.id}_")[2])
        return {"X-API-Key": key}


@contextmanager
def asking(secured: Secured) -> Iterator[Client]:
    """Yield a client of the running service."""
    with TestClient(secured.app, raise_server_exceptions=False) as client:
        yield client
    secured.store.close()
