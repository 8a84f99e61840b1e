"""An investigation is kept, read back, and concluded again."""

from __future__ import annotations

import gzip
from pathlib import Path

import anyio
import msgspec
import pytest
from clusters import shop
from faults import FAULTS

from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.bundle import read_bundle, replay, write_bundle
from sre_orchestrator.core.compare import differences
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.models import Check, Runbook
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.settings import Settings


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


@pytest.fixture(scope="module")
def bundle(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    cluster = shop()
    FAULTS["memory_limit"](cluster)
    return anyio.run(diagnose_snapshot, installation, cluster.write(tmp_path_factory.mktemp("snapshot")))


def test_what_is_written_comes_back(bundle: Bundle, tmp_path: Path) -> None:
    write_bundle(bundle, tmp_path / "one.bundle")

    assert read_bundle(tmp_path / "one.bundle") == bundle


def test_the_same_bundle_gives_the_same_bytes(bundle: Bundle, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_bundle(bundle, tmp_path / name)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_replay_gives_the_same_bytes(bundle: Bundle, installation: Installation, tmp_path: Path) -> None:
    write_bundle(bundle, tmp_path / "one.bundle")

    again = replay(read_bundle(tmp_path / "one.bundle"), installation.reasoning())

    assert msgspec.json.encode(again.report) == msgspec.json.encode(bundle.report)


def test_a_fact_that_is_left_out_takes_its_conclusions_along(bundle: Bundle, installation: Installation) -> None:
    first = bundle.report.hypotheses[0]
    killed = [one.id for one in bundle.seen.facts if one.kind == "container.terminated"]

    without = replay(bundle, installation.reasoning(), without=killed)

    assert without.report.hypotheses[:1] != (first,)
    assert any(first.cause in line for line in differences(bundle.report, without.report))


def with_runbook(bundle: Bundle, *facts: str) -> Bundle:
    checks = (Check(label="memory is short", state="satisfied", facts=facts), Check(label="calm", state="violated"))
    runbook = Runbook(title="Memory", passage="Give it more", address="/gone/memory.md:3", checks=checks)
    first = msgspec.structs.replace(bundle.report.hypotheses[0], runbooks=(runbook,))
    hypotheses = (first, *bundle.report.hypotheses[1:])
    return msgspec.structs.replace(bundle, report=msgspec.structs.replace(bundle.report, hypotheses=hypotheses))


def test_a_replay_tells_of_the_runbooks_that_were_found_then(bundle: Bundle, installation: Installation) -> None:
    told = with_runbook(bundle, bundle.report.hypotheses[0].explains[0])

    again = replay(told, installation.reasoning())

    assert again.report.hypotheses == told.report.hypotheses


def test_a_check_is_open_where_what_it_found_is_left_out(bundle: Bundle, installation: Installation) -> None:
    explained = bundle.report.hypotheses[0].explains
    told = with_runbook(bundle, explained[0])

    again = replay(told, installation.reasoning(), without=[explained[0]])

    checks = [check for one in again.report.hypotheses for runbook in one.runbooks for check in runbook.checks]
    assert [(check.state, check.facts) for check in checks] == [("unknown", ()), ("violated", ())]


def test_a_fact_that_is_added_counts(bundle: Bundle, installation: Installation) -> None:
    pressure = Observer("hand")("node.condition", "node/node-a", type="MemoryPressure", status="True")

    more = replay(bundle, installation.reasoning(), plus=[pressure])

    assert pressure in more.seen.facts


def test_a_fact_that_is_not_there_cannot_be_left_out(bundle: Bundle, installation: Installation) -> None:
    with pytest.raises(InputError, match="no fact 'f000000000000' in the bundle"):
        replay(bundle, installation.reasoning(), without=["f000000000000"])


def test_a_fact_outside_the_vocabulary_cannot_be_added(bundle: Bundle, installation: Installation) -> None:
    with pytest.raises(InputError, match="unknown fact kind"):
        replay(bundle, installation.reasoning(), plus=[Observer("hand")("no.such", "node/a")])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is no bundle"),
        (b"not gzip", "is no bundle"),
        (gzip.compress(b"{}", mtime=0), "is no bundle"),
        (gzip.compress(b"[1, 2", mtime=0), "is no bundle"),
        (gzip.compress(b"{}", mtime=0)[:-9], "is no bundle"),
    ],
)
def test_a_file_that_is_no_bundle_is_refused_by_name(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "bad.bundle").write_bytes(content)

    with pytest.raises(InputError, match=rf"bad\.bundle: {why}"):
        read_bundle(tmp_path / "bad.bundle")


def test_another_format_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    write_bundle(msgspec.structs.replace(bundle, format=99), tmp_path / "new.bundle")

    with pytest.raises(InputError, match="has format 99"):
        read_bundle(tmp_path / "new.bundle")


def test_a_bundle_that_blows_up_is_refused(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bundle(bundle, tmp_path / "big.bundle")
    monkeypatch.setattr("sre_orchestrator.core.bundle.MAX_BYTES", 100)

    with pytest.raises(InputError, match="more than 100 bytes"):
        read_bundle(tmp_path / "big.bundle")


def test_a_place_that_cannot_be_written_is_named(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent.*cannot be written"):
        write_bundle(bundle, tmp_path / "absent" / "one.bundle")


def test_a_bundle_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: is no bundle: .*No such file"):
        read_bundle(tmp_path / "nowhere")
