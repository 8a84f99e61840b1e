"""Properties that hold for every recorded development incident; these need the shared recordings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import anyio
import msgspec
import pytest
from mutate import mutate

from sre_orchestrator.api.evaluation import Label, LabelMapping, hit, predictions_of, read_labels, read_mapping
from sre_orchestrator.api.wiring import BUILTIN, Installation, diagnose_snapshot
from sre_orchestrator.core.bundle import read_bundle, replay, write_bundle
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.reach import Graph
from sre_orchestrator.core.settings import Settings, SnapshotLimits
from sre_orchestrator.plugins.sources.snapshot.archive import unpacked

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT.parent / "shared" / "data" / "cloud-opsbench-dev.tar.xz"
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def cases() -> Iterator[Path]:
    if not RECORDINGS.exists() and os.environ.get("CI") != "true":
        pytest.skip("the shared recordings are not beside this checkout")
    with unpacked(RECORDINGS, SnapshotLimits()) as root:
        yield next(root.rglob("labels.json")).parent


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def installation(state: str) -> Installation:
    return Installation(Settings(state_dir=state))


def bundle_of(installation: Installation, path: Path) -> Bundle:
    return anyio.run(diagnose_snapshot, installation, path)


def right(bundle: Bundle, label: Label, words: LabelMapping) -> bool:
    found = predictions_of(bundle.report.hypotheses, words, Graph(bundle.edges))
    return bool(found) and hit(found[0], label, words)


def renamed(label: Label, names: dict[str, str]) -> Label:
    kind, _, name = label.fault_object.partition("/")
    return msgspec.structs.replace(label, fault_object=f"{kind}/{names.get(name, name)}")


def test_names_times_and_orders_do_not_decide(cases: Path, installation: Installation, tmp_path: Path) -> None:
    labels, words = read_labels(cases / "labels.json"), read_mapping(ROOT / "tests/benchmarks/cloud-opsbench.yaml")
    changed = []
    before = after = 0
    for number, (name, label) in enumerate(sorted(labels.items())):
        original = right(bundle_of(installation, cases / name), label, words)
        names = mutate(cases / name, tmp_path / name, seed=number)
        mutated = right(bundle_of(installation, tmp_path / name), renamed(label, names), words)
        before, after = before + original, after + mutated
        if original != mutated:
            changed.append(name)

    assert abs(before - after) <= 0.01 * len(labels), changed


def test_a_replay_gives_the_same_bytes(cases: Path, installation: Installation, tmp_path: Path) -> None:
    for name in sorted(read_labels(cases / "labels.json")):
        bundle = bundle_of(installation, cases / name)
        write_bundle(bundle, tmp_path / "one.bundle")

        again = replay(read_bundle(tmp_path / "one.bundle"), installation.reasoning())

        assert msgspec.json.encode(again.report) == msgspec.json.encode(bundle.report), name


@pytest.mark.parametrize("agent", [name.rpartition(".")[2] for name in BUILTIN])
def test_a_missing_agent_raises_nothing_and_is_no_silence(cases: Path, state: str, agent: str) -> None:
    without = Installation(Settings(state_dir=state, block_plugins=(agent,)))

    for name in sorted(read_labels(cases / "labels.json"))[::11]:
        report = bundle_of(without, cases / name).report

        assert any(gap.agent == agent for gap in report.gaps), name
