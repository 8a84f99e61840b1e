"""Where to ask: which series belong to some namespaces, by the labels that name a namespace, and which to nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.sources.http_series import SERVERS, HttpSeries
from sre_orchestrator.plugins.sources.metric_names import NAMESPACES
from sre_orchestrator.plugins.sources.prometheus.api import regex_of

LABELS = tuple(dict.fromkeys((*NAMESPACES, *(label for row in SERVERS for label in row.namespaces))))
OF_NODES = "node_.*|machine_.*"
ENDS = "(?:_bucket|_sum|_count)?"
# Longer lists of namespaces do not fit the address of a request; all are asked for then.
MOST_NAMESPACES = 60


class Place(Struct, frozen=True, kw_only=True):
    """Series of which the names fit ``names`` (PromQL's regular expression, negated by ``but``) and the labels ``matchers``.

    ``inside`` are the matchers that name the namespaces, for an expression.
    """

    names: str
    but: bool = False
    matchers: str = ""
    inside: str = ""

    @property
    def selector(self) -> str:
        """Return the selector of everything here."""
        named = f'__name__!~"{self.names}"' if self.but else f'__name__=~"{self.names}"'
        some = "" if self.matchers or not self.but else '__name__=~".+"'  # a selector must not fit what has no labels
        return f"{{{_joined(named, some, self.matchers)}}}"

    def of(self, names: Collection[str], matchers: str = "") -> str:
        """Return the selector of the metrics ``names`` here, with more ``matchers``."""
        one = f"__name__=~{_quoted(sorted(names))}"
        return f"{{{_joined(one, self.matchers, matchers)}}}"


def places(labels: Collection[str], namespaces: Sequence[str], ours: str = "") -> Iterator[Place]:
    """Yield the places to ask for series of ``namespaces`` (all, when there are none or too many) and of nodes.

    ``labels`` are those that the server knows, ``ours`` the matchers of all series of this cluster. No series is
    in two places.
    """
    yield Place(names=OF_NODES, matchers=ours, inside=ours)
    if not namespaces or len(namespaces) > MOST_NAMESPACES:
        yield Place(names=OF_NODES, but=True, matchers=ours, inside=ours)
        return
    wanted = _quoted(namespaces)
    before = [ours]
    for label in LABELS:
        if label in labels:
            inside = f"{label}=~{wanted}"
            yield Place(names=OF_NODES, but=True, matchers=_joined(inside, *before), inside=_joined(inside, ours))
            before.append(f"{label}!~{wanted}")
    for row in SERVERS:
        yield from _told(row, labels, namespaces, before)


def _told(
    row: HttpSeries, labels: Collection[str], namespaces: Sequence[str], before: Sequence[str]
) -> Iterator[Place]:
    """Yield where the value of a label holds the namespace among other words."""
    if not row.composites:
        return
    names = f"(?:{'|'.join(one for one in (row.requests, row.durations) if one)}){ENDS}"
    within = f'".*(?:{regex_of(namespaces)}).*"'
    others: list[str] = []
    for label in row.services:
        if label in labels:
            yield Place(names=names.replace("\\", "\\\\"), matchers=_joined(f"{label}=~{within}", *before, *others))
            others.append(f"{label}!~{within}")


def _joined(*matchers: str) -> str:
    return ",".join(filter(None, matchers))


def _quoted(values: Sequence[str]) -> str:
    return f'"{regex_of(values)}"'
