"""Where the API serves each kind, and the permission that reading it takes."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.objects.config import Secret
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import HTTPRoute, VirtualService
from sre_orchestrator.plugins.objects.registry import CUSTOM as INSTALLED
from sre_orchestrator.plugins.objects.registry import KINDS, Listed

VERSIONS = {
    "autoscaling": "v2",
    "argoproj.io": "v1alpha1",
    "keda.sh": "v1alpha1",
    "traefik.io": "v1alpha1",
    "helm.toolkit.fluxcd.io": "v2",
}
VERSION = "v1"
RELEASE = "helm.sh/release.v1"
CUSTOM: frozenset[type[Object]] = frozenset({HTTPRoute, VirtualService, *INSTALLED})
NEWER_EVENTS = Listed(kind="Event", plural="events", group="events.k8s.io", folders=("events",))


class Resource(Struct, frozen=True, kw_only=True):
    """One kind under one version of its group."""

    plural: str
    group: str
    version: str
    namespaced: bool

    def path(self, namespace: str = "") -> str:
        """Return the path of its list, of all namespaces by default."""
        base = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        return f"{base}/namespaces/{namespace}/{self.plural}" if namespace else f"{base}/{self.plural}"


class View(Struct, frozen=True, kw_only=True):
    """A part of a list: of one namespace (``""``: the whole cluster), of what a selector finds, or names and labels only."""

    namespace: str = ""
    selector: str = ""
    names_only: bool = False

    @property
    def query(self) -> dict[str, str]:
        """Return the parameters that select it."""
        return {"fieldSelector": self.selector} if self.selector else {}

    def accept(self, form: str) -> str:
        """Return the media type to ask for; ``form`` is ``PartialObjectMetadata`` or that with ``List``."""
        return f"application/json;as={form};g=meta.k8s.io;v=v1" if self.names_only else "application/json"


def views_of(kind: type[Object], namespace: str = "") -> tuple[View, ...]:
    """Return the parts in which a kind is read: of the Secrets that Helm keeps, which are large, only names and labels."""
    if kind is not Secret:
        return (View(namespace=namespace),)
    return (
        View(namespace=namespace, selector=f"type!={RELEASE}"),
        View(namespace=namespace, selector=f"type={RELEASE}", names_only=True),
    )


class _Version(msgspec.Struct):
    version: str = ""


class _Group(msgspec.Struct, rename="camel"):
    name: str = ""
    versions: list[_Version] = []
    preferred_version: _Version = msgspec.field(default_factory=_Version)


class _Groups(msgspec.Struct):
    groups: list[_Group] = []


def decode_groups(text: bytes) -> dict[str, tuple[str, ...]]:
    """Return the versions that each API group serves, the preferred one first.

    Raises:
        msgspec.DecodeError: the text is no ``APIGroupList``.

    """
    read = msgspec.json.decode(text, type=_Groups)
    return {one.name: (one.preferred_version.version, *(each.version for each in one.versions)) for one in read.groups}


def resource_of(listed: Listed, groups: Mapping[str, tuple[str, ...]] | None) -> Resource | None:
    """Return where a kind is served, or ``None`` when ``groups`` (what the server offers, if known) lacks its group.

    The version whose fields the structs have is taken where it is served, else the one that the server prefers.
    """
    version = VERSIONS.get(listed.group, VERSION)
    if listed.group and groups is not None:
        served = groups.get(listed.group)
        if not served:
            return None
        version = version if version in served else served[0]
    return Resource(plural=listed.plural, group=listed.group, version=version, namespaced=listed.namespaced)


def places_of(kind: type[Object]) -> tuple[Listed, ...]:
    """Return the entries under which a kind is looked for, in this order; events have two APIs for the same objects."""
    return (KINDS[kind], NEWER_EVENTS) if kind is Event else (KINDS[kind],)


def role_line(listed: Listed, namespace: str = "", verbs: str = "get, list, watch") -> str:
    """Return the rule of a ClusterRole, or of a Role in ``namespace``, that would permit reading a kind."""
    where = f"Role in namespace {namespace}" if namespace else "ClusterRole"
    return f'{where}: {{apiGroups: ["{listed.group}"], resources: ["{listed.plural}"], verbs: [{verbs}]}}'
