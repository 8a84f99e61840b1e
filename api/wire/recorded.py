"""Fills a store with what a snapshot recorded."""

from __future__ import annotations

from collections.abc import Iterator

from sre_orchestrator.api.wire.logs import LogKey
from sre_orchestrator.api.wire.store import Ask, Store
from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.sources.snapshot.layouts import LogFile, find_layout, section_of
from sre_orchestrator.plugins.sources.snapshot.raw import Problem, raw_objects, recorded_kinds
from sre_orchestrator.plugins.sources.snapshot.source import Snapshot


class Recorded(Struct, frozen=True, kw_only=True):
    """A store, and the files that gave less than they should."""

    store: Store
    problems: tuple[Problem, ...] = ()


class FileLog:
    """The log of a recorded container."""

    def __init__(self, log: LogFile) -> None:
        self._log = log

    def lines(self) -> Iterator[bytes]:
        """Yield the lines."""
        with self._log.path.open("rb") as file:
            yield from section_of(file, self._log.section) if self._log.section else file

    def more(self, seen: int, seconds: float) -> list[bytes] | None:
        """Return that nobody writes it any more."""
        del seen, seconds
        return None


def store_of(snapshot: Snapshot) -> Recorded:
    """Return a store with everything in the snapshot; it reads logs from its files while it is served.

    A kind of which the snapshot holds nothing, not even an empty list, is forbidden: blind is not healthy.
    Ages count from when the snapshot was taken.
    """
    layout = find_layout(snapshot.root)
    assert layout is not None, "an open snapshot has a layout"
    at = snapshot.captured_at
    store = Store(clock=lambda: at)
    problems: list[Problem] = []
    seen = {(listed.group, listed.kind) for listed in recorded_kinds(layout)}
    for one in raw_objects(layout):
        if isinstance(one, Problem):
            problems.append(one)
        else:
            store.apply(one.value, plural=one.plural)
            seen.add((one.group, one.kind))
    store.expire()

    def recorded(ask: Ask) -> bool:
        return (ask.resource.group, ask.resource.kind) in seen

    store.allows, store.refusal = recorded, "the snapshot holds none"
    for namespace in layout.log_namespaces():
        for log in layout.logs(namespace):
            stream = log.stream
            key = LogKey(namespace=namespace, pod=stream.pod, container=stream.container, previous=stream.previous)
            store.logs[key] = FileLog(log)
    return Recorded(store=store, problems=tuple(problems))
