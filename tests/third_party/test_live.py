"""A plugin's source on a running cluster: it is asked, and recorded so that the recording says the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from http_services import Reply, answering
from keeping import eventually
from third_party import Environment, wheel

from sre_orchestrator.api.scaffold import create_project
from sre_orchestrator.api.wire import serving, write_kubeconfig
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

PAGE = "plugins/acme-pay/components.json"
NOTHING = """        nothing: tuple[Component, ...] = ()
        for one in nothing:
            yield one
"""
KNOWN = """        for part in await self.parts():
            yield Component(id=f"external/{part.name.lower()}", attributes={"status": part.status})
            yield Edge(source="deployment/shop/checkout", kind="depends_on", target=f"external/{part.name.lower()}")
"""
"""What a plugin may know beside the cluster: parts that are outside, and who calls them."""
CALLED = [
    "deployment/shop/checkout depends_on external/api  (acme-pay)",
    "deployment/shop/checkout depends_on external/dashboard  (acme-pay)",
]


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    create_project("acme-pay", tmp_path)
    source = tmp_path / "acme-pay" / "src" / "acme_pay" / "source.py"
    text = source.read_text()
    assert NOTHING in text
    source.write_text(text.replace(NOTHING, KNOWN))
    environment = Environment(tmp_path / "environment")
    environment.install(wheel(tmp_path / "acme-pay", tmp_path / "dist"))
    return environment


def test_it_is_asked_and_recorded(environment: Environment, tmp_path: Path) -> None:
    outage, taken = tmp_path / "acme-pay" / "tests" / "outage", tmp_path / "taken"
    page = (outage / PAGE).read_bytes()
    with (
        open_snapshot(outage, SnapshotLimits()) as snapshot,
        serving(snapshot) as cluster,
        answering({"/api/v2/components.json": Reply(200, page)}) as status,
    ):
        environment.variables = {
            "KUBECONFIG": str(write_kubeconfig(tmp_path / "kubeconfig", cluster)),
            "SRE_ORCHESTRATOR_PLUGINS": json.dumps({"acme-pay": {"url": status.address}}),
            "SRE_ORCHESTRATOR_PROBES": "{enabled: false}",
        }
        live = environment.told("diagnose", "checkout answers 500", "--namespace", "shop")
        environment.run("snapshot", "take", str(taken), "--namespace", "shop", "--question", "checkout answers 500")
        (source,) = environment.told("plugins", "acme-pay")
    environment.variables = {}

    recorded = environment.told("diagnose", "--snapshot", str(taken))

    assert live["hypotheses"][0]["cause"] == recorded["hypotheses"][0]["cause"] == "acme-pay-outage"
    assert live["hypotheses"][0]["confidence"] == recorded["hypotheses"][0]["confidence"]
    assert (taken / PAGE).read_bytes() == page
    assert source["adds"]["sources"] == ["acme-pay"]


def test_what_it_knows_is_in_every_twin(environment: Environment, tmp_path: Path) -> None:
    outage = tmp_path / "acme-pay" / "tests" / "outage"
    page, page_is_there = (outage / PAGE).read_bytes(), True

    def related(*where: str) -> list[str]:
        return [
            one for one in environment.told("twin", "show", "deployment/shop/checkout", *where) if "external" in one
        ]

    with (
        open_snapshot(outage, SnapshotLimits()) as snapshot,
        serving(snapshot) as cluster,
        answering({"/api/v2/components.json": lambda _: Reply(200 if page_is_there else 503, page)}) as status,
    ):
        environment.variables = {
            "KUBECONFIG": str(write_kubeconfig(tmp_path / "kubeconfig", cluster)),
            "SRE_ORCHESTRATOR_PLUGINS": json.dumps({"acme-pay": {"url": status.address}}),
            "SRE_ORCHESTRATOR_PROBES": "{enabled: false}",
        }
        twin = environment.folder / "state" / "twin" / "cluster.db"
        with environment.running("twin", "follow"):
            eventually(lambda: twin.is_file() and bool(environment.told("twin", "show")), "the twin")
            assert related() == CALLED
        assert related() == CALLED
        page_is_there = False
        with environment.running("twin", "follow"):
            eventually(lambda: "acme-pay" in (environment.folder / "running.log").read_text(), "the gap")
        assert related() == CALLED
        assert "does not answer" in (environment.folder / "running.log").read_text()
        assert related("--snapshot", str(outage)) == CALLED
    environment.variables = {}
    environment.uninstall("acme-pay")

    assert related("--snapshot", str(outage)) == []


def test_a_wrong_setting_is_named_and_leaves_the_plugin_out(environment: Environment) -> None:
    environment.variables = {"SRE_ORCHESTRATOR_PLUGINS": "{acme-pay: {ulr: https://status.acme-pay.example}}"}

    (found,) = environment.told("plugins", "acme-pay", code=1)

    assert "register_agents raised ValidationError: Object contains unknown field `ulr`" in found["problem"]
