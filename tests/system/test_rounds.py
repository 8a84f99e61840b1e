"""What the first look leaves open is asked in a second one."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from clusters import shop
from faults import FAULTS

from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.settings import Settings


@pytest.mark.parametrize(("rounds", "missing"), [(0, {"log.listening"}), (1, set())])
def test_a_log_that_was_not_read_to_its_beginning_is_read_when_a_rule_misses_it(
    tmp_path: Path, rounds: int, missing: set[str]
) -> None:
    cluster = shop()
    FAULTS["readiness_port"](cluster)
    path = cluster.write(tmp_path / "snapshot")
    for log in path.rglob("*.log"):
        with log.open("a", encoding="utf-8") as file:
            file.writelines(f"2030-05-01T11:58:00Z INFO request {number} done\n" for number in range(20_000))
    installation = Installation(Settings(state_dir=str(tmp_path / "state"), rounds=rounds))

    report = anyio.run(lambda: diagnose_snapshot(installation, path, question="the cart is down")).report

    assert report.hypotheses[0].cause == "readiness-probe-wrong-port"
    assert {one.kind for one in report.hypotheses[0].missing} == missing
