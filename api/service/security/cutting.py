"""Cuts an investigation down to what a caller of some namespaces may see.

What stays: their namespaces, what the cluster shares, and of other namespaces what touches theirs or what the report
cites. What goes are the other namespaces' own affairs.
"""

from __future__ import annotations

import msgspec

from sre_orchestrator.api.service.ports import Caller
from sre_orchestrator.core.bundle import bundle_bytes, bundle_from
from sre_orchestrator.core.identity import namespace_of
from sre_orchestrator.core.models import Edge
from sre_orchestrator.core.pipeline import Bundle


def cut(packed: bytes, caller: Caller) -> bytes:
    """Return a bundle file without the affairs of namespaces that ``caller`` may not see."""
    if not caller.namespaces:
        return packed
    return bundle_bytes(_cut(bundle_from(packed, "the investigation"), frozenset(caller.namespaces)))


def _cut(bundle: Bundle, namespaces: frozenset[str]) -> Bundle:
    seen = bundle.seen
    cited = bundle.report.facts
    return msgspec.structs.replace(
        bundle,
        seen=msgspec.structs.replace(
            seen,
            facts=tuple(one for one in seen.facts if one.id in cited or not _foreign(one.component, namespaces)),
            coverage=tuple(one for one in seen.coverage if not _foreign(one.scope, namespaces)),
        ),
        edges=tuple(one for one in bundle.edges if _touches(one, namespaces)),
        said=msgspec.structs.replace(
            bundle.said,
            components=tuple(one for one in bundle.said.components if not _foreign(one, namespaces)),
            asked=tuple(one for one in bundle.said.asked if not _foreign(one.component, namespaces)),
        ),
    )


def _foreign(component: str, namespaces: frozenset[str]) -> bool:
    return bool(place := namespace_of(component)) and place not in namespaces


def _touches(edge: Edge, namespaces: frozenset[str]) -> bool:
    ends = [namespace_of(one) for one in (edge.source, edge.target)]
    return not namespaces.isdisjoint(ends) or not any(ends)
