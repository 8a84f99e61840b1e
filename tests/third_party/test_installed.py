"""A plugin in a repository of its own is built, installed, takes part in a diagnosis, and is gone when it is uninstalled."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from third_party import Environment, wheel

from sre_orchestrator.api.scaffold import create_project
from sre_orchestrator.core.hookspecs import HOOKS, OLDEST_HOOKS

HERE = Path(__file__).parent
UNRESOLVED = 3
POST = {"incident": {"id": "p31", "name": "Requests fail", "status": "investigating"}}
SERVICE = """
import json
import sys
from pathlib import Path
from litestar.testing import TestClient
from sre_orchestrator.api.service.app import application
from sre_orchestrator.api.service.dispatch import InProcess, Silent
from sre_orchestrator.api.service.investigators import Recorded
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.api.service.store import open_database
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.settings import Settings

state, snapshot, post = sys.argv[1:]
settings = Settings(state_dir=state)
installation = Installation(settings)
store = open_database("", Path(state))
dispatcher = InProcess(store, Recorded(installation, Path(snapshot)), Silent(), limits=settings.service)
with TestClient(application(Service(installation=installation, store=store, dispatcher=dispatcher))) as client:
    answers = [client.post("/api/v1/alerts/acme-pay", content=body).status_code for body in (post, "{}")]
    found = {name: client.get(f"/api/v1/{name}").json() for name in ("incidents", "agents", "plugins")}
print(json.dumps({"answers": answers, **found}))
store.close()
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    create_project("acme-pay", folder)
    return folder / "acme-pay"


@pytest.fixture(scope="module")
def built(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel(project, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, built: Path) -> Iterator[Environment]:
    """An environment in which the plugin is installed."""
    environment = Environment(tmp_path_factory.mktemp("environment") / "installed")
    environment.install(built)
    return environment


def test_the_project_passes_its_own_tests_where_it_is_installed(environment: Environment, project: Path) -> None:
    assert environment.test(project).startswith("16 passed")


def test_its_rules_are_listed_and_can_be_tested_from_the_command_line(environment: Environment, project: Path) -> None:
    rules = project / "src" / "acme_pay" / "rules"

    assert "4 tests, 0 failed" in environment.run("rules", "test", str(rules))
    assert "acme-pay-outage-in-logs" in environment.run("rules", "list")
    assert "Both ends of the call say so" in environment.run("rules", "explain", "acme-pay-outage-in-logs")


def test_its_hypothesis_is_first_with_its_runbook(environment: Environment, project: Path) -> None:
    report = environment.told("diagnose", "--snapshot", "tests/outage", at=project)
    first = report["hypotheses"][0]

    assert (report["verdict"], first["cause"], first["component"]) == (
        "diagnosed",
        "acme-pay-outage",
        "deployment/shop/checkout",
    )
    runbook = first["runbooks"][0]
    assert (runbook["title"], runbook["by"][0]) == ("Acme Pay is down", "cause")
    assert runbook["address"].startswith("plugins/acme-pay/acme-pay-outage.md")
    assert first["remedy"][0]["command"] == "curl https://status.acme-pay.example/api/v2/components.json"


def test_what_it_needs_and_nobody_set_is_a_gap(environment: Environment) -> None:
    report = environment.told("demo")

    assert report["hypotheses"][0]["cause"] == "memory-limit-too-low"
    assert [gap["remedy"] for gap in report["gaps"] if gap["agent"] == "acme-pay"] == [
        "set plugins: {acme-pay: {url: https://…}}"
    ]


def test_the_service_takes_its_alerts_and_lists_it(environment: Environment, project: Path, tmp_path: Path) -> None:
    printed = environment.execute(SERVICE, str(tmp_path), str(project / "tests" / "outage"), json.dumps(POST))
    said = json.loads(printed.splitlines()[-1])

    assert said["answers"] == [202, 400]
    assert [one["reported"]["description"] for one in said["incidents"]["items"]] == ["Acme Pay: Requests fail"]
    assert "acme-pay" in {one["name"] for one in said["agents"]}
    assert [one["version"] for one in said["plugins"] if one["distribution"] == "acme-pay"] == ["0.1.0"]


def test_shells_complete_its_name(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {
        "_SRE_ORCHESTRATOR_COMPLETE": "complete_bash",
        "COMP_WORDS": "sre-orchestrator plugins ac",
        "COMP_CWORD": "2",
    }
    monkeypatch.setattr(environment, "variables", asked)

    assert environment.run().split() == ["acme-pay"]


def test_uninstalling_it_removes_it(built: Path, project: Path, tmp_path: Path) -> None:
    environment = Environment(tmp_path / "environment")
    environment.install(built)
    before = environment.told("plugins")

    environment.uninstall("acme-pay")
    report = environment.told("diagnose", "--snapshot", "tests/outage", at=project, code=UNRESOLVED)

    assert [one["name"] for one in before if one["distribution"]] == ["acme-pay"]
    assert not [one for one in environment.told("plugins") if one["distribution"]]
    assert not [one for one in report["hypotheses"] if one["cause"] == "acme-pay-outage"]
    assert "acme-pay" not in json.dumps(report["gaps"])


@pytest.mark.parametrize("version", range(OLDEST_HOOKS, HOOKS + 1))
def test_a_plugin_that_was_made_for_hooks_of_a_version_still_works_beside_a_new_one(
    environment: Environment, tmp_path: Path, version: int
) -> None:
    project = tmp_path / "flag-service"
    shutil.copytree(HERE / f"hooks-{version}" / "flag-service", project)
    environment.install(wheel(project, tmp_path / "dist"))

    shown = environment.told("plugins", "flag-service", "acme-pay")

    assert environment.test(project).startswith("16 passed")
    assert [(one["problem"], one["made_for"]) for one in shown] == [("", HOOKS), ("", version)]
    environment.uninstall("flag-service")
