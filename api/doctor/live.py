"""Looks at a running cluster: how it is reached, what may be read there, which services were found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence

from sre_orchestrator.api.doctor.checkup import Check
from sre_orchestrator.api.doctor.installed import check_installation
from sre_orchestrator.api.live import known_namespaces
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.sources.k8s import Cluster
from sre_orchestrator.plugins.sources.k8s.permissions import line_for, rights
from sre_orchestrator.plugins.sources.ports import EVERYWHERE, Discoverable, Found, Grant, Releases

OPTIONAL = frozenset({"loki", "probes"})
METRICS = "metrics.k8s.io"


async def check_cluster(installation: Installation, cluster: Cluster, sources: Sources) -> AsyncIterator[Check]:
    """Yield what ``cluster`` and the ``sources`` beside it offer, then what is installed.

    Raises:
        InputError: a namespace does not exist.

    """
    known = await known_namespaces(cluster, cluster.namespaces)
    yield await _api(cluster)
    if cluster.native:
        async for one in _permissions(cluster, cluster.namespaces):
            yield one
    else:
        for one in _through_another(cluster, installation.settings):
            yield one
    async for one in _services(sources):
        yield one
    if not any(one.name == "probes" for one in sources.all):
        yield _unused("services", "probes", "switched off", "set probes.enabled to true, or drop it")
    if cluster.native:
        yield _metrics_api(await cluster.api_groups())
    async for one in _releases(sources, cluster.namespaces or known):
        yield one
    for check in check_installation(installation):
        yield check


async def _api(cluster: Cluster) -> Check:
    version, place = await cluster.server_version(), f"{cluster.address}, by {cluster.place}"
    return Check(area="cluster", name="Kubernetes API", found=f"{version or 'version not told'} at {place}")


def _through_another(cluster: Cluster, settings: Settings) -> Iterator[Check]:
    """Yield what is different where another program than an API server answers: nobody to ask about permissions."""
    yield Check(
        area="cluster",
        name="changes",
        found=f"listed again every {settings.twin.relist_seconds:g} s (twin.relist_seconds), for watch and twin follow",
    )
    yield _unused(
        "permissions",
        "reviews",
        f"the {cluster.place} reads with an account of its own and does not tell what that may do",
        "look at the gaps of a diagnosis: each names the rule that the account of the server lacks",
    )


async def _permissions(cluster: Cluster, namespaces: Sequence[str]) -> AsyncIterator[Check]:
    groups = await cluster.api_groups()
    wanted = rights()
    offered = [one for one in wanted if one.group in groups]
    try:
        grants = await cluster.grants(offered, namespaces)
    except SourceMissing as missing:
        yield Check(
            area="permissions",
            name="reviews",
            state="missing",
            why=str(missing),
            remedy="bind the ClusterRole system:basic-user, which every account has by default",
        )
        return
    for grant in grants:
        yield _permission(grant, namespaces)
    for right in wanted:
        if right.group not in groups:
            yield _unused("permissions", _name(right.group, right.resource), f"the cluster offers no {right.group}")


def _permission(grant: Grant, namespaces: Sequence[str]) -> Check:
    right, places = grant.right, sorted(grant.places)
    name = _name(right.group, right.resource)
    where = "in the whole cluster" if EVERYWHERE in places else f"in {', '.join(places)}" if places else ""
    if not grant.lacking:
        return Check(area="permissions", name=name, found=f"{', '.join(right.verbs)} {where}")
    without = [one for one in namespaces if one not in places] if right.namespaced else []
    return Check(
        area="permissions",
        name=name,
        state="unused" if right.optional else "missing",
        found=f"{', '.join(right.verbs)} {where}" if where else "",
        why=f"{', '.join(grant.lacking)} denied{' in ' + ', '.join(without) if without else ''}: no {right.needed_for} is seen",
        remedy=line_for(right, without[0] if without else ""),
    )


async def _services(sources: Sources) -> AsyncIterator[Check]:
    for source in sources.all:
        if isinstance(source, Discoverable):
            yield _service(await source.describe())


def _service(found: Found) -> Check:
    return Check(
        area="services",
        name=found.name,
        state="ok" if not found.problem else "unused" if found.name in OPTIONAL else "missing",
        found=" ".join(_place(found)),
        why=found.problem,
        remedy=found.remedy,
    )


def _place(found: Found) -> Iterator[str]:
    if found.version:
        yield found.version
    if found.address:
        yield f"at {found.address},"
    if found.how:
        yield f"by {found.how}" if found.address else f"from {found.how}"


def _metrics_api(groups: frozenset[str]) -> Check:
    if METRICS in groups:
        return Check(area="services", name="metrics API", found=f"{METRICS}, among the groups of the Kubernetes API")
    return _unused(
        "services", "metrics API", f"the cluster offers no {METRICS}", "install metrics-server for kubectl top"
    )


async def _releases(sources: Sources, namespaces: Sequence[str]) -> AsyncIterator[Check]:
    source = sources.find(Releases)  # type: ignore[type-abstract]  # a port is asked for by its protocol
    history = await source.releases(namespaces) if source else None
    if history is None or not history.items:
        yield _unused("releases", "Helm", "no release was found in the namespaces that were looked at")
    else:
        names = {(one.namespace, one.name) for one in history.items}
        whole = sum(one.whole for one in history.items)
        how = f"{whole} of {len(history.items)} revisions with contents, the others by labels"
        yield Check(area="releases", name="Helm", found=f"{len(names)} releases; {how}")
    for number, gap in enumerate(history.gaps if history else (), start=1):
        yield _unused("releases", f"Helm, gap {number}", f"{gap.what}: {gap.why}", gap.remedy)


def _unused(area: str, name: str, why: str, remedy: str = "nothing: it is optional") -> Check:
    return Check(area=area, name=name, state="unused", why=why, remedy=remedy)


def _name(group: str, resource: str) -> str:
    return f"{resource}.{group}" if group else resource
