"""The plugin, as it is installed, takes part in a diagnosis."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).with_name("sre-orchestrator")
OUTAGE = Path(__file__).parent / "outage"


def run(*arguments: str) -> Any:
    """Return what the program prints as JSON."""
    command = [str(PROGRAM), *arguments, "--format", "json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_it_is_in_use_with_all_that_it_adds() -> None:
    (found,) = run("plugins", "flag-service")

    assert found["problem"] == ""
    assert found["adds"]["agents"] == found["adds"]["alert_formats"] == ["flag-service"]
    assert found["adds"]["rules"] == ["flag-service-outage-in-logs", "flag-service-outage"]
    assert found["adds"]["runbooks"] == ["flag-service-outage.md"]


def test_an_outage_of_flag_service_is_the_first_hypothesis() -> None:
    first, *_ = run("diagnose", "--snapshot", str(OUTAGE))["hypotheses"]

    assert (first["cause"], first["component"]) == ("flag-service-outage", "deployment/shop/checkout")


def test_a_fault_of_somebody_else_is_not() -> None:
    found = run("demo")["hypotheses"]

    assert found
    assert "flag-service-outage" not in {one["cause"] for one in found}
