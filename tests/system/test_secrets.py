"""Secrets in objects, logs, events and questions reach no prompt, log, bundle, trace or file of the program."""

from __future__ import annotations

import contextlib
import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import anyio
import msgspec
import pytest
from leaking import LINES, files, leaking, told
from model_plugin import scripted

from sre_orchestrator.api.render import json_text, markdown
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.bundle import bundle_bytes
from sre_orchestrator.core.language.export import pseudonymised
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.settings import ModelSettings, Settings


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return leaking(tmp_path_factory.mktemp("leaking"))


@contextlib.contextmanager
def printed() -> Iterator[io.StringIO]:
    told = io.StringIO()
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
        yield told


def test_no_secret_of_a_cluster_is_told_to_anybody(cluster: Path, tmp_path: Path) -> None:
    model = ModelSettings(use="scripted:x", redact=None)
    asked = f"the cart is down, {' '.join(LINES)}"
    with scripted(*["{}"] * 20, local=False) as (_, elsewhere), printed() as output:
        installation = Installation(Settings(state_dir=str(tmp_path), model=model))

        async def run() -> Bundle:
            return await diagnose_snapshot(installation, cluster, question=asked)

        bundle = anyio.run(run)
        hidden, _ = pseudonymised(bundle, installation.reasoning())

    places = {
        "prompts": msgspec.json.encode([elsewhere.heard, elsewhere.schemas]),
        "output": output.getvalue().encode(),
        "bundle": gzip.decompress(bundle_bytes(bundle)),
        "bundle with pseudonyms": gzip.decompress(bundle_bytes(hidden)),
        "report": f"{json_text(bundle.report)}{markdown(bundle.report)}".encode(),
        "files": b"".join(files(tmp_path)),
    }
    assert elsewhere.heard
    assert bundle.report.hypotheses
    assert b"***" in places["bundle"]
    assert told(places) == {}


def test_no_name_of_a_cluster_is_told_to_a_model_elsewhere(cluster: Path, tmp_path: Path) -> None:
    with scripted(*["{}"] * 20, local=False) as (_, elsewhere):
        installation = Installation(Settings(state_dir=str(tmp_path), model=ModelSettings(use="scripted:x")))
        bundle = anyio.run(diagnose_snapshot, installation, cluster)

    prompts = msgspec.json.encode([elsewhere.heard, elsewhere.schemas]).decode()
    first = bundle.report.hypotheses[0].component.rpartition("/")[2]
    assert "app-1" in prompts
    assert f"/{first}" not in prompts
    assert sum(sum(use.masked.values()) for use in bundle.cost.model.values()) > 0
