"""Words of runbooks and questions as they are compared: names in their parts, without endings."""

from __future__ import annotations

import re

from sre_orchestrator.core.reading.words import fold

_PARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ENDING = re.compile(r"(?<=[a-z]{3})(?:ings?|ed|e?s|e)$")
_WORD = re.compile(r"[^\W_]+")


def in_parts(text: str) -> str:
    """Return ``text`` with the parts of names apart: ``KubeAPIDown`` is ``Kube API Down``."""
    return _PARTS.sub(" ", text)


def stems(text: str) -> list[str]:
    """Return the words of ``text`` without English endings, those of names too."""
    return [_ENDING.sub("", word) for word in _WORD.findall(fold(in_parts(text)))]
