"""Whatever a language model does, verdict, hypotheses and proofs are those of a run without one, byte by byte."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import anyio
import msgspec
import pytest
from clusters import shop
from faults import FAULTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from misbehaving import CHOICES, Misbehaving, Way, echoing, forging, ways
from model_plugin import offered

from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.language.examined import EDITION
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.settings import ModelSettings, Settings

UNPROVED = "unproved"
CASES = ("memory_limit", "pull_secret", "database_password", "port_conflict", "policy", "half_rollout", UNPROVED)
OVER = threading.Event()
WAYS = ways(OVER)
SECONDS = 0.05  # until a model that waits is given up


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A shop with each fault, and one whose symptom nothing explains."""
    folders = {}
    for case in CASES:
        cluster = shop()
        if case == UNPROVED:
            cluster.down("cart")
        else:
            FAULTS[case](cluster)
        folders[case] = cluster.write(tmp_path_factory.mktemp(case))
    return folders


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory in which the model has passed every step."""
    folder = tmp_path_factory.mktemp("state")
    (folder / "models").mkdir()
    passed = {"edition": EDITION, "digest": Misbehaving.digest, "passed": ["read", "ask", "narrate"]}
    (folder / "models" / f"{Misbehaving.digest}.json").write_bytes(msgspec.json.encode(passed))
    return folder


@pytest.fixture(scope="module")
def without(state: Path, snapshots: dict[str, Path]) -> dict[str, bytes]:
    """What is concluded of each without a model."""
    installation = Installation(Settings(state_dir=str(state)))
    return {case: concluded(bundle_of(installation, folder)) for case, folder in snapshots.items()}


@pytest.fixture(scope="module")
def investigating(state: Path, snapshots: dict[str, Path]) -> Iterator[Callable[[str, list[Way]], Bundle]]:
    """Investigate with a model that takes part in all steps and behaves in these ways."""
    model = Misbehaving()
    chosen = ModelSettings(use="scripted:misbehaving", suggest=True, call_seconds=SECONDS)
    with offered(model), closing(Installation(Settings(state_dir=str(state), model=chosen))) as installation:

        def investigate(case: str, some: list[Way]) -> Bundle:
            before = model.asked
            model.ways = list(some)
            bundle = bundle_of(installation, snapshots[case])
            assert model.asked > before
            return bundle

        yield investigate
        OVER.set()


def bundle_of(installation: Installation, folder: Path) -> Bundle:
    return anyio.run(lambda: diagnose_snapshot(installation, folder))


def concluded(bundle: Bundle) -> bytes:
    """Return all that is said of the incident but words, suggestions and cost; hypotheses hold order, confidence, proofs."""
    report, scope = bundle.report, bundle.scope
    looked = [scope.namespaces, scope.since, scope.until, scope.components, scope.symptoms, sorted(scope.agents)]
    said = [report.verdict, report.hypotheses, report.ruled_out, report.symptoms, report.timeline, report.facts]
    return msgspec.json.encode([looked, said, [(gap.agent, gap.what, gap.why) for gap in report.gaps]])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=st.sampled_from(CASES), some=st.lists(WAYS, min_size=1, max_size=4))
def test_however_a_model_behaves_the_same_is_concluded(
    investigating: Callable[[str, list[Way]], Bundle], without: dict[str, bytes], case: str, some: list[Way]
) -> None:
    assert concluded(investigating(case, some)) == without[case]


@pytest.mark.parametrize("case", CASES)
def test_forged_answers_change_no_conclusion_and_are_no_cause(
    investigating: Callable[[str, list[Way]], Bundle], without: dict[str, bytes], case: str
) -> None:
    for way in (echoing, *(forging(choice, seed) for choice in CHOICES for seed in range(3))):
        bundle = investigating(case, [way])

        assert concluded(bundle) == without[case]
        assert "billing-gateway" not in bundle.report.narrative
        assert "kubectl" not in bundle.report.narrative
        assert not {one.cause for one in bundle.report.suggestions} & {one.cause for one in bundle.report.hypotheses}
