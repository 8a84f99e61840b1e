"""Reads configuration text (JSON, YAML, properties, lines) into flat dotted keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

import msgspec

from sre_orchestrator.core.documents import DocumentError, read_yaml

MAX_BYTES = 256 * 1024
MAX_DEPTH = 30
_PLACE = re.compile(r"\$\((?P<plain>\w+)\)|\$\{(?P<name>[\w.-]+)(?::-?(?P<default>[^{}]*))?\}")
_YAML = re.compile(r"^[ \t]*(?:- )?[\w.\"'-]+:(?:[ \t]|$)", re.MULTILINE)
_PROPERTY = re.compile(r"^[ \t]*(?P<key>[\w.\[\]-]+)[ \t]*[=:][ \t]*(?P<value>.*\S)", re.MULTILINE)
_BRACES = re.compile(r"[;{][ \t]*$", re.MULTILINE)


@lru_cache(maxsize=512)
def settings_in(text: str) -> Mapping[str, str]:
    r"""Return the settings of a configuration text by dotted key, lists by index as Spring writes them.

    Text in no known form gives each line under its number, so that addresses in it are still found.
    Many workloads mount the same text, so it is read once.

    >>> settings_in("spring:\n  redis: {host: cart-redis, port: 6379}")
    {'spring.redis.host': 'cart-redis', 'spring.redis.port': '6379'}
    >>> settings_in("app.url=http://cart:8080"), settings_in('{"a": [{"b": 1}]}')
    ({'app.url': 'http://cart:8080'}, {'a[0].b': '1'})
    """
    if len(text) > MAX_BYTES or text.startswith("-----BEGIN"):
        return {}
    tree = tree_of(text)
    if tree is not None:
        return dict(_flat(tree, "", MAX_DEPTH))
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(("#", "//", "!"))]
    if not _BRACES.search(text):
        pairs = {match["key"]: match["value"] for match in _PROPERTY.finditer("\n".join(lines))}
        if pairs:
            return pairs
    return {f"line {number}": line for number, line in enumerate(lines, start=1)}


def tree_of(text: str) -> object | None:
    """Return the JSON or YAML document (several YAML documents as one list), or ``None`` for anything else."""
    start = text.lstrip()[:1]
    try:
        if start in {"{", "["}:
            return msgspec.json.decode(text.encode(), type=dict[str, object] | list[object])
        if not _YAML.search(text):
            return None
        parts = re.split(r"^---.*$", text, flags=re.MULTILINE)
        documents = [read_yaml(part.encode(), object, unique_keys=False) for part in parts]
    except (msgspec.DecodeError, DocumentError, ValueError, RecursionError):
        return None
    kept = [one for one in documents if isinstance(one, dict | list)]
    return (kept[0] if len(kept) == 1 else kept) if kept else None


def expand(value: str, known: Mapping[str, str]) -> str:
    """Return ``value`` with ``$(NAME)``, ``${NAME}`` and ``${name:default}`` replaced where that is known.

    >>> expand("http://${CART_HOST:cart}:$(CART_PORT)", {"CART_PORT": "8080"})
    'http://cart:8080'
    """

    def fill(match: re.Match[str]) -> str:
        name = match["plain"] or match["name"]
        for spelling in (name, name.upper().replace(".", "_").replace("-", "")):
            if spelling in known:
                return known[spelling]
        return match[0] if match["default"] is None else match["default"]

    return _PLACE.sub(fill, value) if "$" in value else value


def _flat(node: object, prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth == 0:
        return
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key), depth - 1)
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _flat(value, f"{prefix}[{number}]", depth - 1)
    elif isinstance(node, bool):
        yield prefix, str(node).lower()
    elif node is not None:
        yield prefix, str(node)
