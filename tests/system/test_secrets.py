"""Secrets in objects, logs, events and questions reach no prompt, log, bundle, trace or file of the program."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import anyio
import msgspec
import pytest
from clusters import shop
from faults import FAULTS
from model_plugin import scripted

from sre_orchestrator.api.render import json_text, markdown
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.bundle import bundle_bytes
from sre_orchestrator.core.language.export import pseudonymised
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.settings import ModelSettings, Settings

SECRETS = {
    "password": ("DB_PASSWORD={}", "zx9hunter2zx9"),
    "url": ("postgres://joe:{}@orders-db:5432/shop", "zx9urlpassZx9"),
    "github": ("remote {} refused", "ghp_" + "a1B2c3D4e5F6" * 3),
    "jwt": ("Authorization: Bearer {}", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.zx9c2lnbmF0dXJl"),
    "aws": ("id {} used", "AKIAIOSFODNN7EXAMPLE"),
    "slack": ("token {}", "xoxb-" + "123456789012-a1B2c3D4e5F6"),
    "stripe": ("key={}", "sk_live_" + "a1B2c3D4" * 3),
    "bootstrap": ("join with abc123.{}", "zx9f456789abcde1"),
    "docker": ('{{"auths": {{"r.example": {{"auth": "{}"}}}}}}', "am9lOmh1bnRlcjIyeng5"),
    "cookie": ("Cookie: session={}", "zx9sessionzx9"),
    "azure": ("AccountName=a;AccountKey={};", "zx9abcdefghijkl=="),
}
LINES = [form.format(secret) for form, secret in SECRETS.values()]


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cluster whose logs, events, environment, annotations and ConfigMaps hold a secret of each kind."""
    cluster = shop()
    FAULTS["memory_limit"](cluster)
    path = cluster.write(tmp_path_factory.mktemp("leaking"))
    for file in path.rglob("*"):
        if file.suffix == ".json":
            text = file.read_text(encoding="utf-8")
            file.write_text(json.dumps(seeded(json.loads(text))), encoding="utf-8")
        elif file.suffix in {".log", ".txt"}:
            told = "".join(f"2030-05-01T11:59:00Z level=error connection refused: {line}\n" for line in LINES)
            file.write_text(file.read_text(encoding="utf-8") + told, encoding="utf-8")
    return path


def seeded(node: object) -> object:
    """Return an object with secrets in its messages, variables, arguments and annotations."""
    if isinstance(node, list):
        return [seeded(one) for one in node]
    if not isinstance(node, dict):
        return node
    node = {key: seeded(value) for key, value in node.items()}
    for key, value in node.items():
        if key == "message" and isinstance(value, str):
            node[key] = f"{value} {' '.join(LINES)}"
        elif key == "annotations" and isinstance(value, dict):
            value["note"] = " ".join(LINES)
    if "image" in node and "name" in node:
        node["env"] = [*node.get("env", []), *({"name": f"X{n}", "value": line} for n, line in enumerate(LINES))]
        node["args"] = LINES
    return node


@contextlib.contextmanager
def printed() -> Iterator[io.StringIO]:
    told = io.StringIO()
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
        yield told


def files(folder: Path) -> Iterator[bytes]:
    for file in folder.rglob("*"):
        if file.is_file():
            yield file.read_bytes()


def test_no_secret_of_a_cluster_is_told_to_anybody(leaking: Path, tmp_path: Path) -> None:
    model = ModelSettings(use="scripted:x", redact=None)
    asked = f"the cart is down, {' '.join(LINES)}"
    told: list[bytes] = []
    with scripted(*["{}"] * 20, local=False) as (_, elsewhere), printed() as output:
        installation = Installation(Settings(state_dir=str(tmp_path), model=model))

        async def run() -> Bundle:
            return await diagnose_snapshot(installation, leaking, question=asked)

        bundle = anyio.run(run)
        hidden, _ = pseudonymised(bundle, installation.reasoning())

    told += [msgspec.json.encode(elsewhere.heard), msgspec.json.encode(elsewhere.schemas), output.getvalue().encode()]
    told += [gzip.decompress(bundle_bytes(one)) for one in (bundle, hidden)]
    told += [json_text(bundle.report).encode(), markdown(bundle.report).encode(), *files(tmp_path)]
    assert elsewhere.heard
    assert bundle.report.hypotheses
    assert b"***" in told[3]
    assert {
        kind: [n for n, one in enumerate(told) if secret.encode() in one] for kind, (_, secret) in SECRETS.items()
    } == {kind: [] for kind in SECRETS}


def test_no_name_of_a_cluster_is_told_to_a_model_elsewhere(leaking: Path, tmp_path: Path) -> None:
    with scripted(*["{}"] * 20, local=False) as (_, elsewhere):
        installation = Installation(Settings(state_dir=str(tmp_path), model=ModelSettings(use="scripted:x")))
        bundle = anyio.run(diagnose_snapshot, installation, leaking)

    prompts = msgspec.json.encode([elsewhere.heard, elsewhere.schemas]).decode()
    first = bundle.report.hypotheses[0].component.rpartition("/")[2]
    assert "app-1" in prompts
    assert f"/{first}" not in prompts
    assert sum(sum(use.masked.values()) for use in bundle.cost.model.values()) > 0
