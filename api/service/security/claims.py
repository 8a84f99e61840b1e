"""What somebody may do whom a token names: as the first entry of the settings that fits says, else nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sre_orchestrator.api.service.ports import Caller
from sre_orchestrator.core.settings import Allowed

MOST_TOKEN = 16 * 1024
DOTS = 2  # of header.claims.signature


def shaped(token: str) -> bool:
    """Say whether this may be a signed token at all."""
    return len(token) <= MOST_TOKEN and token.count(".") == DOTS


def caller_named(way: str, name: str, groups: Iterable[str], allowed: Sequence[Allowed]) -> Caller:
    """Return ``name`` as a caller; one whom no entry fits is known, and may do nothing."""
    among = set(groups)
    for one in allowed:
        if one.name == name if one.name else one.group in among:
            return Caller(name=f"{way}:{name}", scopes=frozenset(one.scopes), namespaces=one.namespaces)
    return Caller(name=f"{way}:{name}", scopes=frozenset())
