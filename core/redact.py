"""Removes secrets from text before it becomes the value of a fact."""

from __future__ import annotations

import re

MASK = "***"
_HINT = re.compile(
    r"pass|pwd|secret|token|key|credential|authorization|bearer|BEGIN|://|eyJ|AKIA|gh[pousr]_", re.IGNORECASE
)
_SECRETS = (
    re.compile(
        r"(?P<keep>\b[\w.-]*(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key"
        r"|credentials?)[\"']?\s*[=:]\s*[\"']?)(?P<secret>(?!\*\*\*)[^\s\"',;&]{3,})",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?P<keep>\b(?:authorization[\"']?\s*[=:]\s*[\"']?)?(?:bearer|basic)\s+)(?P<secret>[\w.~+/=-]{8,})",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<keep>\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)(?P<secret>[^\s@/]+)(?=@)", re.IGNORECASE),
    re.compile(r"(?P<keep>-----BEGIN [A-Z ]*PRIVATE KEY-----)(?P<secret>.*?)(?=-----END|\Z)", re.DOTALL),
    re.compile(r"(?P<keep>)(?P<secret>\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*)"),
    re.compile(r"(?P<keep>)(?P<secret>\b(?:AKIA|ASIA)[A-Z0-9]{16}\b)"),
    re.compile(r"(?P<keep>)(?P<secret>\bgh[pousr]_[A-Za-z0-9]{20,})"),
)


def without_secrets(text: str) -> str:
    """Return ``text`` with passwords, tokens, keys and URL credentials replaced by ``***``.

    >>> without_secrets("postgres://app:hunter2@db:5432/shop password=abcdef")
    'postgres://app:***@db:5432/shop password=***'
    """
    if not _HINT.search(text):
        return text
    for pattern in _SECRETS:
        text = pattern.sub(rf"\g<keep>{MASK}", text)
    return text
