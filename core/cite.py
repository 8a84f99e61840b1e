"""Keeps only what is proved: a sentence that cites nothing, or an unknown fact, is dropped."""

from __future__ import annotations

import re

import msgspec

from sre_orchestrator.core.models import Report

CITATION = re.compile(r"\[((?:f[0-9a-f]{12})(?:,\s*f[0-9a-f]{12})*)\]")


def cite(report: Report) -> Report:
    """Return ``report`` with the lines of its narrative that cite only known facts."""
    kept = [line for line in report.narrative.splitlines() if _cited(line) and _cited(line) <= report.facts.keys()]
    return msgspec.structs.replace(report, narrative="\n".join(kept))


def _cited(line: str) -> set[str]:
    return {fact.strip() for group in CITATION.findall(line) for fact in group.split(",")}
