"""The reliability diagram."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from sre_orchestrator.api.diagram import EDGE, SIZE, reliability
from sre_orchestrator.api.evaluation import Bin, Calibration

SVG = "{http://www.w3.org/2000/svg}"


def test_each_bin_with_cases_is_a_dot_at_its_confidence_and_share() -> None:
    bins = (
        Bin(low=0.0, high=0.5, cases=0, confidence=0.0, right=0.0),
        Bin(low=0.5, high=1.0, cases=4, confidence=0.75, right=1.0),
    )
    found = Calibration(brier=0.0625, bins=bins, precision=0.9, coverage=1.0, threshold=0.75)

    root = ET.fromstring(reliability(found))

    (dot,) = root.findall(f"{SVG}circle")
    assert (float(dot.attrib["cx"]), float(dot.attrib["cy"])) == (EDGE + 0.75 * SIZE, EDGE)
    assert root.findtext(f"{SVG}title") == "Brier score 0.062"


def test_no_cases_give_an_empty_diagram() -> None:
    found = Calibration(brier=0.0, bins=(), precision=0.9, coverage=0.0, threshold=1.0)

    assert not ET.fromstring(reliability(found)).findall(f"{SVG}circle")
