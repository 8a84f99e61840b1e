"""Lets pods of one owner share what their template made equal, which is most of their memory."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from sre_orchestrator.plugins.objects.pods import Pod

OF_METADATA = ("labels", "owner_references")
OF_SPEC = ("tolerations", "affinity", "topology_spread_constraints")
OF_CONTAINER = ("env", "ports", "resources", "liveness_probe", "readiness_probe", "startup_probe", "args")


class Shared:
    """The first pod of each owner, with which the others share."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], Pod] = {}

    def add(self, pods: Iterable[Pod]) -> None:
        """Replace what equals a part of an earlier pod by that part; nobody can tell, for objects are frozen."""
        for pod in pods:
            owners = pod.metadata.owner_references
            first = self._first.setdefault((pod.metadata.namespace, owners[0].name), pod) if owners else pod
            if first is not pod:
                _share(pod.metadata, first.metadata, OF_METADATA)
                _share(pod.spec, first.spec, OF_SPEC)
                for mine, other in zip(pod.spec.containers, first.spec.containers, strict=False):
                    _share(mine, other, OF_CONTAINER)


def _share(mine: msgspec.Struct, other: msgspec.Struct, names: tuple[str, ...]) -> None:
    for name in names:
        value = getattr(other, name)
        if value and value == getattr(mine, name):
            msgspec.structs.force_setattr(mine, name, value)
