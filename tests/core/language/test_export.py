"""An exported investigation names nothing of the cluster, and concludes what the original concludes."""

from __future__ import annotations

import re
import string

import anyio
import msgspec
import pytest
from clusters import HASH, shop
from faults import FAULTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from investigation import Scripted, incident, parts
from rulebook import OBSERVE, rule

from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.bundle import bundle_bytes, replay
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.identity import name_of
from sre_orchestrator.core.language.export import pseudonymised
from sre_orchestrator.core.language.generic import GENERIC
from sre_orchestrator.core.language.names import APPENDED
from sre_orchestrator.core.pipeline import Bundle, diagnose
from sre_orchestrator.core.settings import Settings

REPLICA = re.compile(rf"(-{HASH}-)(\w{{5}})")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


def sureness(bundle: Bundle) -> list[tuple[str, float]]:
    return sorted((one.cause, one.confidence) for one in (*bundle.report.hypotheses, *bundle.report.ruled_out))


def names(bundle: Bundle) -> set[str]:
    every = {end for edge in bundle.edges for end in (edge.source, edge.target)}
    every |= {fact.component for fact in bundle.seen.facts}
    return {name_of(one) for one in every if APPENDED.sub("", name_of(one)) not in GENERIC}


@pytest.mark.parametrize("fault", ["memory_limit", "secret_absent", "port_conflict", "database_password"])
def test_a_bundle_with_pseudonyms_concludes_the_same_and_names_nothing(
    fault: str, installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cluster = shop()
    FAULTS[fault](cluster)
    bundle = anyio.run(diagnose_snapshot, installation, cluster.write(tmp_path_factory.mktemp("snapshot")))

    hidden, masked = pseudonymised(bundle, installation.reasoning())

    text = msgspec.json.encode(hidden).decode()
    assert hidden.report.verdict == bundle.report.verdict
    assert sureness(hidden) == sureness(bundle)
    assert [one.cause for one in hidden.report.hypotheses][:1] == [one.cause for one in bundle.report.hypotheses][:1]
    assert not [one for one in names(bundle) if re.search(rf"(?<![A-Za-z0-9]){re.escape(one)}(?![A-Za-z0-9])", text)]
    assert {one.id for one in hidden.seen.facts}.isdisjoint(one.id for one in bundle.seen.facts)
    assert masked["names"] > 0
    assert bundle_bytes(replay(hidden, installation.reasoning())) == bundle_bytes(hidden)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fault=st.sampled_from(sorted(FAULTS)), tails=st.permutations(string.digits + string.ascii_lowercase))
def test_how_sure_a_hypothesis_is_does_not_depend_on_names(
    fault: str, tails: list[str], installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cluster = shop()
    FAULTS[fault](cluster)
    path = cluster.write(tmp_path_factory.mktemp("snapshot"))
    bundle = anyio.run(diagnose_snapshot, installation, path)
    new = str.maketrans(string.digits + string.ascii_lowercase, "".join(tails))
    for file in path.rglob("*"):
        if file.is_file():
            text = file.read_text(encoding="utf-8")
            file.write_text(REPLICA.sub(lambda found: found[1] + found[2].translate(new), text), encoding="utf-8")
    for place in sorted(path.rglob(f"*-{HASH}-*"), key=lambda one: len(one.parts), reverse=True):
        place.rename(place.with_name(REPLICA.sub(lambda found: found[1] + found[2].translate(new), place.name)))

    renamed = anyio.run(diagnose_snapshot, installation, path)

    assert sureness(renamed) == sureness(bundle)


def test_a_bundle_that_would_conclude_something_else_is_not_made() -> None:
    # the rule looks for a word that is also the name of a pod
    looks = rule("all:\n  a: {kind: crash, reason: zebra}")
    agent = Scripted("test", OBSERVE("crash", "pod/shop/zebra", reason="zebra"))
    installed = parts([agent], [looks])
    bundle = anyio.run(diagnose, incident(), installed)

    assert bundle.report.hypotheses
    with pytest.raises(InputError, match="would not conclude the same"):
        pseudonymised(bundle, installed)
