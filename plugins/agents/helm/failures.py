"""Sorts what Helm says of a failed revision by the words of Helm, the API server and its admission."""

from __future__ import annotations

import re

# The first that fits counts: a hook that ran out of time is a hook, an immutable field is also "invalid".
_FAILURES = {
    "hook": r"hooks? failed|failed (?:pre|post)-(?:install|upgrade|rollback|delete)",
    "immutable": r"field is immutable|may not change once set|updates to \w+ spec for fields other than",
    "conflict": (
        r"conflicts? with \"|invalid ownership metadata|cannot be imported into the current release|already exists"
        r"|object has been modified|another operation \(install/upgrade/rollback\) is in progress"
    ),
    "refused": r"is forbidden|denied the request|failed calling webhook|exceeded quota|unauthorized",
    "missing-kind": r"no matches for kind|unable to recognize|could not find the requested resource|ensure CRDs are installed",
    "invalid": r"is invalid|error validating|validation error|unknown field|strict decoding|cannot unmarshal|unable to build kubernetes object|parse error",
    "timeout": r"timed out|deadline exceeded|not ready\. status: InProgress|progress deadline",
}
_PATTERNS = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _FAILURES.items())
_OPERATIONS = (("Upgrade ", "upgrade"), ("Release ", "install"), ("Rollback ", "rollback"), ("Deletion ", "uninstall"))


def failure_of(description: str) -> str:
    """Return what kept a revision from being deployed.

    >>> failure_of('Upgrade "cart" failed: post-upgrade hooks failed: timed out'), failure_of("Upgrade failed: EOF")
    ('hook', 'other')
    """
    return next((name for name, pattern in _PATTERNS if pattern.search(description)), "other")


def operation_of(description: str) -> str | None:
    """Return what was tried.

    >>> operation_of('Release "cart" failed: timed out'), operation_of("")
    ('install', None)
    """
    return next((name for words, name in _OPERATIONS if description.startswith(words)), None)
