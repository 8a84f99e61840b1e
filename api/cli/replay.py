"""``sre-orchestrator replay``, ``why-not`` and ``compare``: questions to a finished investigation."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sre_orchestrator.api.cli.common import (
    Format,
    FormatOption,
    SettingsOption,
    StateOption,
    settings_from,
)
from sre_orchestrator.api.cli.diagnose import UNRESOLVED, chosen, investigate, show
from sre_orchestrator.core.bundle import read_bundle, replay
from sre_orchestrator.core.compare import compare, differences
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.models import Fact, Report, Scalar
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.report import worded
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.core.vocabulary import AttributeType, Vocabulary, nearest

if TYPE_CHECKING:
    from sre_orchestrator.rules.whynot import Trial

BundleArgument = Annotated[Path, typer.Argument(help="What diagnose --save-bundle wrote.", show_default=False)]
BundleOption = Annotated[Path | None, typer.Option("--bundle", help="What diagnose --save-bundle wrote.")]
MaybeSnapshot = Annotated[Path | None, typer.Option("--snapshot", help="A recorded incident.")]
TRUE = {"true": True, "false": False}


def replay_bundle(
    bundle: BundleArgument,
    without: Annotated[list[str] | None, typer.Option(help="Leave out the fact with this id; repeatable.")] = None,
    plus: Annotated[
        list[str] | None, typer.Option("--with", help="Add a fact: 'KIND COMPONENT attribute=value …'; repeatable.")
    ] = None,
    format: FormatOption = Format.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Conclude again from a saved investigation, with today's rules, offline.

    Differences from the stored report go to standard error, each with its reason.

    Examples:
      sre-orchestrator replay incident.bundle
      sre-orchestrator replay incident.bundle --without f0123456789ab
      sre-orchestrator replay incident.bundle --with 'node.condition node/a type=Ready status=False'

    """
    from sre_orchestrator.api.wiring import Installation  # noqa: PLC0415 - help must be quick

    installation = Installation(settings_from(settings, state_dir))
    stored = read_bundle(bundle)
    added = [fact_from(text, installation.vocabulary) for text in plus or ()]
    again = replay(stored, installation.reasoning(), without=without or (), plus=added)
    for line in differences(stored.report, again.report):
        typer.echo(f"differs: {line}", err=True)
    show(again.report, format)
    raise typer.Exit(0 if again.report.verdict == "diagnosed" else UNRESOLVED)


def why_not(
    cause: Annotated[str, typer.Option(help="The id of a cause.", show_default=False)],
    component: Annotated[
        str, typer.Option(help="The component to blame, such as deployment/shop/cart.", show_default=False)
    ],
    snapshot: MaybeSnapshot = None,
    bundle: BundleOption = None,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Say which conditions of which rules did not hold, what came nearest, and what nobody could see.

    Example:
      sre-orchestrator why-not --cause memory-limit-too-low --component deployment/shop/cart --snapshot incident.tar.gz

    """
    from sre_orchestrator.api.wiring import Installation, trials  # noqa: PLC0415 - help must be quick

    configured = settings_from(settings, state_dir)
    investigation = _investigation(configured, snapshot, bundle)
    for line in _why_not(trials(Installation(configured), investigation, cause, component), investigation):
        typer.echo(line)


def compare_hypotheses(
    first: Annotated[int, typer.Argument(help="A hypothesis, counted from 1.", show_default=False)],
    second: Annotated[int, typer.Argument(help="Another one.", show_default=False)],
    snapshot: MaybeSnapshot = None,
    bundle: BundleOption = None,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Say what separates two hypotheses: facts, symptoms, and the terms of their confidence.

    Example:
      sre-orchestrator compare 1 2 --snapshot incident.tar.gz

    """
    report = _investigation(settings_from(settings, state_dir), snapshot, bundle).report
    for line in _compared(report, first, second):
        typer.echo(line)


def fact_from(text: str, vocabulary: Vocabulary) -> Fact:
    """Return the fact that a person wrote as ``KIND COMPONENT attribute=value …``.

    Raises:
        InputError: a word is missing, or the vocabulary does not know kind or attribute.

    """
    words = shlex.split(text)
    if len(words) < 2:  # noqa: PLR2004 - kind and component
        raise InputError(f"--with {text!r}: write 'KIND COMPONENT attribute=value …'")
    kind, component, *rest = words
    declared = vocabulary.kinds.get(kind)
    if declared is None:
        raise InputError(f"--with: unknown fact kind {kind!r}{nearest(kind, vocabulary.kinds)}")
    attributes: dict[str, Scalar] = {}
    for word in rest:
        name, equals, value = word.partition("=")
        if not equals or name not in declared.attributes:
            raise InputError(f"--with {kind}: {word!r} is no attribute=value{nearest(name, declared.attributes)}")
        attributes[name] = _typed(value, declared.attributes[name].type, word)
    return Observer("hand")(kind, component, **attributes)  # type: ignore[arg-type] # names are those of the vocabulary


def _typed(value: str, kind: AttributeType, word: str) -> Scalar:
    try:
        if kind == "boolean":
            return TRUE[value.lower()]
        return int(value) if kind == "integer" else float(value) if kind == "number" else value
    except (KeyError, ValueError):
        raise InputError(f"--with: {word!r} must be a {kind}") from None


def _investigation(settings: Settings, snapshot: Path | None, bundle: Path | None) -> Bundle:
    if (snapshot is None) == (bundle is None):
        raise InputError("give one of --snapshot and --bundle")
    return read_bundle(bundle) if bundle else investigate(settings, snapshot or Path(), "", "", "")


def _why_not(found: Sequence[Trial], investigation: Bundle) -> Iterator[str]:
    facts = {fact.id: fact for fact in investigation.seen.facts} | investigation.report.facts
    for trial in found:
        yield f"{trial.rule}: {trial.title}" + ("" if trial.unmet else "  — this rule did conclude it")
        yield from (f"  holds    {name}: {_fact(fact, facts)}" for name, fact in trial.holds.items())
        for unmet in trial.unmet:
            yield f"  {unmet.why:8} {unmet.condition}"
            yield from (
                f"             nearest {_fact(fact, facts)}" + (f" ({wrong})" if wrong else "")
                for fact, wrong in unmet.nearest
            )


def _compared(report: Report, first: int, second: int) -> Iterator[str]:
    one, other = chosen(report, first), chosen(report, second)
    found = compare(one, other)
    for number, hypothesis in ((first, one), (second, other)):
        yield f"{number}. {hypothesis.title}: {hypothesis.component} (confidence {hypothesis.confidence:.2f})"
    for name, (a, b) in found.terms.items():
        yield f"  {name:10} {a:+.2f}  {b:+.2f}"
    groups = {
        f"only {first} rests on": found.first_only,
        f"only {second} rests on": found.second_only,
        "both rest on": found.shared,
        f"only {first} explains": found.first_explains,
        f"only {second} explains": found.second_explains,
    }
    for title, facts in groups.items():
        yield from (f"{title} {_fact(fact, report.facts)}" for fact in facts)


def _fact(name: str, facts: dict[str, Fact]) -> str:
    fact = facts.get(name)
    return f"[{name}] {fact.component}: {worded(fact)}" if fact else name
