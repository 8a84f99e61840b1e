"""Reads what documents say of themselves: front matter in YAML or TOML, or fields under the names that people use."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, datetime

from sre_orchestrator.core.documents import DocumentError, read_yaml
from sre_orchestrator.core.knowledge import Front
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.redact import without_secrets

MOST = 64 * 1024
MOST_NODES = 2000
MOST_NAMES = 100
LONGEST = 200
_YAML = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*$\n?", re.DOTALL | re.MULTILINE)
_TOML = re.compile(r"\A\+\+\+[ \t]*\n(.*?)^\+\+\+[ \t]*$\n?", re.DOTALL | re.MULTILINE)
_NAMES: Mapping[str, str] = {
    "title": "title",
    **dict.fromkeys(("owner", "owners", "team", "contact", "author"), "owner"),
    **dict.fromkeys(("service", "services", "app", "application", "component", "components"), "services"),
    **dict.fromkeys(("alert", "alerts", "alertname", "alertnames", "alert_name", "alert_names"), "alerts"),
    **dict.fromkeys(("cause", "causes"), "causes"),
    **dict.fromkeys(("reviewed", "last_reviewed", "review_date", "reviewed_at", "last_review"), "reviewed"),
}
FIELDS = frozenset(_NAMES)


class Matter(Struct, frozen=True, kw_only=True):
    """What front matter says, what could not be used of it, and what follows it: its text and first line (from 0)."""

    front: Front = Front()
    notes: tuple[str, ...] = ()
    rest: str = ""
    skipped: int = 0


def split_front(text: str) -> Matter:
    """Return the front matter of ``text`` and the rest; front matter that cannot be read is told in a note."""
    found = _YAML.match(text[:MOST]) or _TOML.match(text[:MOST])
    if found is None:
        return Matter(rest=text)
    rest, skipped = text[found.end() :], found[0].count("\n")
    try:
        fields = _toml(found[1]) if text.startswith("+++") else _yaml(found[1])
    except DocumentError as error:
        where = error.line + 1 if error.line else 1
        return Matter(
            notes=(f"{where}: its front matter is left out: {error}; correct it",), rest=rest, skipped=skipped
        )
    front, notes = front_of(fields)
    return Matter(front=front, notes=notes, rest=rest, skipped=skipped)


def front_of(fields: Mapping[str, object]) -> tuple[Front, tuple[str, ...]]:
    """Return what fields under any of the names that we know say; unknown ones say nothing to us."""
    told: dict[str, list[str]] = {}
    for name, value in fields.items():
        known = _NAMES.get(re.sub(r"[\s-]+", "_", name.strip().lower()))
        if known:
            told.setdefault(known, []).extend(_texts(value))
    reviewed, notes = _date(told.get("reviewed", ()))
    return Front(
        title=next(iter(told.get("title", ())), ""),
        owner=", ".join(told.get("owner", ())),
        services=_names(told.get("services", ())),
        alerts=_names(told.get("alerts", ())),
        causes=_names(told.get("causes", ())),
        reviewed=reviewed,
    ), notes


def _yaml(text: str) -> Mapping[str, object]:
    return read_yaml(text.encode(), dict[str, object] | None, max_nodes=MOST_NODES, unique_keys=False) or {}  # type: ignore[arg-type] # a union is no class to mypy


def _toml(text: str) -> Mapping[str, object]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DocumentError(f"not TOML: {error}") from error


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    texts = (str(one) for one in values if isinstance(one, str | int | float | date))
    return [shown for text in texts if (shown := " ".join(without_secrets(text).split())[:LONGEST])]


def _names(texts: Iterable[str]) -> tuple[str, ...]:
    parts = (part.strip() for text in texts for part in text.split(","))
    return tuple(dict.fromkeys(filter(None, parts)))[:MOST_NAMES]


def _date(texts: Iterable[str]) -> tuple[date | None, tuple[str, ...]]:
    for text in texts:
        try:
            return datetime.fromisoformat(text).date(), ()
        except ValueError:
            return None, (f"the day of its last review {text[:40]!r} is no date; write 2026-01-31",)
    return None, ()
