"""Makes the values of a release flat, and masks what may be a secret before anybody sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sre_orchestrator.core.redact import MASK, without_secrets

SHOWN = 200
MOST = 2000
# A part of the path that says so: everything below it is a secret, names of Secrets included.
_SECRET_PART = re.compile(r"pass(?:word|wd|phrase|$)|\bpass|pwd|secret|token|credential", re.IGNORECASE)
# What only the last part may say: ``auth.enabled`` is a setting, ``registry.auth`` is a secret.
_SECRET_END = re.compile(r"key|auth$|cert|dsn|salt$|private|signature|license|connection_?string", re.IGNORECASE)
_PLAIN_END = re.compile(r"tag|digest|sha|commit|revision|checksum|image", re.IGNORECASE)
_RANDOM = re.compile(r"(?=[^\d]*\d)(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9+/_-]{32,}={0,2}")


def flat_values(tree: dict[str, object]) -> dict[str, str]:
    """Return the leaves of ``tree`` by path, in the order of their paths, cut at 200 characters; 2000 leaves at most.

    >>> flat_values({"image": {"tag": "1.4"}, "env": [{"name": "DB_PASSWORD", "value": "hunter2"}], "replicas": 2})
    {'env[DB_PASSWORD].value': '***', 'image.tag': '1.4', 'replicas': '2'}
    """
    leaves = sorted(_leaves("", tree) if tree else ())[:MOST]
    return {path: masked(path, value)[:SHOWN] for path, value in leaves}


def masked(path: str, text: str) -> str:
    """Return the value at ``path``, or ``***`` where its name or looks say that it is a secret.

    >>> masked("postgresql.auth.postgresPassword", "x"), masked("auth.enabled", "true"), masked("image.tag", "1.4")
    ('***', 'true', '1.4')
    """
    if text in ("", "true", "false", "null", "{}", "[]"):
        return text
    end = path.rpartition(".")[2]
    if _SECRET_PART.search(path) or _SECRET_END.search(end):
        return MASK
    if _RANDOM.fullmatch(text) and not _PLAIN_END.search(end):
        return MASK
    return without_secrets(text)


def _leaves(path: str, node: object) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _leaves(f"{path}.{key}" if path else key, value)
    elif isinstance(node, list) and node:
        for place, value in enumerate(node):
            yield from _leaves(f"{path}[{_name(value) or place}]", _unnamed(value))
    else:
        yield path, _text(node)


def _name(node: object) -> str:
    """Return the name of an entry such as ``{name: DB_PASSWORD, value: …}``."""
    name = node.get("name") if isinstance(node, dict) and len(node) > 1 else None
    return name if isinstance(name, str) else ""


def _unnamed(node: object) -> object:
    return (
        {key: value for key, value in node.items() if key != "name"} if isinstance(node, dict) and _name(node) else node
    )


def _text(node: object) -> str:
    if isinstance(node, bool):
        return "true" if node else "false"
    if node is None:
        return "null"
    return "{}" if isinstance(node, dict) else "[]" if isinstance(node, list) else str(node)
