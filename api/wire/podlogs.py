"""Answers ``pods/log``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from sre_orchestrator.api.wire.ages import moment
from sre_orchestrator.api.wire.answers import bad_request, not_found
from sre_orchestrator.api.wire.logs import ContainerLog, LogKey, LogOptions, chosen
from sre_orchestrator.api.wire.requests import LogQuery, Path
from sre_orchestrator.api.wire.resources import Json
from sre_orchestrator.api.wire.store import Store

_EPOCH = datetime.fromtimestamp(0, UTC)
_ROLES = ("initContainers", "containers", "ephemeralContainers")


class Reading:
    """One reading of a log.

    Raises:
        Refusal: there is no such pod, container or log.

    """

    def __init__(self, store: Store, place: Path, query: LogQuery) -> None:
        pod = store.get(place.resource, place.namespace, place.name)
        if pod is None:
            raise not_found(place.resource, place.name)
        container = query.container or _only_container(place.name, pod.json())
        key = LogKey(namespace=place.namespace, pod=place.name, container=container, previous=query.previous)
        log = store.logs.get(key)
        if log is None:
            raise _missing(key, pod.json())
        self._log: ContainerLog = log
        self._seen = 0
        self._started = moment(_map(pod.json().get("status")).get("startTime")) or _EPOCH
        self._options = query.options(store.clock())

    def lines(self) -> Iterator[bytes]:
        """Yield the lines that are asked for."""
        return chosen(self._counted(), self._options, self._started)

    def more(self, seconds: float) -> Iterator[bytes] | None:
        """Return what was written since, waiting ``seconds`` at most; ``None``: there will never be more."""
        written = self._log.more(self._seen, seconds)
        if written is None:
            return None
        self._seen += len(written)
        options = LogOptions(since=self._options.since, timestamps=self._options.timestamps)
        return chosen(written, options, self._started)

    def _counted(self) -> Iterator[bytes]:
        for line in self._log.lines():
            self._seen += 1
            yield line


def _names(pod: Json, *roles: str) -> list[str]:
    spec = _map(pod.get("spec"))
    found = [one for role in roles for one in (spec[role] if isinstance(spec.get(role), list) else [])]
    return [str(one["name"]) for one in found if isinstance(one, dict) and one.get("name")]


def _map(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _only_container(name: str, pod: Json) -> str:
    names = _names(pod, "containers")
    if len(names) != 1:
        choices = " ".join(names)
        raise bad_request(f"a container name must be specified for pod {name}, choose one of: [{choices}]")
    return names[0]


def _missing(key: LogKey, pod: Json) -> Exception:
    if key.container not in _names(pod, *_ROLES):
        return bad_request(f"container {key.container} is not valid for pod {key.pod}")
    if key.previous:
        return bad_request(f'previous terminated container "{key.container}" in pod "{key.pod}" not found')
    return bad_request(
        f'container "{key.container}" in pod "{key.pod}" has no log here: the snapshot did not record it'
    )
