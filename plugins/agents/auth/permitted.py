"""Compares what the API server refused with the roles and bindings that exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Coverage, Fact, Gap
from sre_orchestrator.plugins.agents.auth.messages import SIGN, Refused, refusals_in
from sre_orchestrator.plugins.agents.auth.nearest import Lack, lack_of
from sre_orchestrator.plugins.agents.auth.view import View, identity
from sre_orchestrator.plugins.objects.access import ACCOUNT, Access, Request, account_in
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.rbac import ClusterRole, ClusterRoleBinding, Role, RoleBinding
from sre_orchestrator.plugins.sources.ports import EVERYWHERE, ClusterObjects, Listing, PodLogs

KIND = "permission.checked"
NEWEST_BYTES = 1024 * 1024
MOST = 50
SAMPLE = 300


@dataclass(frozen=True, kw_only=True)
class Told:
    """A refusal, who is known to have met it (``""``: whoever runs as the account), and where it is told."""

    refused: Refused
    origin: str
    component: str = ""
    at: datetime | None = None
    sample: str = ""


@dataclass(frozen=True, kw_only=True)
class Roles:
    """What roles and bindings allow, and where all of them are known."""

    access: Access
    listings: Sequence[Listing[Object]]

    def known(self, namespace: str) -> bool:
        """Say whether nothing that could allow a request in ``namespace`` was left unread."""
        *namespaced, roles, bindings = (one.complete_in for one in self.listings)
        here = {namespace, EVERYWHERE} if namespace else frozenset()
        return all(EVERYWHERE in one for one in (roles, bindings)) and (
            not namespace or all(here & one for one in namespaced)
        )


def told_by_events(view: View) -> Iterator[Told]:
    """Yield the refusals that events of the scope tell of; what it is about is known by the account."""
    for event in view.events.items:
        about = event.about
        if about.namespace in view.scope.namespaces and (event.first is None or event.first <= view.scope.until):
            for one in refusals_in(event.text):
                owner = component_id(about.kind, about.namespace, about.name)
                yield Told(
                    refused=one, origin="event", component=_pod_owner(view, owner), at=event.first, sample=event.text
                )


def told_by_incident(view: View) -> Iterator[Told]:
    """Yield the refusals that the incident quotes."""
    text = view.scope.incident.description
    for one in refusals_in(text):
        yield Told(refused=one, origin="incident", sample=text)


async def told_by_logs(view: View, logs: PodLogs, workloads: frozenset[str]) -> list[Told]:
    """Return the refusals that the newest lines of the logs of some workloads tell of."""
    found: dict[tuple[str, Refused], Told] = {}
    for workload, pods in view.pods.items():
        if workload not in workloads:
            continue
        names = {one.metadata.name for one in pods}
        for stream in await logs.streams(pods[0].metadata.namespace):
            if stream.pod in names:
                for line in logs.lines(stream, newest_bytes=NEWEST_BYTES):
                    for one in refusals_in(line) if SIGN in line else ():
                        told = Told(refused=one, origin="log", component=workload, sample=line)
                        found[workload, one] = told
    return list(found.values())


async def read_roles(cluster: ClusterObjects) -> Roles:
    """Return the roles and bindings of a cluster."""
    roles, bindings = await cluster.list(Role), await cluster.list(RoleBinding)
    cluster_roles, cluster_bindings = await cluster.list(ClusterRole), await cluster.list(ClusterRoleBinding)
    access = Access(
        roles=roles.items,
        bindings=bindings.items,
        cluster_roles=cluster_roles.items,
        cluster_bindings=cluster_bindings.items,
    )
    return Roles(access=access, listings=(roles, bindings, cluster_roles, cluster_bindings))


def permissions(view: View, told: Iterable[Told], roles: Roles) -> Iterator[Fact | Coverage | Gap]:
    """Yield for each refusal whether it would be repeated, and what the nearest binding lacks; each of a workload once."""
    seen: set[tuple[str, Refused]] = set()
    for one in told:
        user, request = one.refused.user, one.refused.request
        allowed = roles.access.allows(user, request)
        for component in _met_by(view, one):
            if (component, one.refused) in seen or len(seen) >= MOST:
                continue
            seen.add((component, one.refused))
            if not allowed and not roles.known(request.namespace):
                yield _unread(user, request)
                continue
            lack = None if allowed else lack_of(roles.access, user, request)
            yield _fact(view, one, component, lack)
            yield Coverage(kind=KIND, scope=component)


def _met_by(view: View, told: Told) -> Sequence[str]:
    account = account_in(told.refused.user)
    if told.component and (told.origin == "log" or account is None):
        return (told.component,)
    if account is None:
        return (component_id("user", None, told.refused.user),)
    return tuple(view.running_as(*account)) or (component_id("serviceaccount", *account),)


def _pod_owner(view: View, component: str) -> str:
    owners = (workload for workload, pods in view.pods.items() if component in map(identity, pods))
    return next(owners, component)


def _fact(view: View, told: Told, component: str, lack: Lack | None) -> Fact:
    user, request = told.refused.user, told.refused.request
    return view.observe(
        KIND,
        component,
        query=question(user, request),
        at=told.at,
        user=user,
        request=worded(request),
        verb=request.verb,
        group=request.group or None,
        resource=request.resource or None,
        name=request.name or None,
        namespace=request.namespace or None,
        path=request.path or None,
        allowed=lack is None,
        lacks=lack.what if lack else None,
        binding=lack.binding or None if lack else None,
        role=lack.role or None if lack else None,
        nearest=lack.instead or None if lack else None,
        origin=told.origin,
        sample=" ".join(told.sample.split())[:SAMPLE],
    )


def question(user: str, request: Request) -> str:
    """Return the command that asks the API server the same.

    >>> question("system:serviceaccount:shop:cart", Request(verb="get", group="apps", resource="deployments/scale"))
    'kubectl auth can-i get deployments.apps --subresource=scale --as=system:serviceaccount:shop:cart'
    """
    resource, _, part = request.resource.partition("/")
    what = request.path or (f"{resource}.{request.group}" if request.group else resource)
    return " ".join(
        (
            f"kubectl auth can-i {request.verb} {what}" + (f"/{request.name}" if request.name else ""),
            *([f"--subresource={part}"] if part else []),
            *([f"-n {request.namespace}"] if request.namespace else []),
            f"--as={user}",
        )
    )


def worded(request: Request) -> str:
    """Return what a request is for.

    >>> worded(Request(verb="list", group="apps", resource="deployments")), worded(Request(verb="get", path="/metrics"))
    ('list deployments.apps in the whole cluster', 'get /metrics')
    """
    if request.path:
        return f"{request.verb} {request.path}"
    resource = f"{request.resource}.{request.group}" if request.group else request.resource
    named = f" {request.name}" if request.name else ""
    return f"{request.verb} {resource}{named} in {_place(request)}"


def _place(request: Request) -> str:
    return f"namespace {request.namespace}" if request.namespace else "the whole cluster"


def _unread(user: str, request: Request) -> Gap:
    what = f"whether {user.removeprefix(ACCOUNT)} may {request.verb} {request.resource or request.path}"
    resources = '["roles", "rolebindings", "clusterroles", "clusterrolebindings"]'
    return Gap(
        agent="auth",
        what=what,
        why="not all roles and bindings were read",
        remedy=f'ClusterRole: {{apiGroups: ["rbac.authorization.k8s.io"], resources: {resources}, verbs: [get, list, watch]}}',
    )
