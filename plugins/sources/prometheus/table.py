"""The table of signals: which metrics show each, and the expressions that are tried for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from sre_orchestrator.core.documents import DocumentError, read_yaml
from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.vocabulary import nearest
from sre_orchestrator.plugins.sources.exporter_names import EXPORTED
from sre_orchestrator.plugins.sources.http_series import part_of
from sre_orchestrator.plugins.sources.metric_names import SIGNALS, signal_of

METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
PLACEHOLDERS = ("$in", "$rate")
_PLACEHOLDER = re.compile(r"\$[a-z]\w*")


class Tried(Struct, frozen=True, kw_only=True):
    """An expression that shows a signal where all metrics of ``needs`` exist; ``name`` is what its result is called.

    In ``query`` stand ``$in`` for the matchers of the namespaces, such as ``namespace=~"shop"``, and
    ``$rate`` for the range of a ``rate``.
    """

    needs: tuple[str, ...]
    query: str
    name: str


class Row(Struct, frozen=True, kw_only=True):
    """What shows one signal.

    ``read`` names metrics whose samples are read as they are stored, each with matchers that leave out
    sums beside their parts; ``tried`` expressions of which the first counts whose metrics exist.
    """

    about: str = ""
    read: dict[str, str] = {}
    tried: tuple[Tried, ...] = ()


class Table(Struct, frozen=True, kw_only=True):
    """All rows by signal; ``problems`` names the files that were refused."""

    rows: dict[str, tuple[Row, ...]]
    problems: tuple[str, ...] = ()

    @property
    def read(self) -> dict[str, str]:
        """Return the matchers of each metric that is named."""
        return {name: matchers for rows in self.rows.values() for row in rows for name, matchers in row.read.items()}

    @property
    def tried(self) -> Iterator[tuple[Tried, ...]]:
        """Yield the expressions of each row that has any."""
        for rows in self.rows.values():
            for row in rows:
                if row.tried:
                    yield row.tried


def load_table(folders: Iterable[Traversable] = ()) -> Table:
    """Return the built-in table with the files (``*.yaml``) of ``folders``; one that is wrong is refused and named.

    Raises:
        RuleError: the built-in file cannot be used.

    """
    rows: dict[str, tuple[Row, ...]] = {
        name: (row,) for name, row in read_rows(files(__package__ or "") / "signals.yaml").items()
    }
    problems: list[str] = []
    for folder in folders:
        try:
            paths = sorted((one for one in folder.iterdir() if one.name.endswith(".yaml")), key=lambda one: one.name)
        except OSError as error:
            problems.append(f"{folder}: cannot be read: {error.strerror}; give a folder of YAML files")
            continue
        for path in paths:
            try:
                for name, row in read_rows(path).items():
                    rows[name] = (*rows.get(name, ()), row)
            except RuleError as error:
                problems.append(str(error))
    return Table(rows=rows, problems=tuple(problems))


def read_rows(path: Traversable) -> dict[str, Row]:
    """Return the rows of a file by signal.

    Raises:
        RuleError: the file cannot be read, or a row says what agents would not understand; the text
            names file, signal and key.

    """
    try:
        rows = read_yaml(path.read_bytes(), dict[str, Row])
    except (OSError, DocumentError) as error:
        raise RuleError(f"{path}: {error}; see docs/reference/signals.md for the keys") from error
    for signal, row in rows.items():
        for key, complaint in _complaints(signal, row):
            raise RuleError(f"{path}: {signal}: {key}: {complaint}; see docs/reference/signals.md")
    return rows


def is_understood(metric: str) -> bool:
    """Say whether an agent reads ``metric``; results of recording rules (with a colon) only where a table names them."""
    return ":" not in metric and (signal_of(metric) is not None or part_of(metric) is not None or metric in EXPORTED)


def _complaints(signal: str, row: Row) -> Iterator[tuple[str, str]]:
    if signal not in SIGNALS:
        yield "signal", f"no agent knows this signal{nearest(signal, SIGNALS)}"
    if not row.read and not row.tried:
        yield "read", "neither read nor tried: name metrics or expressions"
    for metric in row.read:
        yield from ((f"read.{metric}", one) for one in _of_name(signal, metric))
    for place, tried in enumerate(row.tried):
        yield from ((f"tried[{place}].{key}", one) for key, one in _of_tried(signal, tried))


def _of_tried(signal: str, tried: Tried) -> Iterator[tuple[str, str]]:
    if not tried.needs:
        yield "needs", "name the metrics that the expression needs"
    for need in tried.needs:
        if not METRIC.fullmatch(need):
            yield "needs", f"{need!r} is no name of a metric"
        elif need not in tried.query:
            yield "query", f"does not ask for {need}, which it needs"
    for found in _PLACEHOLDER.findall(tried.query):
        if found not in PLACEHOLDERS:
            yield "query", f"unknown placeholder {found}{nearest(found, PLACEHOLDERS)}"
    yield from (("name", one) for one in _of_name(signal, tried.name))


def _of_name(signal: str, metric: str) -> Iterator[str]:
    known = signal_of(metric)
    if not METRIC.fullmatch(metric):
        yield f"{metric!r} is no name of a metric"
    elif known is None and not (signal in {"traffic", "errors", "latency"} and part_of(metric)):
        yield f"no agent understands {metric!r}; call it what exporters do, such as the names of read"
    elif known and known.name != signal:
        yield f"agents take {metric!r} for {known.name}"


def placed(query: str, inside: str, rate: str) -> str:
    """Return ``query`` with its placeholders replaced; without ``inside`` no matchers of namespaces are left."""
    if not inside:
        query = re.sub(r",\s*\$in\b|\$in\b\s*,?", "", query)
    return query.replace("$in", inside).replace("$rate", rate)
