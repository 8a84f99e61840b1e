"""Says which servers of databases run, and which of their own settings turn clients away."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.logs.callees import Cast, Server
from sre_orchestrator.plugins.agents.logs.families import family_of_container
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.pods import Container, PodSpec
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.objects.workloads import Deployment, StatefulSet
from sre_orchestrator.plugins.sources.calls import Calls

# MySQL takes - and _ alike, PostgreSQL's arguments are "-c name=value".
_READ_ONLY = re.compile(
    r"(?<!\w)(?<!\w-)(?P<name>(?:super[-_])?read[-_]only|default_transaction_read_only)(?![\w-])(?:\s*[=\s]\s*(?P<value>\w+))?",
    re.IGNORECASE,
)
_CONNECTIONS = re.compile(
    r"(?<!\w)(?<!\w-)(?P<name>max[-_](?:user[-_])?connections|maxclients)\s*[=\s]\s*(?P<value>\d+)\b", re.IGNORECASE
)
_COMMENT = re.compile(r"^\s*[#;].*$", re.MULTILINE)
# Settings that a start script gives to followers only.
_OF_FOLLOWERS = re.compile(r"replica|slave|follower|secondar|standby|read-?only", re.IGNORECASE)
_OFF = frozenset({"0", "off", "false", "no"})


def look_at_servers(cast: Cast, read: Mapping[type[Object], tuple[Object, ...]], observe: Observer) -> Iterator[Fact]:
    """Yield each server, and its settings that forbid writes or bound its connections."""
    specs = dict(_specs(read))
    calls = Calls(read)
    for server in cast.servers:
        for service in server.services or (None,):
            yield observe(
                "database.server",
                server.workload,
                query=f"kubectl get pods -n {server.namespace} -o wide",
                family=server.family,
                ready=server.ready,
                service=service,
            )
        if server.workload in specs:
            yield from _settings(server, specs[server.workload], calls, cast, observe)


def _specs(read: Mapping[type[Object], tuple[Object, ...]]) -> Iterator[tuple[str, PodSpec]]:
    """Yield the workloads of a single server: of several, each may be set up in another way."""
    for kind in (Deployment, StatefulSet):
        for one in read[kind]:
            if isinstance(one, Deployment | StatefulSet) and one.desired == 1:
                name = component_id(KINDS[kind].kind, one.metadata.namespace, one.metadata.name)
                yield name, one.spec.template.spec


def _settings(server: Server, spec: PodSpec, calls: Calls, cast: Cast, observe: Observer) -> Iterator[Fact]:
    found: dict[str, tuple[int, str]] = {}
    for container in spec.containers:
        if family_of_container(container) == server.family:
            for origin, text in _texts(server.namespace, spec, container, calls):
                for name, value in _told(text):
                    found[name] = (value, origin)
    kind, _, rest = server.workload.partition("/")
    for name, (value, origin) in found.items():
        yield observe(
            "database.setting",
            server.workload,
            query=f"kubectl get {kind} {rest.partition('/')[2]} -n {server.namespace} -o yaml",
            family=server.family,
            setting=name,
            value=value,
            clients=cast.clients(server.workload) if name == "max-connections" else None,
            origin=origin,
        )


def _texts(namespace: str, spec: PodSpec, container: Container, calls: Calls) -> Iterator[tuple[str, str]]:
    """Yield the files of settings, and then the arguments, which come before them."""
    for origin, text in calls.files(namespace, spec, container):
        if not _OF_FOLLOWERS.search(origin):
            yield origin, _COMMENT.sub("", text)
    yield f"arguments of container {container.name}", "\n".join((*container.command, *container.args))


def _told(text: str) -> Iterable[tuple[str, int]]:
    for match in _READ_ONLY.finditer(text):
        yield "read-only", int((match["value"] or "1").lower() not in _OFF)
    for match in _CONNECTIONS.finditer(text):
        yield "max-connections", int(match["value"])
