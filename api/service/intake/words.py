"""Text from outside: without secrets and control characters, and no longer than it may be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sre_orchestrator.core.redact import without_secrets

MOST_DESCRIPTION, MOST_LABEL, MOST_LABELS, MOST_NAMESPACES = 1000, 500, 64, 253
UNKNOWN = "an alert that says nothing"
# The exporter's own namespace is in `namespace` where it keeps that of what it measures in `exported_namespace`.
NAMESPACES = ("exported_namespace", "namespace", "kubernetes_namespace", "k8s_namespace_name", "k8s.namespace.name")
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def line(text: str, most: int) -> str:
    """Return text as one line."""
    return without_secrets(" ".join(_CONTROL.sub(" ", text[: 4 * most]).split()))[:most]


def description(text: str) -> str:
    """Return the description of an incident."""
    return line(text, MOST_DESCRIPTION) or UNKNOWN


def labels(found: Mapping[str, str]) -> dict[str, str]:
    """Return the first labels, by their name."""
    return {line(name, MOST_LABEL): line(found[name], MOST_LABEL) for name in sorted(found)[:MOST_LABELS]}


def namespace_of(found: Mapping[str, str]) -> str:
    """Return the namespace that labels name, or nothing."""
    return next((value for name in NAMESPACES if (value := found.get(name, ""))), "")


def namespaces(found: Iterable[str]) -> str:
    """Return namespaces joined by commas; nothing, which is all of them, where they are too many."""
    joined = ",".join(sorted({one for one in found if _NAMESPACE.fullmatch(one)}))
    return joined if len(joined) <= MOST_NAMESPACES else ""
