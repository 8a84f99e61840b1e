"""Loki's HTTP API: which streams there are, and their lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.sources.http import HttpService, Parameters, ServiceProblem

T = TypeVar("T")
API = "/loki/api/v1"
MOST_LINES = (
    5_000  # what Loki gives at most unless its operator says otherwise (limits_config.max_entries_limit_per_query)
)
# The labels of Alloy and Promtail, of OpenTelemetry, and of Fluent Bit and Vector.
LABELS = (
    ("namespace", "pod", "container"),
    ("k8s_namespace_name", "k8s_pod_name", "k8s_container_name"),
    ("kubernetes_namespace_name", "kubernetes_pod_name", "kubernetes_container_name"),
)


class Names(Struct, frozen=True, kw_only=True):
    """What the labels of namespace, pod and container are called."""

    namespace: str
    pod: str
    container: str


class _Labels(msgspec.Struct):
    data: list[str] | None = None


class _Series(msgspec.Struct):
    data: list[dict[str, str]] | None = None


class _Stream(msgspec.Struct):
    values: list[list[object]] = []


class _Result(msgspec.Struct):
    result: list[_Stream] = []


class _Lines(msgspec.Struct):
    data: _Result


class _Version(msgspec.Struct):
    version: str = ""


class LokiApi:
    """Asks one Loki."""

    def __init__(self, service: HttpService) -> None:
        self._service = service

    def names(self, since: datetime, until: datetime) -> Names | None:
        """Return what the labels are called, ``None`` when no known set is there."""
        there = set(self._ask("/labels", _window(since, until), _Labels).data or ())
        found = next((one for one in LABELS if there.issuperset(one)), None)
        return Names(namespace=found[0], pod=found[1], container=found[2]) if found else None

    def containers(self, names: Names, namespace: str, since: datetime, until: datetime) -> set[tuple[str, str]]:
        """Return pod and container of each stream of ``namespace``."""
        fields = [("match[]", f"{{{names.namespace}={_quoted(namespace)}}}"), *_window(since, until)]
        found = self._ask("/series", fields, _Series).data or ()
        return {(one.get(names.pod, ""), one.get(names.container, "")) for one in found}

    def lines(self, selector: str, since: datetime, until: datetime, *, oldest: int = 0) -> list[str]:
        """Return the newest lines of all streams that ``selector`` fits in their order, or the ``oldest`` so many."""
        fields = [
            ("query", selector),
            ("direction", "forward" if oldest else "backward"),
            ("limit", str(oldest or MOST_LINES)),
            *_window(since, until),
        ]
        found = self._ask("/query_range", fields, _Lines).data.result
        timed = [(int(str(one[0])), str(one[1])) for stream in found for one in stream.values if len(one) > 1]
        return [line for _, line in sorted(timed, key=lambda one: one[0])]

    def version(self) -> str:
        """Return the version.

        Raises:
            ServiceProblem: it is no Loki that answers us.

        """
        self._ask("/labels", (), _Labels)
        try:
            return self._ask("/status/buildinfo", (), _Version).version
        except ServiceProblem:
            return ""

    def _ask(self, path: str, fields: Parameters, kind: type[T]) -> T:
        return self._service.decoded(self._service.get(API + path, fields), kind)


def selector_of(names: Names, namespace: str, pod: str, container: str) -> str:
    """Return the selector of one container's streams."""
    pairs: Iterable[tuple[str, str]] = ((names.namespace, namespace), (names.pod, pod), (names.container, container))
    return f"{{{','.join(f'{name}={_quoted(value)}' for name, value in pairs)}}}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _window(since: datetime, until: datetime) -> Sequence[tuple[str, str]]:
    return [("start", _nanoseconds(since)), ("end", _nanoseconds(until))]


def _nanoseconds(at: datetime) -> str:
    return f"{round(at.timestamp() * 1000)}000000"
