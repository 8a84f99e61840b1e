"""What an installation is made of."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType

import pytest

from sre_orchestrator.api import wiring
from sre_orchestrator.api.service.intake import routes
from sre_orchestrator.api.wiring import Installation, Quiet, incident_id
from sre_orchestrator.core.hookspecs import hookimpl
from sre_orchestrator.core.settings import Settings


def test_every_built_in_plugin_can_be_used(tmp_path: Path) -> None:
    installation = Installation(Settings(state_dir=str(tmp_path)))

    assert [one.problem for one in installation.plugins.found if one.origin == "built in"] == [""] * len(wiring.BUILTIN)
    assert len({agent.name for agent in installation.agents}) == len(installation.agents)
    assert installation.gaps() == ()


def test_a_plugin_that_is_not_there_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "BUILTIN", ("sre_orchestrator.plugins.agents.nowhere",))
    installation = Installation(Settings(state_dir=str(tmp_path)))

    assert [(gap.agent, gap.remedy) for gap in installation.gaps()] == [("nowhere", "fix, upgrade or uninstall it")]


def test_a_rule_that_is_refused_is_a_gap(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "broken.yaml").write_text("id: broken\n", encoding="utf-8")
    gaps = Installation(Settings(state_dir=str(tmp_path), rule_folders=(str(folder),))).gaps()

    assert [(gap.agent, gap.remedy) for gap in gaps] == [("rules", "sre-orchestrator rules check")]
    assert "broken.yaml" in gaps[0].why


def test_stand_ins_stay_silent() -> None:
    quiet = Quiet()
    quiet.step("route")
    quiet.agent("nodes", "asked")


def test_an_incident_has_one_id_in_every_zone() -> None:
    noon = datetime(2030, 5, 1, 12, tzinfo=UTC)
    east = noon.astimezone(timezone(timedelta(hours=5)))

    assert incident_id("all is down", noon) == incident_id("all is down", east)
    assert incident_id("all is down", noon) != incident_id("all is well", noon)


def test_folders_of_signals_of_plugins_join_those_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = ModuleType("theirs_with_signals")
    theirs.register_signals = hookimpl(lambda: [tmp_path / "theirs"])  # type: ignore[attr-defined]  # a hook of a module
    monkeypatch.setitem(sys.modules, theirs.__name__, theirs)
    monkeypatch.setattr(wiring, "BUILTIN", (theirs.__name__,))

    installation = Installation(Settings(state_dir=str(tmp_path), signal_folders=("ours",)))

    assert installation.settings.signal_folders == (str(tmp_path / "theirs"), "ours")


def test_the_names_of_our_formats_of_alerts_are_taken() -> None:
    assert [one.name for one in routes.BUILTIN] == list(wiring.ALERT_FORMATS)
