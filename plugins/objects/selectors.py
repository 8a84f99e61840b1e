"""Selectors: label selectors, node selector terms, taints and tolerations, by Kubernetes' own rules.

Source: kubernetes.io/docs/concepts/overview/working-with-objects/labels and
/concepts/scheduling-eviction/taint-and-toleration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sre_orchestrator.plugins.objects.meta import Part, Time


class Requirement(Part, frozen=True, kw_only=True):
    """``{key, operator, values}`` of a selector."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether ``labels`` meet the requirement; ``Gt`` and ``Lt`` compare integers."""
        value = labels.get(self.key)
        if self.operator == "DoesNotExist":
            return value is None
        if self.operator == "NotIn":
            return value not in self.values
        if value is None:
            return False
        if self.operator == "Exists":
            return True
        if self.operator in {"Gt", "Lt"}:
            return self._compare(value)
        return value in self.values

    def _compare(self, value: str) -> bool:
        try:
            left, right = int(value), int(self.values[0])
        except (ValueError, IndexError):
            return False
        return left > right if self.operator == "Gt" else left < right

    def __str__(self) -> str:
        values = f" [{', '.join(self.values)}]" if self.values else ""
        return f"{self.key} {self.operator}{values}"


class LabelSelector(Part, frozen=True, kw_only=True):
    """A label selector; an empty one selects everything."""

    match_labels: dict[str, str] = {}
    match_expressions: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether it selects an object with ``labels``."""
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            one.matches(labels) for one in self.match_expressions
        )


class NodeSelectorTerm(Part, frozen=True, kw_only=True):
    """All expressions and fields of a term must hold; an empty term selects nothing."""

    match_expressions: tuple[Requirement, ...] = ()
    match_fields: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str], name: str) -> bool:
        """Say whether the node ``name`` with ``labels`` meets the term."""
        if not self.match_expressions and not self.match_fields:
            return False
        return all(one.matches(labels) for one in self.match_expressions) and all(
            one.matches({"metadata.name": name}) for one in self.match_fields
        )


class NodeSelector(Part, frozen=True, kw_only=True):
    """One of the terms must hold."""

    node_selector_terms: tuple[NodeSelectorTerm, ...] = ()

    def matches(self, labels: Mapping[str, str], name: str) -> bool:
        """Say whether the node ``name`` with ``labels`` is selected."""
        return any(term.matches(labels, name) for term in self.node_selector_terms)


def labels_match(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Say whether a plain map (a Service's or node selector) selects ``labels``; an empty one selects nothing."""
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


class Taint(Part, frozen=True, kw_only=True):
    """A taint of a node."""

    key: str = ""
    value: str = ""
    effect: str = ""
    time_added: Time | None = None

    def __str__(self) -> str:
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


class Toleration(Part, frozen=True, kw_only=True):
    """A toleration of a pod."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


def tolerated(taint: Taint, tolerations: Iterable[Toleration]) -> bool:
    """Say whether one of ``tolerations`` matches ``taint``.

    An empty effect matches every effect; ``Exists`` without a key matches everything.
    """
    for one in tolerations:
        if one.effect and one.effect != taint.effect:
            continue
        if one.operator == "Exists" and one.key in {"", taint.key}:
            return True
        if one.operator in {"", "Equal"} and one.key == taint.key and one.value == taint.value:
            return True
    return False
