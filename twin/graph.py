"""Questions to the graph as it is now: bounded recursive SQL over the open edges."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Literal

MAX_HOPS = 12
MAX_PATHS = 50
Direction = Literal["up", "down"]
# Which end a fault reaches: ``source kind target`` read against the arrow (dependants and users
# suffer), or along it (what is limited or scaled suffers). ``owns`` goes both ways, see _OWNS.
AGAINST = (
    "depends_on",
    "runs_on",
    "mounts",
    "binds",
    "uses_config",
    "uses_secret",
    "uses_account",
    "routes_to",
    "selects",
    "belongs_to_release",
)
ALONG = ("limits", "scales")
_HERE = "FROM walk JOIN edge ON valid_to IS NULL AND"
_FORWARD = f"SELECT target, hops + 1, 0 {_HERE} source = id AND kind IN (%s) WHERE hops < :hops"
_BACKWARD = f"SELECT source, hops + 1, 0 {_HERE} target = id AND kind IN (%s) WHERE hops < :hops"
# A broken pod breaks its owner and a broken owner its pods, but not one pod its sibling: after a
# step to an owner (1) none goes down to what it owns (2), and the other way round.
_OWNS = (
    f"SELECT source, hops + 1, 1 {_HERE} target = id AND kind = 'owns' WHERE hops < :hops AND turn != 2"
    f" UNION SELECT target, hops + 1, 2 {_HERE} source = id AND kind = 'owns' WHERE hops < :hops AND turn != 1"
)
_EITHER = (
    f"SELECT target, hops + 1, 0 {_HERE} source = id WHERE hops < :hops"
    f" UNION SELECT source, hops + 1, 0 {_HERE} target = id WHERE hops < :hops"
)


def neighbours(connection: Connection, component: str, hops: int) -> dict[str, int]:
    """Return the distance of each id within ``hops`` edges in either direction, nearest first."""
    return _walk(connection, _EITHER, component, hops)


def impact(connection: Connection, component: str, direction: Direction, hops: int) -> dict[str, int]:
    """Return the distance of what ``component`` affects (``up``) or depends on (``down``), nearest first."""
    against, along = (AGAINST, ALONG) if direction == "up" else (ALONG, AGAINST)
    step = f"{_BACKWARD % _names(against)} UNION {_FORWARD % _names(along)} UNION {_OWNS}"
    return _walk(connection, step, component, hops)


def paths(connection: Connection, start: str, end: str, hops: int) -> tuple[tuple[str, ...], ...]:
    """Return the shortest paths of at most ``hops`` edges in either direction, sorted; ``MAX_PATHS`` at most."""
    distance = {start: 0, **neighbours(connection, start, hops)}
    if end not in distance:
        return ()
    found: list[tuple[str, ...]] = [(end,)]
    for left in reversed(range(distance[end])):
        found = [
            (near, *path) for path in found for near in neighbours(connection, path[0], 1) if distance.get(near) == left
        ][:MAX_PATHS]
    return tuple(sorted(found))


def _walk(connection: Connection, step: str, component: str, hops: int) -> dict[str, int]:
    """Return what ``step`` (constants of this module only) reaches from ``component``, with the distance."""
    rows: list[tuple[str, int]] = connection.execute(
        f"WITH RECURSIVE walk(id, hops, turn) AS (SELECT :start, 0, 0 UNION {step})"
        " SELECT id, min(hops) AS distance FROM walk WHERE id != :start GROUP BY id ORDER BY distance, id",
        {"start": component, "hops": min(hops, MAX_HOPS)},
    ).fetchall()
    return dict(rows)


def _names(kinds: tuple[str, ...]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)
