"""``sre-orchestrator rules``: check, test, coverage, list, explain, new."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from sre_orchestrator.api.cli.common import Table, echo_json
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import Settings, read_settings
from sre_orchestrator.core.vocabulary import Vocabulary, load_vocabulary, nearest
from sre_orchestrator.rules.book import RuleBook, builtin_rules, load_book, read_checked
from sre_orchestrator.rules.catalogue import yaml_files
from sre_orchestrator.rules.coverage import Covered, Pair, cover
from sre_orchestrator.rules.installed import installed_book, installed_rules
from sre_orchestrator.rules.model import Case, Rule
from sre_orchestrator.rules.testing import run_case

app = typer.Typer(help="Check, test and explain rules.", no_args_is_help=True)
Paths = Annotated[list[Path] | None, typer.Argument(help="Rule files or folders; by default the built-in book.")]
FAILED = 1
TEMPLATE = """id: {id}
title: Say in one line what is wrong
status: experimental
why: Say why these facts prove it.
references: []
when:
  all:
    seen: {{kind: container.waiting, reason: CrashLoopBackOff}}
then:
  cause: application-start-error
  component: "{{seen.component}}"
  strength: weak
  because: "{{seen.container}} waits in CrashLoopBackOff"
  explains: [seen]
tests:
  - name: it fires
    facts:
      - {{kind: container.waiting, component: pod/shop/web-1, container: web, reason: CrashLoopBackOff}}
    expect: [application-start-error]
  - name: it stays silent
    facts:
      - {{kind: container.waiting, component: pod/shop/web-1, container: web, reason: ContainerCreating}}
    expect: []
"""


@app.command()
def check(paths: Paths = None) -> None:
    """Check rule files against the vocabulary and the causes; the first error of each file with its line."""
    checked = list(_read(paths))
    load_book(load_vocabulary())
    typer.echo(f"{len(checked)} rules are in order")


@app.command("test")
def run_tests(paths: Paths = None) -> None:
    """Run the tests embedded in rule files."""
    book = _installed()[1].rules
    failed = total = 0
    for rule, cases in _read(paths):
        for case in cases:
            total += 1
            wrong = run_case(rule, case, book)
            if wrong:
                failed += 1
                typer.echo(f"{rule.path}: {case.name}: {wrong}", err=True)
    typer.echo(f"{total} tests, {failed} failed")
    if failed:
        raise typer.Exit(FAILED)


@app.command()
def coverage(
    format: Annotated[Table, typer.Option("--format")] = Table.TEXT,
    strict: Annotated[bool, typer.Option("--strict", help="End with 1 when there is a hole.")] = False,
) -> None:
    """Print which tests each cause of the built-in book has, what tells it from its look-alikes, and the holes."""
    found = cover(list(_read(None)), load_book(load_vocabulary()).causes)
    if format is Table.JSON:
        echo_json(found)
    else:
        _print_matrix(found)
    if strict and any(one.holes for one in found):
        raise typer.Exit(FAILED)


@app.command("list")
def list_rules(format: Annotated[Table, typer.Option("--format")] = Table.TEXT) -> None:
    """List the rules of the book: ours, and those of plugins, rule packs and runbooks."""
    from sre_orchestrator.api.wiring import Installation  # noqa: PLC0415 - slow to import

    with closing(Installation(read_settings(None, os.environ))) as installation:
        rules = installation.book.rules
    if format is Table.JSON:
        rows = [{"id": rule.id, "title": rule.title, "status": rule.status, "path": rule.path} for rule in rules]
        echo_json(rows)
        return
    for rule in rules:
        typer.echo(f"{rule.id:50} {rule.status:13} {rule.title}")


@app.command()
def explain(rule_id: Annotated[str, typer.Argument(metavar="ID", show_default=False)]) -> None:
    """Print a rule as it is written, with its reason and tests."""
    settings = read_settings(None, os.environ)
    files = {Path(path).stem: text for path, text in installed_rules(settings)} | _written(rule_id, settings)
    if rule_id not in files:
        raise InputError(f"there is no rule {rule_id!r}{nearest(rule_id, files)}")
    typer.echo(files[rule_id].decode())


@app.command()
def new(
    rule_id: Annotated[str, typer.Argument(metavar="ID", show_default=False)],
    folder: Annotated[Path, typer.Option(help="Where to write it.")] = Path(),
) -> None:
    """Write a rule that passes its tests, to start from."""
    path = folder / f"{rule_id}.yaml"
    if path.exists():
        raise InputError(f"{path}: exists already; choose another id")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(TEMPLATE.format(id=rule_id), encoding="utf-8")
    typer.echo(f"wrote {path}; next: sre-orchestrator rules test {path}")


def _print_matrix(found: Sequence[Covered]) -> None:
    typer.echo(f"{'cause':40} {'for':>5} {'against':>8} {'firing':>7} {'silent':>7} {'wordings':>9}  told from")
    for one in found:
        numbers = f"{one.rules:5} {one.against:8} {one.firing:7} {one.silent:7} {one.wordings:9}"
        typer.echo(f"{one.cause:40} {numbers}  {', '.join(map(_told, one.pairs))}")
    holes = [f"  {one.cause}: {hole}" for one in found for hole in one.holes]
    typer.echo(
        "\nBy tests that both look at, unless marked: ~ their rules read nothing in common, ! no test tells them apart."
    )
    typer.echo("\n".join([f"{len(holes)} holes", *holes]))


def _told(pair: Pair) -> str:
    ways = {pair.forth, pair.back}
    return pair.cause + ("!" if "never" in ways else "~" if "unread" in ways else "")


def _read(paths: list[Path] | None) -> Iterator[tuple[Rule, tuple[Case, ...]]]:
    vocabulary, book = _installed()
    files = [file for folder in builtin_rules() for file in yaml_files(folder)]
    if paths:
        files = []
        for path in paths:
            if not path.exists():
                raise InputError(f"{path}: does not exist")
            files += yaml_files(path) if path.is_dir() else [(str(path), path.read_bytes())]
    for name, text in files:
        yield read_checked(text, name, vocabulary, book.causes)


def _written(rule_id: str, settings: Settings) -> dict[str, bytes]:
    """Return the text of a rule that stands in a runbook, whose id has a dot."""
    if "." not in rule_id:
        return {}
    from sre_orchestrator.api.wiring import Installation  # noqa: PLC0415 - slow to import

    with closing(Installation(settings)) as installation:
        places = {rule.path: rule.id for rule in installation.book.rules if "." in rule.id}
        return {
            places[one.origin]: one.text.encode() for one in installation.shelf.blocks().rules if one.origin in places
        }


def _installed() -> tuple[Vocabulary, RuleBook]:
    return installed_book(read_settings(None, os.environ))
