"""Looks at a recorded incident: what it offers to a diagnosis, and what was not recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC

from sre_orchestrator.api.doctor.checkup import Check, State
from sre_orchestrator.api.doctor.installed import check_installation
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Gap
from sre_orchestrator.core.vocabulary import nearest
from sre_orchestrator.plugins.objects.config import Namespace
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import EndpointSlice
from sre_orchestrator.plugins.objects.nodes import Lease
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.sources.k8s.permissions import rights
from sre_orchestrator.plugins.sources.ports import Listing
from sre_orchestrator.plugins.sources.snapshot import Snapshot

NODE_LEASES = "kube-node-lease"
AGAIN = "record it with the next incident: sre-orchestrator snapshot take"


async def check_snapshot(installation: Installation, snapshot: Snapshot) -> AsyncIterator[Check]:
    """Yield what ``snapshot`` offers in the namespaces that it is about, then what is installed.

    Raises:
        InputError: the namespace of the settings is not there.

    """
    known = tuple(sorted(one.metadata.name for one in (await snapshot.list(Namespace)).items))
    wanted = _wanted(installation.settings.namespace, known) or snapshot.info.namespaces or known
    about = f"{snapshot.root}, recorded {snapshot.captured_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, of {', '.join(wanted)}"
    version = await snapshot.server_version()
    yield Check(area="snapshot", name="recording", found=f"{about}{f', Kubernetes {version}' if version else ''}")
    optional = {(one.group, one.resource): one.optional for one in rights()}
    told: set[Gap] = set()
    for kind, listed in KINDS.items():
        listing = await snapshot.list(kind)
        told |= set(listing.gaps)
        name = f"{listed.plural}.{listed.group}" if listed.group else listed.plural
        spare = kind is EndpointSlice or optional[listed.group, listed.plural]  # Endpoints tell the same
        yield _objects(name, listing, (NODE_LEASES,) if kind is Lease else wanted, optional=spare)
    async for one in _others(snapshot, wanted):
        yield one
    gaps = [one async for one in snapshot.sync() if isinstance(one, Gap) and one not in told]
    for gap in dict.fromkeys(gaps):
        yield Check(area="gaps", name=gap.what, state="missing", why=gap.why, remedy=gap.remedy)
    for check in check_installation(installation):
        yield check


def _wanted(namespace: str, known: Sequence[str]) -> tuple[str, ...]:
    named = tuple(one.strip() for one in namespace.split(",") if one.strip())
    for name in named:
        if known and name not in known:
            raise InputError(f"--namespace: there is no namespace {name!r}{nearest(name, known)}")
    return named


def _objects(name: str, listing: Listing[Object], wanted: Sequence[str], *, optional: bool) -> Check:
    missing: State = "unused" if optional else "missing"
    whole = "*" in listing.complete_in or listing.complete_in >= set(wanted)
    if whole:
        return Check(area="objects", name=name, found=f"{len(listing.items)}, all of them")
    parts = sorted(listing.complete_in & set(wanted))
    found = f"{len(listing.items)}, all of {', '.join(parts)}" if parts else f"{len(listing.items)}, perhaps not all"
    why = "; ".join(f"{one.what}: {one.why}" for one in listing.gaps) or "not recorded completely"
    return Check(area="objects", name=name, state=missing, found=found if listing.items else "", why=why, remedy=AGAIN)


async def _others(snapshot: Snapshot, wanted: Sequence[str]) -> AsyncIterator[Check]:
    streams = [one for namespace in wanted for one in await snapshot.streams(namespace)]
    series = await snapshot.series(snapshot.captured_at, snapshot.captured_at)
    probes = await snapshot.probes(wanted)
    yield _counted("logs", len(streams), "of containers", f", {snapshot.info.coverage.logs} lines")
    yield _counted("metrics", len(series), "series")
    yield _counted("alerts", len(await snapshot.alerts()), "alerts")
    yield _counted("probes", len(probes.tcp) + len(probes.tls) + len(probes.http), "checks")
    yield _counted("units", len(await snapshot.units()), "units of nodes")
    yield _counted("topology", len(await snapshot.dependencies()), "call relations")


def _counted(name: str, count: int, of: str, more: str = "") -> Check:
    if count:
        return Check(area="records", name=name, found=f"{count} {of}{more}")
    state: State = "missing" if name in {"logs", "metrics"} else "unused"
    return Check(area="records", name=name, state=state, why="none recorded", remedy=AGAIN)
