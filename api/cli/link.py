"""``sre-orchestrator runbooks link``: which runbook an alert is for, and which causes it may have, for review."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sre_orchestrator.api.cli.common import SettingsOption, StateOption, Table, echo_json, settings_from
from sre_orchestrator.core.documents import yaml_of
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import Settings

if TYPE_CHECKING:
    from sre_orchestrator.core.language.ports import Embedder
    from sre_orchestrator.plugins.knowledge.alert_links import Proposed
    from sre_orchestrator.plugins.knowledge.linking import Proposer
    from sre_orchestrator.plugins.knowledge.links import Links

HEAD = "# Proposed by the words that alert and runbook share with causes. Take out what is wrong, then name this\n# file in the setting knowledge.links: reports show the runbook with these causes from then on.\n"


def link(
    out: Annotated[
        Path | None,
        typer.Option(help="A YAML file to write for review; links confirmed before come first, as they are."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Also alerts without runbook or cause.")] = False,
    format: Annotated[Table, typer.Option("--format")] = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """List alerts with their runbooks and the causes of the catalogue that they may have, to be confirmed by a person.

    Alerts are those of ingested rule files, and runbooks that are called like one. A runbook is found by runbook_url or
    by name, causes by the words that they share (with a score, 0 to 1) and, where model.embedder is set, by what they mean.
    Nothing of it counts before it is confirmed.

    Examples:
      sre-orchestrator runbooks link
      sre-orchestrator runbooks link --out runbook-links.yaml

    """
    from sre_orchestrator.plugins.knowledge.links import Links, read_links  # noqa: PLC0415 - help must be quick

    chosen = settings_from(settings, state_dir)
    confirmed = read_links(Path(chosen.knowledge.links)) if chosen.knowledge.links else Links()
    found = [one for one in _proposed(chosen) if every or (one.runbook and one.causes)]
    if format is Table.JSON:
        echo_json(found)
    elif out is None:
        for one in found:
            typer.echo(_line(one, confirmed))
    if out is not None:
        _write(out, confirmed, found)


def _proposed(settings: Settings) -> Iterator[Proposed]:
    from sre_orchestrator.plugins.knowledge.alert_links import proposed  # noqa: PLC0415 - help must be quick
    from sre_orchestrator.plugins.knowledge.library import Library, library_file  # noqa: PLC0415
    from sre_orchestrator.plugins.sources.alert_rules import kept_alert_rules  # noqa: PLC0415

    path = library_file(settings.state_dir)
    if not path.exists():
        raise InputError(f"{path}: there are no runbooks yet; sre-orchestrator runbooks ingest FOLDER reads some")
    with closing(Library(path)) as library, _embedder(settings) as embedder:
        yield from proposed(library, kept_alert_rules(settings.state_dir), _proposer(settings, embedder))


@contextmanager
def _embedder(settings: Settings) -> Iterator[Embedder | None]:
    """Yield the model that embeds, if the settings name one that can be opened."""
    if not settings.model.embedder:
        yield None
        return
    from sre_orchestrator.api.wiring import Installation  # noqa: PLC0415 - slow to import

    with closing(Installation(settings)) as installation:
        embedder = installation.order.embedder()
        for gap in installation.order.gaps():
            typer.echo(f"note: {gap.what}: {gap.why}; by words alone", err=True)
        yield embedder


def _proposer(settings: Settings, embedder: Embedder | None) -> Proposer:
    from sre_orchestrator.plugins.knowledge.linking import Proposer  # noqa: PLC0415 - help must be quick
    from sre_orchestrator.rules.installed import installed_book  # noqa: PLC0415
    from sre_orchestrator.rules.model import Conclude  # noqa: PLC0415

    _, book = installed_book(settings)
    texts: dict[str, list[str]] = {}
    for rule in book.rules:
        for then in rule.then:
            if isinstance(then, Conclude) and then.polarity == "for":
                texts.setdefault(then.cause, []).append(rule.title)
    return Proposer(book.causes, texts, embedder)


def _line(one: Proposed, confirmed: Links) -> str:
    causes = ", ".join(f"{cause.cause} {cause.score:.2f} ({' '.join(cause.words[:3])})" for cause in one.causes)
    known = "confirmed  " if one.alert in confirmed.alerts else ""
    by = f" (by {one.by})" if one.by else ""
    return f"{one.alert}  {known}{one.runbook or 'no runbook'}{by}\n    {causes or 'no cause'}"


def _write(path: Path, confirmed: Links, found: Iterable[Proposed]) -> None:
    lines = [HEAD]
    for alert, linked in confirmed.alerts.items():
        lines.append(yaml_of({alert: {"runbook": linked.runbook, "causes": list(linked.causes)}}))
    for one in found:
        if one.alert not in confirmed.alerts:
            causes = {cause.cause: cause for cause in one.causes}
            shared = "; ".join(
                f"{name} {cause.score:.2f} {' '.join(cause.words[:3])}" for name, cause in causes.items()
            )
            entry = {one.alert: {"runbook": one.runbook, "causes": list(causes)}}
            lines.append(f"# by {one.by}: {shared}\n{yaml_of(entry)}")
    try:
        path.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}; choose another place") from error
    typer.echo(f"wrote {path}; take out what is wrong, and name it in knowledge.links", err=True)
