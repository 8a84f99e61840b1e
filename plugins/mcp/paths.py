"""Paths into what a server answered: ``$.items[*].metadata.name``, a small part of JSONPath that always ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

Step = str | int | None
_STEP = re.compile(
    r"""\.?(?:(?P<name>[\w/-]+)|\[(?P<number>-?\d+)\]|\[["'](?P<quoted>[^"']+)["']\]|(?P<every>\[\*\]|\*))"""
)


class PathError(ValueError):
    """A path cannot be read; the text says where."""


@lru_cache(maxsize=1024)
def steps_of(path: str) -> tuple[Step, ...]:
    """Return the steps of a path: a key, an index, or ``None`` for everything below.

    Raises:
        PathError: it is no path.

    >>> steps_of("$.items[*].metadata.labels['app/name'][-1]")
    ('items', None, 'metadata', 'labels', 'app/name', -1)

    """
    at = 1 if path.startswith("$") else 0
    steps: list[Step] = []
    while at < len(path):
        found = _STEP.match(path, at)
        if not found or (found[0].startswith(".") and found["number"]):
            raise PathError(f"{path!r} is no path from {path[at:]!r} on; write $.items[*].metadata.name")
        if found["every"]:
            steps.append(None)
        else:
            steps.append(int(found["number"]) if found["number"] else found["name"] or found["quoted"])
        at = found.end()
    return tuple(steps)


def found_at(node: object, path: str) -> Iterator[object]:
    """Yield what is at ``path`` below ``node``: nothing where it leads nowhere."""
    yield from _below(node, steps_of(path))


def first_at(node: object, path: str) -> object:
    """Return the first thing at ``path``, or ``None``."""
    return next(found_at(node, path), None)


def _below(node: object, steps: tuple[Step, ...]) -> Iterator[object]:
    if not steps:
        yield node
        return
    step, rest = steps[0], steps[1:]
    if step is None:
        children = node if isinstance(node, list) else node.values() if isinstance(node, dict) else ()
        for child in children:
            yield from _below(child, rest)
    elif isinstance(node, dict) and step in node:
        yield from _below(node[step], rest)
    elif isinstance(node, list) and isinstance(step, int):
        yield from (one for child in node[step : step + 1 or None] for one in _below(child, rest))
