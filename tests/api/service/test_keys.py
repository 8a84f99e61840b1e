"""API keys: kept as digests, valid until they expire or are revoked, several of a name at a time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from investigation import NOW

from sre_orchestrator.api.service.models import Arrival, Query, Reported
from sre_orchestrator.api.service.security.keys import caller_of, create_key
from sre_orchestrator.api.service.store import Database, open_database
from sre_orchestrator.core.errors import InputError


@pytest.fixture
def store(tmp_path: Path) -> Database:
    return open_database("", tmp_path)


def test_a_key_tells_who_calls_and_what_they_may_do(store: Database) -> None:
    _, key = create_key(store.keys, "team", ["read", "report", "read"], namespaces=["shop", "bank", "shop"], now=NOW)

    caller = caller_of(store.keys, key, NOW)

    assert caller is not None
    assert (caller.name, caller.scopes, caller.namespaces) == ("key:team", {"read", "report"}, ("bank", "shop"))


def test_the_database_holds_no_key(tmp_path: Path) -> None:
    store = open_database("", tmp_path)
    record, key = create_key(store.keys, "team", ["read"], now=NOW)
    store.close()

    secret = key.rpartition(f"{record.id}_")[2]
    held = b"".join(one.read_bytes() for one in tmp_path.iterdir())
    assert record.id.encode() in held
    assert secret.encode() not in held
    assert len(secret) == 43


def test_two_keys_of_a_name_are_valid_until_the_old_one_is_revoked(store: Database) -> None:
    old, first = create_key(store.keys, "team", ["read"], now=NOW)
    _, second = create_key(store.keys, "team", ["read"], now=NOW)
    before = [caller_of(store.keys, one, NOW) is not None for one in (first, second)]

    revoked = store.keys.revoke(old.id, NOW)

    assert before == [True, True]
    assert [one.id for one in revoked] == [old.id]
    assert [caller_of(store.keys, one, NOW) is not None for one in (first, second)] == [False, True]


def test_revoking_a_name_revokes_every_key_of_it_once(store: Database) -> None:
    for name in ("team", "team", "other"):
        create_key(store.keys, name, ["read"], now=NOW)

    first, again = (store.keys.revoke("team", NOW) for _ in range(2))

    assert (len(first), len(again)) == (2, 0)
    assert [(one.name, one.revoked_at is None) for one in store.keys.list()] == [
        ("other", True), ("team", False), ("team", False),
    ]  # fmt: skip


def test_a_key_ends_at_its_time(store: Database) -> None:
    end = NOW + timedelta(days=1)
    _, key = create_key(store.keys, "team", ["read"], now=NOW, expires_at=end)

    assert caller_of(store.keys, key, end - timedelta(seconds=1)) is not None
    assert caller_of(store.keys, key, end) is None


def test_what_is_no_key_is_nobody(store: Database) -> None:
    record, key = create_key(store.keys, "team", ["read"], now=NOW)
    other = create_key(store.keys, "other", ["read"], now=NOW)[1]
    mixed = f"sre_{record.id}_{other[-43:]}"

    for text in ("", "sre_", key[:-1], key + "x", key.upper(), f"sre_{'0' * 12}_{key[-43:]}", mixed, "é" * 60):
        assert caller_of(store.keys, text, NOW) is None


@pytest.mark.parametrize(
    ("name", "namespaces", "days", "why"),
    [
        ("", (), 1, "key name"),
        ("a b", (), 1, "key name"),
        ("a", ("B,c",), 1, "namespace"),
        ("a", (), 0, "expired"),
        ("a", ("shop",) * 101, 1, "100 namespaces"),
    ],
)
def test_a_key_that_cannot_be_is_refused(
    store: Database, name: str, namespaces: tuple[str, ...], days: int, why: str
) -> None:
    with pytest.raises(InputError, match=why):
        create_key(store.keys, name, ["read"], namespaces=namespaces, now=NOW, expires_at=NOW + timedelta(days=days))

    assert store.keys.list() == []


@pytest.mark.parametrize(
    ("namespace", "seen"),
    [
        ("shop", True),
        ("shop,bank", True),
        ("bank, shop", True),
        ("", False),
        ("shop,other", False),
        ("other", False),
        ("shopping", False),
        ("shop,shopping", False),
        ("%", False),
        ("sho_", False),
    ],
)
def test_a_list_for_some_namespaces_holds_what_is_wholly_in_them(store: Database, namespace: str, seen: bool) -> None:
    store.accept(Arrival(reported=Reported(description="x", namespace=namespace), origin="api"), NOW)

    assert len(store.list(Query(namespaces=("shop", "bank", "shop"))).items) == seen
    assert len(store.list(Query()).items) == 1


def test_a_list_for_as_many_namespaces_as_a_key_may_have_is_answered(store: Database) -> None:
    store.accept(Arrival(reported=Reported(description="x", namespace="n7,n99"), origin="api"), NOW)

    assert len(store.list(Query(namespaces=tuple(f"n{number}" for number in range(100)))).items) == 1
