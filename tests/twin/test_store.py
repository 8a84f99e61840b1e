"""What the store keeps, refuses and survives."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Component, Edge
from sre_orchestrator.core.ports import Delta, Position, Record
from sre_orchestrator.twin import pruning
from sre_orchestrator.twin.store import TwinStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=10)
CART = Component(id="deployment/shop/cart", attributes={"replicas": 2, "paused": False, "images": "cart:1"}, since=NOON)
SERVICE = Component(id="service/shop/cart")
NODE = Component(id="node/worker-1")
OWNS = Edge(source=CART.id, kind="owns", target="replicaset/shop/cart-1")
BACKS = Edge(source=SERVICE.id, kind="depends_on", target=CART.id, provenance="spec.selector")


@pytest.fixture
def twin() -> Iterator[TwinStore]:
    store = TwinStore()
    yield store
    store.close()


def test_what_was_synced_is_read_back_sorted(twin: TwinStore) -> None:
    twin.sync([SERVICE, NODE, CART], [BACKS], NOON)

    assert twin.components() == (CART, NODE, SERVICE)
    assert twin.edges() == (BACKS,)


def test_components_are_found_by_kind_and_namespace(twin: TwinStore) -> None:
    elsewhere = Component(id="deployment/bank/cart")
    twin.sync([CART, SERVICE, NODE, elsewhere], [], NOON)

    assert twin.components("deployment") == (elsewhere, CART)
    assert twin.components(namespace="shop") == (CART, SERVICE)
    assert twin.components("deployment", "bank") == (elsewhere,)


def test_edges_are_found_by_either_end(twin: TwinStore) -> None:
    owns = Edge(source=CART.id, kind="owns", target="replicaset/shop/cart-1")
    runs = Edge(source="pod/shop/x", kind="runs_on", target=NODE.id)
    twin.sync([CART], [BACKS, owns, runs], NOON)

    assert twin.edges([CART.id]) == (owns, BACKS)
    assert twin.edges([NODE.id]) == (runs,)
    assert twin.edges([]) == ()


def test_the_same_snapshot_twice_changes_nothing(twin: TwinStore) -> None:
    twin.sync([CART, SERVICE], [BACKS], NOON)
    twin.sync([SERVICE, CART], [BACKS], LATER)

    assert twin.changes(NOON + timedelta(seconds=1), LATER) == ()
    assert twin.diff(NOON, LATER) == twin.diff(NOON, NOON)


def test_an_edge_from_several_sources_keeps_every_provenance(twin: TwinStore) -> None:
    declared = Edge(source=BACKS.source, kind=BACKS.kind, target=BACKS.target, provenance="declared")
    silent = Edge(source=BACKS.source, kind=BACKS.kind, target=BACKS.target)
    twin.sync([], [BACKS, declared, silent, BACKS], NOON)

    assert [edge.provenance for edge in twin.edges()] == ["declared; spec.selector"]


def test_one_name_in_two_namespaces_is_two_components(twin: TwinStore) -> None:
    other = Component(id="service/bank/cart")
    twin.sync([SERVICE, other], [], NOON)
    twin.sync([other], [], LATER)

    assert twin.components() == (other,)


def test_unicode_names_are_kept(twin: TwinStore) -> None:
    odd = Component(id="service/käse-🧀/größe", attributes={"label": "日本語 'quoted' \"; DROP TABLE component"})
    edge = Edge(source=odd.id, kind="depends_on", target="service/x/ł", provenance="env ŻÓŁW")
    twin.sync([odd], [edge], NOON)

    assert twin.components() == (odd,)
    assert twin.edges([odd.id]) == (edge,)
    assert twin.neighbours(odd.id) == ("service/x/ł",)


def test_a_second_sync_at_the_same_time_corrects_the_first(twin: TwinStore) -> None:
    twin.sync([CART], [BACKS], NOON)
    twin.sync([SERVICE], [], NOON)

    assert twin.as_of(NOON).components == (SERVICE,)
    assert twin.as_of(NOON).edges == ()


def test_history_is_fed_oldest_first(twin: TwinStore) -> None:
    twin.sync([CART], [], LATER)

    with pytest.raises(InputError, match="history is fed oldest first"):
        twin.sync([SERVICE], [], NOON)
    assert twin.components() == (CART,)


def test_a_file_keeps_the_twin(tmp_path: Path) -> None:
    path = tmp_path / "state" / "twin.db"
    first = TwinStore(path)
    first.sync([CART], [BACKS], NOON)
    first.close()

    again = TwinStore(path)

    assert again.components() == (CART,)
    assert again.edges() == (BACKS,)
    again.close()


def test_a_file_is_read_while_it_is_written(tmp_path: Path) -> None:
    writer, reader = TwinStore(tmp_path / "twin.db"), TwinStore(tmp_path / "twin.db")
    writer.sync([CART], [], NOON)

    def unfinished() -> Iterator[Component]:
        yield SERVICE
        assert reader.components() == (CART,)

    writer.sync(unfinished(), [], LATER)

    assert reader.components() == (SERVICE,)
    writer.close()
    reader.close()


def test_a_sync_that_fails_leaves_what_was_there(twin: TwinStore) -> None:
    twin.sync([CART], [BACKS], NOON)

    def broken() -> Iterator[Edge]:
        yield BACKS
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        twin.sync([SERVICE], broken(), LATER)
    assert twin.components() == (CART,)
    assert twin.edges() == (BACKS,)


DB = Component(id="deployment/shop/db", attributes={"replicas": 1})


def delta(**parts: object) -> Delta:
    return Delta(**parts)  # type: ignore[arg-type]


def test_a_delta_changes_what_it_names_and_nothing_else(twin: TwinStore) -> None:
    twin.sync([CART, SERVICE], [BACKS], NOON)
    scaled = Component(id=CART.id, attributes={"replicas": 3}, since=NOON)
    uses = Edge(source=CART.id, kind="depends_on", target=DB.id, provenance="env DB_ADDR")

    at = twin.apply(delta(components=(scaled, DB), edges=(uses,), gone=(SERVICE.id,), edges_gone=(BACKS,)), LATER)

    assert at == LATER
    assert twin.components() == (scaled, DB)
    assert twin.edges() == (uses,)
    assert twin.as_of(NOON).components == (CART, SERVICE)


def test_a_delta_that_is_applied_again_changes_nothing(twin: TwinStore) -> None:
    twin.sync([CART, SERVICE], [BACKS], NOON)
    again = delta(components=(DB,), edges=(BACKS,), gone=(SERVICE.id, "pod/shop/never"), edges_gone=(OWNS,))
    twin.apply(again, LATER)
    before = twin.changes(NOON, LATER)

    twin.apply(again, LATER)

    assert twin.changes(NOON, LATER + timedelta(hours=1)) == before
    assert twin.components() == (CART, DB)


def test_a_whole_delta_closes_what_it_does_not_name(twin: TwinStore) -> None:
    twin.sync([CART, SERVICE], [BACKS], NOON)

    twin.apply(delta(components=(SERVICE,), whole=True), LATER)

    assert twin.components() == (SERVICE,)
    assert twin.edges() == ()


def test_merged_provenances_stay_merged_once(twin: TwinStore) -> None:
    merged = Edge(source=BACKS.source, kind=BACKS.kind, target=BACKS.target, provenance="declared; spec.selector")
    twin.sync([], [BACKS, merged], NOON)

    assert twin.edges() == (merged,)


def test_a_clock_that_is_set_back_does_not_stop_the_twin(twin: TwinStore) -> None:
    twin.sync([CART], [], LATER)

    at = twin.apply(delta(components=(DB,)), NOON)

    assert LATER < at < LATER + timedelta(seconds=1)
    assert twin.components() == (CART, DB)
    assert twin.as_of(LATER).components == (CART,)


def test_records_and_positions_are_kept_for_the_source_that_gave_them(twin: TwinStore) -> None:
    one, other = Record(kind="Pod", id="pod/shop/a", content=b"a"), Record(kind="Pod", id="pod/shop/b", content=b"b")
    twin.apply(delta(records=(other, one), positions=(Position(kind="Pod", version="1", notes=b"x"),)), NOON)
    newer = Record(kind="Pod", id="pod/shop/a", content=b"aa")
    gone = Record(kind="Pod", id="pod/shop/b")

    twin.apply(delta(records=(newer, gone), positions=(Position(kind="Pod", version="2"),)), LATER)

    assert twin.records() == (newer,)
    assert twin.positions() == (Position(kind="Pod", version="2"),)


def test_what_was_kept_of_one_cluster_is_not_given_to_another(twin: TwinStore) -> None:
    twin.belong_to("one", "1.0")
    twin.apply(delta(components=(CART,), records=(Record(kind="Pod", id="a", content=b"a"),)), NOON)
    twin.apply(delta(positions=(Position(kind="Pod", version="2"),)), NOON)

    twin.belong_to("one", "1.0")
    assert twin.records()
    twin.belong_to("other", "1.0")

    assert (twin.records(), twin.positions()) == ((), ())
    assert twin.components() == (CART,)


def test_what_a_new_version_of_the_program_reads_differently_is_no_change(twin: TwinStore) -> None:
    twin.belong_to("one", "1.0")
    twin.apply(delta(components=(CART, SERVICE, NODE), edges=(BACKS,), whole=True), NOON)
    twin.belong_to("one", "1.1")
    richer = Component(id=CART.id, attributes={**CART.attributes, "paused": True}, since=NOON)
    better = Edge(source=BACKS.source, kind=BACKS.kind, target=BACKS.target, provenance="declared")

    twin.apply(delta(components=(richer, SERVICE, DB), edges=(better, OWNS), whole=True), LATER)

    changes = twin.changes(NOON + timedelta(seconds=1), LATER)
    assert [one.text for one in changes] == [f"{DB.id} created", f"{NODE.id} removed"]
    assert twin.components() == (richer, DB, SERVICE)
    assert twin.edges() == (OWNS, better)
    twin.apply(delta(components=(CART, SERVICE, DB), edges=(better, OWNS), whole=True), LATER + timedelta(hours=1))
    assert twin.changes(LATER + timedelta(minutes=1), LATER + timedelta(hours=2))[0].text == (
        f"{CART.id} changed: paused True → False"
    )


def test_the_first_version_of_the_program_begins_a_history(twin: TwinStore) -> None:
    twin.belong_to("one", "1.0")
    for minute in range(2):
        twin.apply(
            delta(components=(Component(id=CART.id, attributes={"n": minute}),), whole=True),
            NOON + timedelta(minutes=minute),
        )

    assert [one.text for one in twin.changes(NOON, LATER)] == [f"{CART.id} changed: n 0 → 1"]


def history(twin: TwinStore, minutes: int) -> None:
    """Change one component and one edge each minute after noon."""
    for minute in range(minutes):
        edge = Edge(source=BACKS.source, kind=BACKS.kind, target=BACKS.target, provenance=f"{minute:>01000}")
        component = Component(id=CART.id, attributes={"replicas": minute, "images": "x" * 1000})
        twin.sync([component], [edge], NOON + timedelta(minutes=minute))


def forgotten(twin: TwinStore, older_than: datetime, most_bytes: int) -> int:
    """Prune until nothing is left to prune; return how much went."""
    total = 0
    while some := twin.prune(older_than, most_bytes):
        total += some
    return total


def test_history_is_forgotten_by_age_and_the_present_never(twin: TwinStore) -> None:
    history(twin, 10)

    assert forgotten(twin, NOON + timedelta(minutes=5), 2**30) == 8

    assert [one.at.minute for one in twin.changes(NOON, LATER)] == [5, 6, 7, 8, 9]
    assert forgotten(twin, LATER + timedelta(days=1), 2**30) == 10
    assert twin.components()[0].attributes["replicas"] == 9
    assert len(twin.edges()) == 1


def test_history_is_forgotten_by_size_oldest_first_and_the_file_shrinks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "ROWS", 20)
    path = tmp_path / "twin.db"
    twin = TwinStore(path)
    history(twin, 500)
    twin.close()
    twin, full = TwinStore(path), path.stat().st_size

    gone = forgotten(twin, NOON, full // 2)

    assert 0 < gone < 998
    newest = NOON + timedelta(minutes=499)
    assert len(twin.changes(newest - timedelta(minutes=50), newest)) >= 50
    twin.close()
    assert path.stat().st_size <= full // 2
    with closing(sqlite3.connect(path)) as checked:
        assert checked.execute("PRAGMA integrity_check").fetchone() == ("ok",)


WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sre_orchestrator.core.models import Component, Edge
from sre_orchestrator.core.ports import Delta, Position, Record
from sre_orchestrator.twin.store import TwinStore

twin = TwinStore(Path(sys.argv[1]))
for n in range(int(twin.positions()[0].version) + 1 if twin.positions() else 1, 100_000):
    names = [f"pod/shop/p-{one}" for one in range(n % 7, n % 7 + 20)]
    twin.apply(Delta(
        components=tuple(Component(id=name, attributes={"batch": n}) for name in names),
        gone=tuple(f"pod/shop/p-{one}" for one in range(27) if f"pod/shop/p-{one}" not in names),
        edges=tuple(Edge(source="service/shop/s", kind="selects", target=name, provenance=str(n)) for name in names),
        edges_gone=tuple(
            Edge(source="service/shop/s", kind="selects", target=f"pod/shop/p-{one}")
            for one in range(27) if f"pod/shop/p-{one}" not in names
        ),
        records=tuple(Record(kind="Pod", id=name, content=str(n).encode()) for name in names),
        positions=(Position(kind="Pod", version=str(n)),),
    ), datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=n))
    print(n, flush=True)
"""


def test_a_process_that_is_killed_loses_nothing_that_it_acknowledged_and_leaves_no_half(tmp_path: Path) -> None:
    path, chance, acknowledged = tmp_path / "twin.db", random.Random(7), 0
    for _ in range(4):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout
            for _ in range(chance.randrange(1, 40)):
                acknowledged = int(writer.stdout.readline())
            writer.kill()
            acknowledged = max([acknowledged, *(int(line) for line in writer.stdout if line.endswith("\n"))])

        twin = TwinStore(path)
        (position,) = twin.positions()
        reached = int(position.version)
        assert reached - acknowledged in {0, 1}
        names = {f"pod/shop/p-{one}" for one in range(reached % 7, reached % 7 + 20)}
        assert {one.id for one in twin.components()} == names
        assert {one.attributes["batch"] for one in twin.components()} == {reached}
        assert {(one.target, one.provenance) for one in twin.edges()} == {(name, str(reached)) for name in names}
        assert {one.content for one in twin.records() if one.id in names} == {position.version.encode()}
        twin.close()


def test_a_file_that_is_no_twin_is_named(tmp_path: Path) -> None:
    path = tmp_path / "twin.db"
    path.write_bytes(b"not a database at all, but long enough to look at" * 50)

    with pytest.raises(InputError, match=r"twin\.db.*remove it to build it again"):
        TwinStore(path)


OLD = """
CREATE TABLE component (id TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, attributes TEXT NOT NULL,
    since TEXT NOT NULL, valid_from TEXT NOT NULL, valid_to TEXT);
CREATE UNIQUE INDEX component_now ON component (id) WHERE valid_to IS NULL;
CREATE TABLE edge (source TEXT NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL, provenance TEXT NOT NULL,
    valid_from TEXT NOT NULL, valid_to TEXT);
INSERT INTO component VALUES ('node/a', 'node', '', '{}', '', '2026-03-01T11:00:00.000000+00:00', '2026-03-01T12:00:00.000000+00:00');
INSERT INTO component VALUES ('node/a', 'node', '', '{"unschedulable":true}', '', '2026-03-01T12:00:00.000000+00:00', NULL);
PRAGMA user_version = 1;
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a file of version 1."""
    path = tmp_path / "twin.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD)
    return path


def test_a_file_of_the_version_before_is_brought_up_to_date_with_its_history(old: Path) -> None:
    twin = TwinStore(old)

    assert twin.as_of(NOON - timedelta(minutes=1)).components == (Component(id="node/a"),)
    assert [one.text for one in twin.changes(NOON, LATER)] == ["node/a changed: unschedulable none → True"]
    twin.apply(delta(components=(CART,), positions=(Position(kind="Pod", version="1"),)), LATER)
    twin.close()
    again = TwinStore(old)
    assert [one.id for one in again.components()] == [CART.id, "node/a"]
    again.close()


def test_a_reader_takes_a_file_of_the_version_before_as_it_is(old: Path) -> None:
    reader = TwinStore(old, read_only=True)

    assert [one.id for one in reader.components()] == ["node/a"]
    reader.close()
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_reader_writes_nothing_and_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no twin; keep one with: sre-orchestrator twin follow"):
        TwinStore(tmp_path / "twin.db", read_only=True)
    TwinStore(tmp_path / "twin.db").close()
    reader = TwinStore(tmp_path / "twin.db", read_only=True)

    with pytest.raises(InputError, match="readonly"):
        reader.apply(delta(components=(CART,)), NOON)
    reader.close()


READER = """
import sys
from pathlib import Path
from sre_orchestrator.twin.store import TwinStore

for _ in sys.stdin:
    print(len(TwinStore(Path(sys.argv[1]), read_only=True).components()), flush=True)
"""


def test_another_process_reads_while_this_one_writes(tmp_path: Path) -> None:
    path = tmp_path / "twin.db"
    twin = TwinStore(path)
    twin.sync([CART], [BACKS], NOON)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", READER, str(path)], **pipes) as reader:  # type: ignore[call-overload]
        counts = []
        for minute in range(1, 4):
            twin.sync(
                [CART, *(Component(id=f"pod/shop/{n}") for n in range(minute))], [], NOON + timedelta(minutes=minute)
            )
            reader.stdin.write("look\n")
            reader.stdin.flush()
            counts.append(int(reader.stdout.readline()))
        reader.stdin.close()

    assert counts == [2, 3, 4]
    twin.close()


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    TwinStore(tmp_path / "twin.db").close()

    assert (tmp_path / "twin.db").stat().st_mode & 0o777 == 0o600


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "twin.db"
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()

    with pytest.raises(InputError, match="another version"):
        TwinStore(path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")

    with pytest.raises(InputError, match="state"):
        TwinStore(tmp_path / "state" / "twin.db")


@pytest.mark.parametrize("since", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00"])
def test_a_time_that_utc_does_not_have_is_kept_as_near_as_can_be(twin: TwinStore, since: str) -> None:
    at = datetime.fromisoformat(since)
    twin.sync([Component(id="pod/shop/late", since=at)], [], NOON)

    assert twin.components()[0].since == at.replace(tzinfo=UTC)
