"""helm, the oldest and the newest that are tested, finds the releases of a snapshot."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Call
from extras import program
from helm_records import kept

from sre_orchestrator.api.wire import Store, serving, write_kubeconfig

NAMESPACE = "shop"


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    store = Store()
    for revision, status in ((1, "superseded"), (2, "deployed")):
        store.apply(kept(revision, status=status) | {"kind": "Secret", "apiVersion": "v1"})
    store.apply({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "other", "namespace": NAMESPACE}})
    with serving(store) as url:
        yield write_kubeconfig(tmp_path / "kubeconfig", url, namespace=NAMESPACE)


@pytest.fixture(params=["helm-3.18", "helm-4.3"])
def call(kubeconfig: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Call:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(kubeconfig)}

    def run(*arguments: str) -> str:
        command = [program(request.param), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=True).stdout

    return run


def test_list_finds_the_newest_revision(call: Call) -> None:
    [release] = json.loads(call("list", "--all-namespaces", "--output", "json"))

    assert (release["name"], release["revision"], release["status"]) == ("cart", "2", "deployed")


def test_status_tells_of_one(call: Call) -> None:
    assert json.loads(call("status", "cart", "--output", "json"))["info"]["status"] == "deployed"


def test_history_lists_revisions(call: Call) -> None:
    history = json.loads(call("history", "cart", "--output", "json"))

    assert [(one["revision"], one["status"]) for one in history] == [(1, "superseded"), (2, "deployed")]
