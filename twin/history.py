"""What was different: the state at a time, the difference of two times, the changes in a window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from operator import attrgetter
from sqlite3 import Connection

import msgspec

from sre_orchestrator.core.models import Component, Edge, Scalar, Struct
from sre_orchestrator.core.ports import Change
from sre_orchestrator.twin.rows import ATTRIBUTES, component_from, edge_from, time_from

_THEN = "valid_from <= :at AND (valid_to IS NULL OR valid_to > :at)"
_WITHIN = "BETWEEN :since AND :until"


class State(Struct, frozen=True, kw_only=True):
    """The graph as it was known at one time: components sorted by id, edges by source, kind and target."""

    components: tuple[Component, ...] = ()
    edges: tuple[Edge, ...] = ()


class Difference(Struct, frozen=True, kw_only=True):
    """What is different between two times: component ids, and edges as ``source kind target``."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    edges_added: tuple[str, ...] = ()
    edges_removed: tuple[str, ...] = ()


class _Version(msgspec.Struct, frozen=True):
    """One version of a component; an empty text is a time that is not known, or not yet."""

    id: str
    attributes: str
    since: str
    valid_from: str
    valid_to: str


class _Seen(msgspec.Struct, frozen=True, order=True):
    """A change before it becomes a ``Change``: sorts by time."""

    at: str
    component: str
    what: str
    text: str


def state_at(connection: Connection, at: str) -> State:
    """Return what was known at ``at``."""
    components = connection.execute(
        f"SELECT id, attributes, since FROM component WHERE {_THEN} ORDER BY id", {"at": at}
    )
    edges = connection.execute(
        f"SELECT source, kind, target, provenance FROM edge WHERE {_THEN} ORDER BY source, kind, target", {"at": at}
    )
    return State(
        components=tuple(component_from(*row) for row in components), edges=tuple(edge_from(*row) for row in edges)
    )


def difference(before: State, after: State) -> Difference:
    """Return what ``after`` has that ``before`` had not, and the other way round."""
    old, new = ({one.id: one for one in state.components} for state in (before, after))
    old_edges, new_edges = (
        {f"{one.source} {one.kind} {one.target}" for one in state.edges} for state in (before, after)
    )
    return Difference(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(sorted(name for name in old.keys() & new.keys() if old[name] != new[name])),
        edges_added=tuple(sorted(new_edges - old_edges)),
        edges_removed=tuple(sorted(old_edges - new_edges)),
    )


def changes(connection: Connection, since: str, until: str) -> tuple[Change, ...]:
    """Return what appeared, changed and went from ``since`` to ``until``, oldest first.

    A component that is seen for the first time appeared when it was created, not when it was
    seen; what the first sync found, and what has no creation time, is no change.
    """
    window = {"since": since, "until": until}
    first: str = connection.execute("SELECT coalesce(min(valid_from), '') FROM component").fetchone()[0]
    histories = list(_histories(connection, window))
    found = [one for versions in histories for one in _of_component(versions, first)]
    found += _of_edges(connection, {**window, "first": first}, histories)
    return _told(one for one in found if since <= one.at <= until)


def seen_at(connection: Connection, at: str) -> tuple[Change, ...]:
    """Return what was written at ``at`` as changes, oldest first; nothing of the first sync."""
    window = {"since": at, "until": at}
    first: str = connection.execute("SELECT coalesce(min(valid_from), '') FROM component").fetchone()[0]
    if at <= first:
        return ()
    histories = [
        tuple(one for one in versions if at in (one.valid_from, one.valid_to))
        for versions in _histories(connection, window)
    ]
    found = [
        one
        for versions in filter(None, histories)
        for one in _of_component(versions, first)
        if (one.what != "created" or versions[0].valid_from == at)
        and (one.what != "removed" or versions[-1].valid_to == at)
    ]
    return _told([*found, *_of_edges(connection, {**window, "first": first}, histories)])


def _told(found: Iterable[_Seen]) -> tuple[Change, ...]:
    return tuple(
        Change(at=time_from(one.at), what=one.what, component=one.component, text=one.text) for one in sorted(found)
    )


def _histories(connection: Connection, window: dict[str, str]) -> Iterator[tuple[_Version, ...]]:
    """Yield all versions, oldest first, of each component with one that begins or ends in the window."""
    rows = connection.execute(
        "SELECT id, attributes, since, valid_from, coalesce(valid_to, '') FROM component WHERE id IN ("
        f"SELECT id FROM component WHERE valid_from {_WITHIN} UNION SELECT id FROM component WHERE valid_to {_WITHIN}"
        f" UNION SELECT id FROM component WHERE since {_WITHIN}) ORDER BY id, valid_from",
        window,
    )
    for _, versions in groupby((_Version(*row) for row in rows), attrgetter("id")):
        yield tuple(versions)


def _of_component(versions: tuple[_Version, ...], first: str) -> Iterator[_Seen]:
    if (began := versions[0]).since or began.valid_from > first:
        yield _created(began, after="")
    for old, new in pairwise(versions):
        if old.valid_to < new.valid_from:
            yield _Seen(old.valid_to, old.id, "removed", f"{old.id} removed")
            yield _created(new, after=old.valid_to)
        elif old.since != new.since:
            at = new.since if old.valid_from < new.since < new.valid_from else new.valid_from
            yield _Seen(at, new.id, "recreated", _worded(f"{new.id} recreated", old, new))
        elif old.attributes != new.attributes:
            yield _Seen(new.valid_from, new.id, "changed", _worded(f"{new.id} changed", old, new))
    if (last := versions[-1]).valid_to:
        yield _Seen(last.valid_to, last.id, "removed", f"{last.id} removed")


def _created(version: _Version, after: str) -> _Seen:
    """Return the creation, at its own time where that is believable: after ``after``, before it was seen."""
    at = version.since if after < version.since < version.valid_from else version.valid_from
    return _Seen(at, version.id, "created", f"{version.id} created")


def _worded(what: str, old: _Version, new: _Version) -> str:
    before, after = ATTRIBUTES.decode(old.attributes), ATTRIBUTES.decode(new.attributes)
    parts = [_part(name, before.get(name), after.get(name)) for name in sorted(before.keys() | after.keys())]
    return f"{what}: {'; '.join(filter(None, parts))}" if any(parts) else what


def _part(name: str, old: Scalar | None, new: Scalar | None) -> str:
    if old == new:
        return ""
    if name.endswith("_digest"):
        return f"{name.removesuffix('_digest')} differs"
    return f"{name} {_shown(old)} → {_shown(new)}"


def _shown(value: Scalar | None) -> str:
    return "none" if value is None or value == "" else str(value)


def _of_edges(
    connection: Connection, window: dict[str, str], histories: Iterable[tuple[_Version, ...]]
) -> Iterator[_Seen]:
    """Yield relations that appeared or went while both ends stayed; else the end that came or went says it."""
    born, died = set[tuple[str, str]](), set[tuple[str, str]]()
    for versions in histories:
        begins, ends = {one.valid_from for one in versions}, {one.valid_to for one in versions}
        born |= {(versions[0].id, at) for at in begins - ends}
        died |= {(versions[0].id, at) for at in ends - begins}
    opened, closed = _edges_with("valid_from", connection, window), _edges_with("valid_to", connection, window)
    for what, words, mine, others, ends_of in (
        ("related", "now", opened, closed, born),
        ("unrelated", "no longer", closed, opened, died),
    ):
        for at, source, kind, target in sorted(mine.keys() - others.keys()):
            if not {(source, at), (target, at)} & ends_of:
                text = f"{source} {words} {kind} {target} ({mine[at, source, kind, target]})"
                yield _Seen(at, source, what, text)


def _edges_with(column: str, connection: Connection, window: dict[str, str]) -> dict[tuple[str, str, str, str], str]:
    """Return time, source, kind and target of the edges whose ``column`` is in the window, with their provenance."""
    rows = connection.execute(
        f"SELECT {column}, source, kind, target, provenance FROM edge WHERE {column} {_WITHIN} AND {column} > :first",
        window,
    )
    return {(at, source, kind, target): provenance for at, source, kind, target, provenance in rows}
