"""Removes secrets from text before it becomes the value of a fact."""

from __future__ import annotations

import re

MASK = "***"
_HINT = re.compile(
    r"pass|pwd|secret|token|key|credential|authorization|bearer|basic|BEGIN|://|eyJ|AKIA|ASIA|gh[pousr]_", re.IGNORECASE
)
_NAMED = (
    r"(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)"
    r"\\?[\"']?\s*[=:]\s*\\?+"
)
# Every pattern is linear: it starts at a fixed word, and no two starts read the same text.
_SECRETS = (
    re.compile(
        # "Basic authentication" is prose; a credential has a digit, a sign or mixed case
        r"(?P<keep>\b(?:bearer|basic)\s+)(?=[\w.~+/=-]*?(?:[\d=+/]|(?-i:[a-z][A-Z])))(?P<secret>[\w.~+/=-]{8,})",
        re.IGNORECASE,
    ),
    re.compile(rf"(?P<keep>{_NAMED}(?P<quote>[\"']))(?P<secret>[^\n]+?)(?=\\?(?P=quote))", re.IGNORECASE),
    re.compile(rf"(?P<keep>{_NAMED})(?P<secret>(?!\*\*\*(?:[\s\"',;&]|\Z))[^\s\"',;&]{{3,}})", re.IGNORECASE),
    re.compile(r"(?P<keep>(?<=[a-z0-9+.-])://[^\s:/@]*:)(?P<secret>[^\s/]+)(?=@)", re.IGNORECASE),
    re.compile(r"(?P<keep>-----BEGIN [A-Z ]*PRIVATE KEY-----)(?P<secret>.*?)(?=-----END|\Z)", re.DOTALL),
    re.compile(r"(?P<keep>)(?P<secret>(?<![\w-])eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*)"),
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
