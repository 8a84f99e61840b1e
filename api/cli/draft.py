"""``sre-orchestrator rules draft``: a rule to review, from a confirmed incident or a runbook."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sre_orchestrator.api.cli.common import SettingsOption, StateOption, settings_from
from sre_orchestrator.core.bundle import read_bundle
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.core.vocabulary import Vocabulary, nearest
from sre_orchestrator.rules.book import RuleBook, read_checked
from sre_orchestrator.rules.draft import draft, draft_from_words
from sre_orchestrator.rules.installed import installed_book
from sre_orchestrator.rules.model import FactPattern
from sre_orchestrator.rules.testing import run_case

if TYPE_CHECKING:
    from sre_orchestrator.core.knowledge import Passage


def draft_rule(
    source: Annotated[
        Path,
        typer.Argument(metavar="BUNDLE|RUNBOOK", help="What diagnose --save-bundle wrote, or a runbook."),
    ],
    hypothesis: Annotated[int, typer.Option(min=1, help="Which hypothesis of the bundle was right.")] = 1,
    section: Annotated[str, typer.Option(help="Words of the heading of the section of a runbook; default: all.")] = "",
    cause: Annotated[str, typer.Option(help="The cause that a runbook is about; needed for a runbook.")] = "",
    out: Annotated[Path | None, typer.Option(help="A folder to write it to; default: standard output.")] = None,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Draft a rule with tests from a confirmed incident or a runbook, to be read, corrected and named by a person.

    From a bundle: the facts of the proof without their names, and how they are joined. From a runbook: the condition
    whose value it names most often. It is experimental, and passes rules check and its tests as it is.

    Examples:
      sre-orchestrator rules draft incident.bundle.json.gz --out our-rules
      sre-orchestrator rules draft runbooks/oom.md --section Diagnosis --cause memory-limit-too-low

    """
    if not source.is_file():
        raise InputError(f"{source}: there is no such file; give a bundle or a runbook")
    chosen = settings_from(settings, state_dir)
    vocabulary, book = installed_book(chosen)
    if source.name.endswith(".gz"):
        text = _of_bundle(source, hypothesis, vocabulary)
    else:
        text = _of_runbook(chosen, source, section, cause, vocabulary, book)
    _tried(text, source, vocabulary, book)
    if out is None:
        typer.echo(text, nl=False)
        return
    path = out / f"{_id_of(text)}.yaml"
    if path.exists():
        raise InputError(f"{path}: exists already; choose another folder")
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    typer.echo(f"wrote {path}; next: correct it, rename it, and sre-orchestrator rules test {path}")


def _of_bundle(path: Path, number: int, vocabulary: Vocabulary) -> str:
    bundle = read_bundle(path)
    hypotheses = bundle.report.hypotheses
    if number > len(hypotheses):
        raise InputError(f"{path}: has {len(hypotheses)} hypotheses; there is no number {number}")
    facts = {fact.id: fact for fact in bundle.seen.facts}
    origin = f"incident {bundle.report.incident.id}"
    text = draft(hypotheses[number - 1], facts, bundle.edges, vocabulary, origin)
    if not text:
        raise InputError(f"{path}: no fact of hypothesis {number} is in the bundle; choose another with --hypothesis")
    return text


def _of_runbook(
    settings: Settings, path: Path, section: str, cause: str, vocabulary: Vocabulary, book: RuleBook
) -> str:
    if cause not in book.causes:
        what = f"there is no cause {cause!r}" if cause else "say which cause it is about: --cause"
        raise InputError(f"{path}: {what}{nearest(cause, book.causes)}; they are in docs/reference/causes.md")
    words = "\n".join(
        "\n".join((one.text, *(fence.text for fence in one.fences))) for one in _read(settings, path, section)
    )
    text = draft_from_words(words, book.causes[cause], _conditions(book, vocabulary), vocabulary, path.name)
    if not text:
        raise InputError(
            f"{path}: names nothing that a fact could show, such as OOMKilled; write a rule with rules new"
        )
    return text


def _read(settings: Settings, path: Path, section: str) -> list[Passage]:
    from sre_orchestrator.plugins.knowledge.formats import read_document  # noqa: PLC0415 - most drafts need none

    content = path.read_bytes()
    if len(content) > settings.knowledge.document_bytes:
        raise InputError(
            f"{path}: weighs more than {settings.knowledge.document_bytes} bytes (knowledge.document_bytes)"
        )
    passages = read_document(content, str(path)).document.passages
    wanted = [one for one in passages if section.lower() in " > ".join(one.headings).lower()]
    if not wanted:
        known = [heading for one in passages for heading in one.headings]
        raise InputError(f"{path}: has no section {section!r}{nearest(section, known)}")
    return wanted


def _conditions(book: RuleBook, vocabulary: Vocabulary) -> Iterator[dict[str, object]]:
    """Yield what rules compare facts with, and the closed values of the vocabulary, that are words of their own."""
    patterns = (one for rule in book.rules for variant in rule.variants for one in variant.patterns)
    for pattern in patterns:
        if isinstance(pattern, FactPattern):
            for test in pattern.tests:
                if test.operator == "eq" and isinstance(test.value, str) and _is_term(test.value):
                    yield {"kind": pattern.kind, test.attribute: test.value}
    for name, kind in vocabulary.kinds.items():
        for key, attribute in kind.attributes.items():
            for value in attribute.values if not kind.derived else ():
                if _is_term(value):
                    yield {"kind": name, key: value}


def _is_term(value: str) -> bool:
    """Say whether a value is a term such as ``OOMKilled``, which is not written for something else."""
    return value.isalnum() and any(letter.isupper() for letter in value[1:])


def _tried(text: str, source: Path, vocabulary: Vocabulary, book: RuleBook) -> None:
    """Hold a draft to what it promises."""
    rule, cases = read_checked(text.encode(), f"{_id_of(text)}.yaml", vocabulary, book.causes)
    wrong = next((f"{case.name}: {why}" for case in cases if (why := run_case(rule, case, book.rules))), "")
    if wrong:
        raise InputError(
            f"{source}: no rule could be drafted that passes its tests ({wrong}); write one with rules new"
        )


def _id_of(text: str) -> str:
    return next(line.removeprefix("id: ") for line in text.splitlines() if line.startswith("id: "))
