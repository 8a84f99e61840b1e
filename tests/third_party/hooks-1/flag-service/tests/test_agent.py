"""The agent reports who is hurt by Flag Service, and stays silent about all others."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.models import Coverage, Fact, Gap, Incident, Scope
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

from flag_service.agent import StatusAgent
from flag_service.options import Options
from flag_service.source import StatusPage, recorded_page

OUTAGE = Path(__file__).parent / "outage"
NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
INCIDENT = Incident(id="i1", description="checkout answers 500", at=NOON)
SCOPE = Scope(incident=INCIDENT, namespaces=("shop",), since=NOON, until=NOON)


def seen(page: StatusPage | None, domain: str = "flag-service.example") -> Sequence[Fact | Coverage | Gap]:
    """Return what the agent says of the recorded cluster."""

    async def gather() -> Sequence[Fact | Coverage | Gap]:
        with open_snapshot(OUTAGE, SnapshotLimits()) as snapshot:
            sources = Sources([page, snapshot] if page else [snapshot])
            return [one async for one in StatusAgent(Options(domain=domain)).gather(SCOPE, sources)]

    return asyncio.run(gather())


def test_a_workload_that_calls_flag_service_is_told_of_its_outage() -> None:
    fact, coverage = seen(recorded_page(OUTAGE / "plugins" / "flag-service"))

    assert isinstance(fact, Fact)
    assert fact.component == "deployment/shop/checkout"
    assert fact.attributes == {
        "part": "API",
        "status": "major_outage",
        "host": "api.flag-service.example",
        "variable": "FLAG_SERVICE_URL",
    }
    assert coverage == Coverage(kind="flag-service.status", scope="namespace/shop")


def test_nobody_is_told_when_all_is_well() -> None:
    well = StatusPage(lambda: b'{"components": [{"name": "API", "status": "operational"}]}')

    assert seen(well) == [Coverage(kind="flag-service.status", scope="namespace/shop")]


def test_workloads_that_call_others_are_not_told() -> None:
    found = seen(recorded_page(OUTAGE / "plugins" / "flag-service"), domain="pay.example")

    assert found == [Coverage(kind="flag-service.status", scope="namespace/shop")]


def test_without_a_status_page_there_is_a_gap() -> None:
    (gap,) = seen(None)

    assert isinstance(gap, Gap)
    assert gap.remedy == "set plugins: {flag-service: {url: https://…}}"
