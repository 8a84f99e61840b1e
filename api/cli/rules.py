"""``sre-orchestrator rules``: check, test, coverage, list, explain, new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from sre_orchestrator.api.cli.common import (
    BAD_INPUT,
    FAILED,
    SettingsOption,
    StateOption,
    Table,
    echo_json,
    settings_from,
)
from sre_orchestrator.core.errors import InputError, RuleError
from sre_orchestrator.core.models import Gap
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.core.vocabulary import load_vocabulary, nearest
from sre_orchestrator.core.wording import counted
from sre_orchestrator.rules.book import load_book, read_checked
from sre_orchestrator.rules.catalogue import yaml_files
from sre_orchestrator.rules.coverage import Covered, Pair, cover
from sre_orchestrator.rules.installed import Origin, builtin_origin, installed_book, installed_rules, rule_origins
from sre_orchestrator.rules.model import Case, Rule
from sre_orchestrator.rules.packs import installed
from sre_orchestrator.rules.testing import run_case

app = typer.Typer(help="Check, test and explain rules.", no_args_is_help=True)
Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Rule files or folders; by default all that is installed: built in, of plugins, rule packs and rule_folders."
    ),
]
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
def check(paths: Paths = None, settings: SettingsOption = None, state_dir: StateOption = None) -> None:
    """Check rule files against the vocabulary and the causes; the first error of each file with its line.

    Rules in runbooks are checked when they are ingested.

    Examples:
      sre-orchestrator rules check
      sre-orchestrator rules check my-rules/queue-consumer-gone.yaml

    """
    read = _Reading(settings_from(settings, state_dir), paths)
    rules = {name: len([*read.rules_of(origin)]) for name, origin in read.origins.items()}
    _tell(rules, "rule")
    total = sum(rules.values())
    typer.echo(f"{counted(total, 'rule')} {'is' if total == 1 else 'are'} in order")
    _tell_problems(read)


@app.command("test")
def run_tests(paths: Paths = None, settings: SettingsOption = None, state_dir: StateOption = None) -> None:
    """Run the tests embedded in rule files; those of rules in runbooks are run when they are ingested.

    Examples:
      sre-orchestrator rules test
      sre-orchestrator rules test my-rules

    """
    read = _Reading(settings_from(settings, state_dir), paths)
    tests: dict[str, int] = {}
    failed = 0
    for name, origin in read.origins.items():
        run = [
            (rule, case, run_case(rule, case, read.book.rules))
            for rule, cases in read.rules_of(origin)
            for case in cases
        ]
        tests[name] = len(run)
        for rule, case, wrong in run:
            if wrong:
                failed += 1
                typer.echo(f"{rule.path}: {case.name}: {wrong}", err=True)
    _tell(tests, "test")
    typer.echo(f"{counted(sum(tests.values()), 'test')}, {failed} failed")
    _tell_problems(read)
    if failed:
        raise typer.Exit(FAILED)


@app.command()
def coverage(
    format: Annotated[Table, typer.Option("--format")] = Table.TEXT,
    strict: Annotated[bool, typer.Option("--strict", help="End with 1 when there is a hole.")] = False,
) -> None:
    """Print which tests each cause of the built-in book has, what tells it from its look-alikes, and the holes."""
    found = _covered()
    if format is Table.JSON:
        echo_json(found)
    else:
        _print_matrix(found)
    if strict and any(one.holes for one in found):
        raise typer.Exit(FAILED)


@app.command("list")
def list_rules(
    format: Annotated[Table, typer.Option("--format")] = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """List the rules of the book: ours, and those of plugins, rule packs and runbooks.

    What the book is without, such as a rule that was refused, or the rules in a library of runbooks that is damaged, is
    named on standard error; it ends with 1 then.
    """
    from sre_orchestrator.api.wiring import Installation  # noqa: PLC0415 - slow to import

    with closing(Installation(settings_from(settings, state_dir))) as installation:
        rules, gaps = installation.book.rules, installation.book_gaps()
    if format is Table.JSON:
        rows = [{"id": rule.id, "title": rule.title, "status": rule.status, "path": rule.path} for rule in rules]
        echo_json(rows)
    else:
        for rule in rules:
            typer.echo(f"{rule.id:50} {rule.status:13} {rule.title}")
    _tell_gaps(gaps)
    if gaps:
        raise typer.Exit(FAILED)


@app.command()
def explain(
    rule_id: Annotated[str, typer.Argument(metavar="ID", show_default=False)],
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Print a rule as it is written, with its reason and tests."""
    chosen = settings_from(settings, state_dir)
    files = {Path(path).stem: text for path, text in installed_rules(chosen)} | _written(rule_id, chosen)
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
    typer.echo("\n".join([counted(len(holes), "hole"), *holes]))


def _told(pair: Pair) -> str:
    ways = {pair.forth, pair.back}
    return pair.cause + ("!" if "never" in ways else "~" if "unread" in ways else "")


class _Reading:
    """Rules that are read from files beside the installed book; ``problems`` are those that cannot be used, with why."""

    def __init__(self, settings: Settings, paths: Sequence[Path] | None) -> None:
        self.vocabulary, self.book = installed_book(settings)
        self.origins = {one.name: one for one in (map(_given, paths) if paths else rule_origins(settings))}
        self.problems: list[str] = []
        if not paths:
            self.problems += (*installed(Path(settings.state_dir))[1], *self.vocabulary.problems, *self.book.problems)

    def rules_of(self, origin: Origin) -> Iterator[tuple[Rule, tuple[Case, ...]]]:
        """Yield the rules of one origin that can be used, with their tests."""
        for path, text in origin.files:
            try:
                yield read_checked(text, path, self.vocabulary, self.book.causes)
            except RuleError as error:
                self.problems.append(str(error))


def _given(path: Path) -> Origin:
    if not path.exists():
        raise InputError(f"{path}: does not exist")
    return Origin(name=str(path), files=tuple(yaml_files(path) if path.is_dir() else [(str(path), path.read_bytes())]))


def _tell(numbers: Mapping[str, int], thing: str) -> None:
    """Print how many things are of each origin, where there are several."""
    if len(numbers) > 1:
        for name, number in numbers.items():
            typer.echo(f"{name}: {counted(number, thing)}")


def _tell_problems(read: _Reading) -> None:
    for problem in dict.fromkeys(read.problems):
        typer.echo(f"error: {problem}", err=True)
    if read.problems:
        raise typer.Exit(BAD_INPUT)


def _covered() -> Sequence[Covered]:
    vocabulary = load_vocabulary()
    causes = load_book(vocabulary).causes
    return cover([read_checked(text, path, vocabulary, causes) for path, text in builtin_origin().files], causes)


def _written(rule_id: str, settings: Settings) -> dict[str, bytes]:
    """Return the text of a rule that stands in a runbook, whose id has a dot."""
    if "." not in rule_id:
        return {}
    from sre_orchestrator.api.wiring import Installation  # noqa: PLC0415 - slow to import

    with closing(Installation(settings)) as installation:
        blocks = installation.shelf.blocks()
        _tell_gaps(blocks.gaps)
        places = {rule.path: rule.id for rule in installation.book.rules if "." in rule.id}
        return {places[one.origin]: one.text.encode() for one in blocks.rules if one.origin in places}


def _tell_gaps(gaps: Iterable[Gap]) -> None:
    for gap in gaps:
        typer.echo(f"error: {gap.what}: {gap.why}; {gap.remedy}", err=True)
