"""Draws how far confidence can be believed."""

from __future__ import annotations

from collections.abc import Iterator

from sre_orchestrator.api.evaluation import Calibration

SIZE, EDGE = 320, 40


def reliability(found: Calibration) -> str:
    """Return an SVG: the share of right first answers over their confidence, a dot a bin, as large as it has cases."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Calibration) -> Iterator[str]:
    whole = SIZE + 2 * EDGE
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {whole}" width="{whole}" font-family="sans-serif" font-size="12">'
    yield f"<title>Brier score {found.brier:.3f}</title>"
    yield f'<rect width="{whole}" height="{whole}" fill="white"/>'
    yield f'<path d="M{EDGE} {EDGE}V{EDGE + SIZE}H{EDGE + SIZE}" fill="none" stroke="black"/>'
    yield f'<path d="M{EDGE} {EDGE + SIZE}L{EDGE + SIZE} {EDGE}" stroke="gray" stroke-dasharray="4"/>'
    most = max((one.cases for one in found.bins), default=1) or 1
    for one in found.bins:
        if one.cases:
            x, y = EDGE + SIZE * one.confidence, EDGE + SIZE * (1 - one.right)
            radius = 3 + 9 * (one.cases / most) ** 0.5
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="steelblue" fill-opacity="0.7"><title>{one.cases} cases</title></circle>'
    yield f'<text x="{EDGE + SIZE / 2}" y="{whole - 10}" text-anchor="middle">confidence of the first answer</text>'
    yield f'<text x="14" y="{EDGE + SIZE / 2}" text-anchor="middle" transform="rotate(-90 14 {EDGE + SIZE / 2})">share that is right</text>'
    for share in (0, 0.5, 1):
        yield f'<text x="{EDGE + SIZE * share}" y="{EDGE + SIZE + 15}" text-anchor="middle">{share}</text>'
        yield f'<text x="{EDGE - 5}" y="{EDGE + SIZE * (1 - share) + 4}" text-anchor="end">{share}</text>'
    yield "</svg>"
