"""Ingests runbooks and, from the files of alert rules among them, alert rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.knowledge.fetching import is_url
from sre_orchestrator.plugins.knowledge.ingesting import Ingested, Ingestion, Progress, absolute
from sre_orchestrator.plugins.knowledge.library import Library
from sre_orchestrator.plugins.sources.alert_rules import (
    MOST_BYTES,
    AlertRule,
    keep_alert_rules,
    kept_alert_rules,
    read_alert_rules,
)

SUFFIXES = (".yaml", ".yml")


def is_alert_file(place: str) -> bool:
    """Say whether a place can only be a file of alert rules."""
    return place.endswith(SUFFIXES) and not is_url(place) and not Path(place).is_dir()


def ingest(library: Library, places: Sequence[str], settings: Settings, progress: Progress) -> Ingested:
    """Ingest folders, files and URLs: runbooks into the library, and alert rules beside it.

    Raises:
        InputError: the library cannot be used, or alert rules cannot be kept.

    """
    runbooks = [one for one in places if not is_alert_file(one)]
    return with_alert_rules(Ingestion(library, settings.knowledge, progress).run(runbooks), places, settings)


def with_alert_rules(done: Ingested, places: Sequence[str], settings: Settings) -> Ingested:
    """Keep the alert rules of ``places`` and of what was skipped below them; return what is told then.

    Raises:
        InputError: they cannot be kept.

    """
    found: dict[str, tuple[AlertRule, ...]] = {}
    problems: list[str] = []
    for path, named in _files(done, places):
        try:
            rules = _read(path)
        except InputError as error:
            problems.append(str(error))
            continue
        if rules:
            found[str(path)] = rules
        elif named:
            problems.append(f"{path}: holds no alert rules; name a rule file or a PrometheusRule")
    gone = {rule.origin: () for rule in kept_alert_rules(settings.state_dir) if not Path(rule.origin).exists()}
    if found or gone:
        keep_alert_rules(settings.state_dir, {**gone, **found})
    return msgspec.structs.replace(
        done,
        alerts=sum(map(len, found.values())),
        skipped=tuple(one for one in done.skipped if one not in found),
        problems=(*done.problems, *problems),
    )


def _files(done: Ingested, places: Sequence[str]) -> Iterator[tuple[Path, bool]]:
    """Yield the YAML files, and whether somebody named them."""
    yield from ((absolute(place), True) for place in places if is_alert_file(place))
    yield from ((Path(one), False) for one in done.skipped if one.endswith(SUFFIXES))


def _read(path: Path) -> tuple[AlertRule, ...]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: weighs more than {MOST_BYTES} bytes; make several files of it")
        return read_alert_rules(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read: {error.strerror}; see whether it is there and may be read"
        ) from error
