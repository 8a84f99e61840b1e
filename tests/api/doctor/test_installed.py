"""What is told of an installation, whatever it looks at."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from mcp_servers import small
from shop import write

from sre_orchestrator.api.doctor import Check, checkup
from sre_orchestrator.api.doctor.installed import check_installation
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.plugins import PluginInfo
from sre_orchestrator.core.settings import Settings


def checks(settings: Settings, *more: PluginInfo) -> dict[tuple[str, str], Check]:
    installation = Installation(settings)
    installation.plugins.found += more
    return {(one.area, one.name): one for one in check_installation(installation)}


def test_an_installation_in_order_misses_nothing(settings: Settings) -> None:
    found = checks(settings)

    assert [one for one in found.values() if one.state == "missing"] == []
    assert "connectivity" in found["plugins", "built in"].found
    assert "semi-naive" in found["rules", "rule book"].found
    assert found["servers", "MCP servers"].state == "unused"
    assert found["state", "state folder"].found.endswith("can be written")


def test_every_check_that_is_not_in_order_says_what_to_do(settings: Settings) -> None:
    broken = PluginInfo(name="acme", origin="acme 1.0", problem="ImportError: no module named acme")

    assert [one for one in checks(settings, broken).values() if one.state != "ok" and not one.remedy] == []


def test_mcp_servers_are_asked(settings: Settings) -> None:
    servers = (small("none"), msgspec.structs.replace(small("exits"), name="dead"))

    found = checks(msgspec.structs.replace(settings, mcp_servers=servers))

    assert found["servers", "small"].found == "small 1.0, 2 tools, of which 1 are used"
    dead = found["servers", "dead"]
    assert (dead.state, dead.remedy) == ("missing", "sre-orchestrator mcp check")
    assert "cannot read the kubeconfig" in dead.why


def test_plugins_that_others_installed_are_told_one_by_one(settings: Settings) -> None:
    broken = PluginInfo(name="acme", origin="acme 1.0", problem="ImportError: no module named acme")
    found = checks(settings, PluginInfo(name="extra", origin="extra 2.0"), broken)

    assert found["plugins", "extra"].found == "extra 2.0"
    assert (found["plugins", "acme"].state, found["plugins", "acme"].why) == ("missing", broken.problem)
    assert "acme 1.0" in found["plugins", "acme"].remedy


def test_a_plugin_that_was_blocked_is_unused(settings: Settings) -> None:
    one = checks(msgspec.structs.replace(settings, block_plugins=("nodes",)))["plugins", "nodes"]

    assert (one.state, one.remedy) == ("unused", "take it out of block_plugins")


def test_a_refused_rule_is_missing(settings: Settings, tmp_path: Path) -> None:
    write(tmp_path / "rules" / "broken.yaml", "id: other\n")
    one = checks(msgspec.structs.replace(settings, rule_folders=(str(tmp_path / "rules"),)))["rules", "missing 1"]

    assert one.state == "missing"
    assert "broken.yaml" in one.why


def test_a_damaged_library_of_runbooks_is_missing(tmp_path: Path) -> None:
    write(tmp_path / "knowledge" / "library.db", "no database" * 100)

    one = checks(Settings(state_dir=str(tmp_path)))["rules", "missing 1"]

    assert one.why.startswith("the library of runbooks, and the rules and checks in it: ")
    assert one.remedy == "make it again: sre-orchestrator runbooks ingest --rebuild FOLDER…"


def test_a_state_folder_that_cannot_be_written_is_missing(settings: Settings, tmp_path: Path) -> None:
    blocked = write(tmp_path / "file", "") / "state"
    one = checks(msgspec.structs.replace(settings, state_dir=str(blocked)))["state", "state folder"]

    assert one.state == "missing"
    assert str(blocked) in one.why
    assert "--state-dir" in one.remedy


@pytest.mark.parametrize("there", [True, False])
def test_libraries_of_models_are_told(settings: Settings, monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    monkeypatch.setattr("sre_orchestrator.api.doctor.installed.find_spec", lambda _: object() if there else None)
    one = checks(settings)["models", "llama_cpp"]

    assert (one.state, bool(one.found)) == ("unused", there)
    assert ("sre-orchestrator[local]" in one.remedy) is not there


def test_only_what_is_missing_makes_a_checkup_incomplete() -> None:
    fine = [Check(area="a", name="b"), Check(area="a", name="c", state="unused")]

    assert checkup.checkup_of(fine).complete
    assert not checkup.checkup_of([*fine, Check(area="a", name="d", state="missing")]).complete
