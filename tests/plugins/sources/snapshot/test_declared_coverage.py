"""What ``snapshot.yaml`` says of its own completeness."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.sources.snapshot import open_snapshot


@pytest.mark.parametrize(
    ("declared", "complete"),
    [("[shop]", {"shop"}), ("[]", set()), ("only what describe showed", set()), (None, {"shop", "other"})],
)
def test_events_are_complete_where_the_snapshot_says_so(
    tmp_path: Path, declared: str | None, complete: set[str]
) -> None:
    events = tmp_path / "cluster-resources" / "events"
    events.mkdir(parents=True)
    for namespace in ("shop", "other"):
        (events / f"{namespace}.json").write_text('{"kind": "EventList", "items": []}')
    coverage = "" if declared is None else f"coverage:\n  events: {declared}\n"
    (tmp_path / "snapshot.yaml").write_text(f"format: 1\nquestion: why\n{coverage}")

    with open_snapshot(tmp_path, SnapshotLimits()) as snapshot:
        listing = anyio.run(snapshot.list, Event)

        assert listing.complete_in == complete
        assert snapshot.info.question == "why"
