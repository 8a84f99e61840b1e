"""Writes the outline of a report as text and as Markdown, and the report as JSON."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator

import msgspec

from sre_orchestrator.api.render.outline import Mark, Row, Section, outline
from sre_orchestrator.core.models import Report

Styled = tuple[str, str]
SIGNS: dict[Mark, Styled] = {
    "for": ("+", "green"),
    "against": ("-", "red"),
    "change": ("Δ", "cyan"),
    "undecided": ("?", "yellow"),
    "next": ("→", "bold"),
    "runbook": ("≡", "blue"),
    "satisfied": ("✓", "green"),
    "violated": ("✗", "red"),
    "unknown": ("?", "yellow"),
    "plain": ("·", "dim"),
}
FACTS = 3
WIDTH = 100


def json_text(report: Report) -> str:
    """Return the Report as indented JSON (schema: docs/reference/report.schema.json)."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


def markdown(report: Report) -> str:
    """Return the report as Markdown."""
    return "\n".join(line for number, one in enumerate(outline(report)) for line in _markdown(one, number == 0))


def text(report: Report, width: int = WIDTH) -> str:
    """Return the report as text without colours; prose is wrapped at ``width``, commands are not."""
    return "\n".join("".join(part for part, _ in line) for line in _lines(report, width))


def print_report(report: Report) -> None:
    """Print the report on standard output; coloured when that is a terminal."""
    from rich.console import Console  # noqa: PLC0415 - slow to import, needed only here
    from rich.text import Text  # noqa: PLC0415

    console = Console()
    if not console.is_terminal:
        print(text(report))
        return
    for line in _lines(report, shutil.get_terminal_size((WIDTH, 24)).columns):
        console.print(Text.assemble(*line), soft_wrap=True)


def _markdown(section: Section, first: bool) -> Iterator[str]:
    aside = f" ({section.aside})" if section.aside else ""
    yield from () if first else ("",)
    yield f"{'#' if first else '##'} {section.title}{aside}"
    yield from ("", section.note) if section.note else ()
    yield from ("",) if section.rows else ()
    for row in section.rows:
        word = "" if row.mark == "plain" else f"**{row.mark}** "
        facts = f" `{_shown(row)}`" if row.facts else ""
        command = f": `{row.command}`" if row.command else ""
        yield f"- {word}{row.text}{command}{facts}"


def _lines(report: Report, width: int) -> Iterator[tuple[Styled, ...]]:
    for number, section in enumerate(outline(report)):
        yield from ((),) if number else ()
        aside = f"{section.aside:>{max(len(section.aside) + 2, width - len(section.title))}}" if section.aside else ""
        yield (section.title, "bold"), (aside, "bold")
        yield from (((f"   {section.note}", "dim"),),) if section.note else ()
        for row in section.rows:
            yield from _row(row, width)


def _row(row: Row, width: int) -> Iterator[tuple[Styled, ...]]:
    sign, colour = SIGNS[row.mark]
    facts = f" [{_shown(row)}]" if row.facts else ""
    head, *more = textwrap.wrap(row.text, max(width - 5, 20), break_long_words=False, break_on_hyphens=False) or [""]
    fits = not more and len(head) + len(facts) + 5 <= width
    yield ("   ", ""), (sign, colour), (f" {head}", ""), (facts if fits else "", "dim")
    yield from ((("     " + line, ""),) for line in more)
    yield from () if fits or not facts else (((f"    {facts}", "dim"),),)
    yield from (((f"       {row.command}", "bold"),),) if row.command else ()


def _shown(row: Row) -> str:
    more = " …" if len(row.facts) > FACTS else ""
    return ", ".join(row.facts[:FACTS]) + more
