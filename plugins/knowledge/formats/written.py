"""Writes a document as Markdown, which is read again as the same headings, texts, code, links and front matter."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from sre_orchestrator.core.knowledge import Document, Fence, Front, Passage

DEEPEST = 6
_MARKUP = re.compile(r"[\\`*<\[&]")
_LINE = re.compile(r"^(?=[#>~=|+_]|-[ \t]*(?:-|$))", re.MULTILINE)  # else a heading, a quote, a table, a rule
_TICKS = re.compile(r"`+")


def as_markdown(document: Document) -> str:
    """Return a document as Markdown."""
    blocks = list(_front(document.front))
    known: tuple[str, ...] = ()
    for passage in document.passages:
        same = next(
            (n for n, pair in enumerate(zip(known, passage.headings, strict=False)) if len(set(pair)) > 1), len(known)
        )
        for level, heading in enumerate(passage.headings[same:], start=same + 1):
            blocks.append(f"{'#' * min(level, DEEPEST)} {_plain(heading)}")
        known = passage.headings
        blocks += _blocks(passage)
    return "\n\n".join(blocks) + "\n"


def _front(front: Front) -> Iterator[str]:
    told = {name: value for name, value in msgspec.to_builtins(front).items() if value}
    if told:  # JSON is YAML
        lines = (f"{name}: {msgspec.json.encode(value).decode()}" for name, value in told.items())
        yield "\n".join(["---", *lines, "---"])


def _blocks(passage: Passage) -> Iterator[str]:
    if passage.text:
        lines = "\n".join(line.strip() for line in passage.text.splitlines())
        yield _LINE.sub(r"\\", _plain(lines))
    yield from map(_fenced, passage.fences)
    links = [f"- [{_plain(link.text) or 'link'}](<{link.address}>)" for link in passage.links if _fits(link.address)]
    if links:
        yield "\n".join(links)


def _fenced(fence: Fence) -> str:
    ticks = "`" * max([2, *map(len, _TICKS.findall(fence.text))]) + "`"
    return f"{ticks}{fence.language}\n{fence.text.rstrip()}\n{ticks}"


def _fits(address: str) -> bool:
    return not re.search(r"[<>\s]", address)


def _plain(text: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", text)
