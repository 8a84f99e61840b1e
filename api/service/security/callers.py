"""Who calls: known to everything that a request does, so that no part can forget to ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec

from sre_orchestrator.api.service.models import Arrival
from sre_orchestrator.api.service.ports import Caller, Scope
from sre_orchestrator.core.errors import InputError

ANYBODY = Caller(name="", scopes=frozenset({"read", "report", "admin"}))
_CALLER: ContextVar[Caller] = ContextVar("caller", default=ANYBODY)  # beside requests: the service's own work


class Forbidden(InputError):  # noqa: N818 - it is what happened
    """The caller may not do this."""


def current() -> Caller:
    """Return who calls; the service itself where no request is being answered."""
    return _CALLER.get()


@contextmanager
def calling(caller: Caller) -> Iterator[None]:
    """Let ``caller`` be who calls; threads that are asked meanwhile know it, too."""
    token = _CALLER.set(caller)
    try:
        yield
    finally:
        _CALLER.reset(token)


def may(caller: Caller, scope: Scope) -> bool:
    """Say whether ``caller`` may do this; who may administer may do everything."""
    return not caller.scopes.isdisjoint({scope, "admin"})


def sees(caller: Caller, namespace: str) -> bool:
    """Say whether all of ``namespace`` (comma-separated; none: all) is what ``caller`` may see."""
    named = _names(namespace)
    return not caller.namespaces or (bool(named) and named <= set(caller.namespaces))


def placed(namespace: str, caller: Caller) -> str:
    """Return where something of ``caller`` belongs: to ``namespace`` (comma-separated), by default to all of theirs.

    Raises:
        Forbidden: they may not see one of it.

    """
    if not caller.namespaces:
        return namespace
    named = _names(namespace) or set(caller.namespaces)
    if outside := sorted(named - set(caller.namespaces)):
        seen = ", ".join(caller.namespaces)
        raise Forbidden(f"namespace {outside[0][:63]!r}: you may report what is in {seen}; name one of these")
    return ",".join(sorted(named))


def permitted(arrival: Arrival, caller: Caller) -> Arrival:
    """Return an arrival as ``caller`` may send it: about their namespaces, under their name, apart from that of others.

    Raises:
        Forbidden: it names a namespace that they may not see.

    """
    reporter = arrival.reporter or caller.name
    own = ",".join(caller.namespaces)
    # keys of one name may be for other namespaces; a name with a space must not end in what another's key begins with
    whose = f"{len(caller.name)} {caller.name} {own}" if caller.name or own else ""
    key = f"{whose} {arrival.idempotency_key}" if whose and arrival.idempotency_key else ""
    arrival = msgspec.structs.replace(arrival, reporter=reporter, idempotency_key=key or arrival.idempotency_key)
    if not caller.namespaces:
        return arrival
    where = placed(arrival.reported.namespace, caller)
    return msgspec.structs.replace(
        arrival,
        reported=msgspec.structs.replace(arrival.reported, namespace=where),
        fingerprint=f"{own} {arrival.fingerprint}" if arrival.fingerprint else "",
        crowd=f"{own} {arrival.crowd}" if arrival.crowd else "",
    )


def _names(namespace: str) -> set[str]:
    return {one.strip() for one in namespace.split(",")} - {""}
