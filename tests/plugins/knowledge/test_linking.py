"""Alerts are linked with runbooks by link and name, and with causes by words; what is confirmed counts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.knowledge import Document, Passage
from sre_orchestrator.core.models import Cause, Hypothesis
from sre_orchestrator.core.ports import Around
from sre_orchestrator.plugins.knowledge.advising import Adviser
from sre_orchestrator.plugins.knowledge.alert_links import Proposed, proposed
from sre_orchestrator.plugins.knowledge.library import Library
from sre_orchestrator.plugins.knowledge.linking import MOST, Proposer
from sre_orchestrator.plugins.knowledge.links import Linked, Links, read_links
from sre_orchestrator.plugins.sources.alert_rules import AlertRule

TITLES = {
    "clock-skew": "The clock of a node is wrong",
    "certificate-expired": "A certificate has expired",
    "quota-memory-exceeded": "The memory quota of a namespace is used up",
    "quota-cpu-exceeded": "The CPU quota of a namespace is used up",
    "quota-pods-exceeded": "The quota of pods is used up",
    "quota-storage-exceeded": "The storage quota of a namespace is used up",
    "disk-full": "A disk has no room",
}
CAUSES = {
    name: Cause(id=name, title=title, category="x", blamed_on="workload", about=title) for name, title in TITLES.items()
}
PROPOSER = Proposer(CAUSES, {"clock-skew": ["The time service of a node drifts"]})


def document(address: str, text: str = "Look at it.", title: str = "") -> Document:
    passage = Passage(headings=(title or Path(address).stem,), text=text)
    return Document(
        address=address, title=title or Path(address).stem, format="markdown", digest="d", passages=(passage,)
    )


def linked(*documents: Document, rules: tuple[AlertRule, ...] = ()) -> list[Proposed]:
    with closing(Library()) as library:
        library.keep(documents)
        return list(proposed(library, rules, PROPOSER))


def test_a_cause_is_proposed_by_telling_words() -> None:
    (found,) = PROPOSER.propose("NodeClockSkewDetected", "Clocks drift. Look at the time service.")

    assert found.cause == "clock-skew"
    assert {"clock", "skew"} <= set(found.words)
    assert 0.35 <= found.score <= 1


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("PodNotReady", "The pod fails, and its container has an error."),
        ("SomethingElse", "The clock skew of a node."),
        ("MemoryHigh", "It uses too much."),
        ("", ""),
    ],
)
def test_words_that_tell_nothing_propose_nothing(head: str, body: str) -> None:
    assert PROPOSER.propose(head, body) == ()


class Compass:
    """Embeds into two directions: what is about clocks, and everything else."""

    name = digest = "compass"

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Return a direction for each text."""
        return [(1.0, 0.0) if "The clock" in text else (0.0, 1.0) for text in texts]

    def close(self) -> None:
        """Hold nothing."""


def test_what_means_something_else_is_not_proposed() -> None:
    proposer = Proposer(CAUSES, {}, Compass())

    alike = proposer.propose("ClockSkew", "The clock drifts.")
    again = proposer.propose("ClockSkew", "The clock drifts.")

    assert [one.cause for one in alike] == ["clock-skew"]
    assert alike[0].score > PROPOSER.propose("ClockSkew", "The clock drifts.")[0].score
    assert again == alike
    assert proposer.propose("ClockSkew", "Skewed clocks of an artist.") == ()
    assert PROPOSER.propose("ClockSkew", "Skewed clocks of an artist.") != ()
    assert proposer.propose("Nothing", "") == ()


def test_few_causes_are_proposed_likest_first() -> None:
    found = PROPOSER.propose("QuotaExceeded", "The quota of memory, CPU, pods or storage is used up.")

    assert len(found) == MOST
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_an_alert_has_the_runbook_that_its_rule_links_to_or_that_is_called_like_it() -> None:
    skew = AlertRule(
        name="ClockSkew", annotations={"runbook_url": "https://x/clock-drift", "summary": "Clock skew detected"}
    )
    page = AlertRule(name="Page", annotations={"runbook_url": "https://wiki/page", "description": "A page."})
    loose = AlertRule(name="CertificateExpired", annotations={"runbook_url": "https://x/{{ $labels.a }}"})
    gone = AlertRule(name="Gone", annotations={"runbook_url": "https://x/gone"})
    found = linked(
        document("/r/clock-drift.md"), document("https://wiki/page", title="The page"),
        document("/r/CertificateExpired.md", "A certificate has expired."), document("/r/disk-full.md"),
        rules=(skew, page, loose, gone, gone),
    )  # fmt: skip

    assert [(one.alert, one.runbook, one.by) for one in found] == [
        ("CertificateExpired", "/r/CertificateExpired.md", "name"),
        ("ClockSkew", "/r/clock-drift.md", "runbook_url"),
        ("Gone", "", ""),
        ("Page", "https://wiki/page", "runbook_url"),
        ("disk-full", "/r/disk-full.md", "name"),
    ]
    assert [[cause.cause for cause in one.causes] for one in found] == [
        ["certificate-expired"], ["clock-skew"], [], [], ["disk-full"],
    ]  # fmt: skip


def test_confirmed_links_are_read(tmp_path: Path) -> None:
    path = tmp_path / "links.yaml"
    path.write_text("ClockSkew: {runbook: clock, causes: [clock-skew]}\nBare: {causes: [clock-skew]}\n")

    links = read_links(path)

    assert links.for_cause("clock-skew") == ("clock",)
    assert links.for_alerts(["ClockSkew", "Bare", "Else"]) == ("clock",)
    path.write_text("# nothing yet\n")
    assert read_links(path) == Links()


@pytest.mark.parametrize("text", ["ClockSkew: [x]", "ClockSkew: {runbok: x}", None])
def test_links_that_cannot_be_read_are_told(tmp_path: Path, text: str | None) -> None:
    if text:
        (tmp_path / "links.yaml").write_text(text)

    with pytest.raises(InputError, match=r"links\.yaml: .*; write ALERT: \{runbook: ADDRESS, causes"):
        read_links(tmp_path / "links.yaml")


@pytest.mark.parametrize(("runbook", "cause", "alerts"), [("/r/a.md", "clock-skew", ()), ("a", "else", ("ClockSkew",))])
def test_what_was_confirmed_is_advised(runbook: str, cause: str, alerts: tuple[str, ...]) -> None:
    links = Links(alerts={"ClockSkew": Linked(runbook=runbook, causes=("clock-skew",))})
    hypothesis = Hypothesis(cause=cause, component="node/a", title="t", category="x", confidence=0.5, because="b")
    around = Around(at=datetime(2030, 1, 1, tzinfo=UTC), alerts=alerts)
    with closing(Library()) as library:
        library.keep([document("/r/a.md", "Set the clock."), document("/r/b.md", "Something else.")])

        with_links = Adviser(lambda: [library], links=links).advise(hypothesis, around)
        without = Adviser(lambda: [library]).advise(hypothesis, around)

    assert [one.address for one in with_links] == ["/r/a.md"]
    assert without == ()
