"""Reading ``systemctl status``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sre_orchestrator.plugins.sources.ports import Unit
from sre_orchestrator.plugins.sources.snapshot.units import read_unit

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)


def read(text: str) -> Unit:
    unit = read_unit("node-a", "kubelet", text, NOW)
    assert unit is not None
    return unit


@pytest.mark.parametrize(
    ("active", "since", "offset"),
    [
        ("Wed 2030-05-01 11:30:00 UTC; 30min ago", datetime(2030, 5, 1, 11, 30, tzinfo=UTC), 0),
        ("Wed 2030-05-01 17:00:00 +05:30; 30min ago", datetime(2030, 5, 1, 11, 30, tzinfo=UTC), 330),
        ("Wed 2030-05-01 08:30:00 -0300", datetime(2030, 5, 1, 11, 30, tzinfo=UTC), -180),
        ("Wed 2030-05-01 19:58:20 CST; 1min 40s ago", datetime(2030, 5, 1, 11, 58, 20, tzinfo=UTC), 480),
        ("Wed 2030-05-01 05:57:09 CST; 2min 51s ago", datetime(2030, 5, 1, 11, 57, 9, tzinfo=UTC), -360),
        ("Wed 2030-05-01 14:00:00 CST; 6h ago", NOW - timedelta(hours=6), None),
        ("Mon 2030-04-01 14:00:00 CST; 1 month 2 days ago", NOW - timedelta(seconds=2_629_800, days=2), None),
        ("nonsense", None, None),
    ],
)
def test_since_is_known_in_any_zone(active: str, since: datetime | None, offset: int | None) -> None:
    unit = read(f"  Active: inactive (dead) since {active}\n")

    assert (unit.since, unit.utc_offset_minutes) == (since, offset)


def test_enabled_state_and_the_journals_tail_are_read() -> None:
    unit = read(
        "● kubelet.service - Kubelet\n     Loaded: loaded (/lib/kubelet.service; enabled; preset: enabled)\n"
        "     Active: active (running)\n\nMay 01 11:59:59 node-a kubelet[1]: hello\n"
    )

    assert (unit.state, unit.sub_state, unit.enabled, unit.since) == ("active", "running", True, None)
    assert unit.lines[-1] == "May 01 11:59:59 node-a kubelet[1]: hello"


def test_a_failed_unit_keeps_its_result_and_a_disabled_one_is_not_enabled() -> None:
    unit = read("  Loaded: loaded (/x; disabled; preset: enabled)\n  Active: failed (Result: exit-code)\n")

    assert (unit.state, unit.sub_state, unit.result, unit.enabled) == ("failed", "failed", "exit-code", False)


def test_a_unit_that_does_not_exist_is_not_found_and_other_text_is_no_unit() -> None:
    found = read_unit("node-a", "kube-proxy", "Unit kube-proxy.service could not be found.", NOW)

    assert found is not None
    assert found.state == "not-found"
    assert read_unit("node-a", "kubelet", "ssh: permission denied", NOW) is None
