"""A plugin's source on a running cluster: it is asked, and recorded so that the recording says the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from http_services import Reply, answering
from third_party import Environment, wheel

from sre_orchestrator.api.scaffold import create_project
from sre_orchestrator.api.wire import serving, write_kubeconfig
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

PAGE = "plugins/acme-pay/components.json"


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    create_project("acme-pay", tmp_path)
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


def test_a_wrong_setting_is_named_and_leaves_the_plugin_out(environment: Environment) -> None:
    environment.variables = {"SRE_ORCHESTRATOR_PLUGINS": "{acme-pay: {ulr: https://status.acme-pay.example}}"}

    (found,) = environment.told("plugins", "acme-pay")

    assert "register_agents raised ValidationError: Object contains unknown field `ulr`" in found["problem"]
