"""``sre-orchestrator keys``."""

from __future__ import annotations

import json
import re
from pathlib import Path

from command_line import Run


def test_a_key_is_printed_once_listed_without_its_secret_and_revoked(run: Run, tmp_path: Path) -> None:
    where = ("--state-dir", tmp_path)

    made = run("keys", "create", "shop-team", "--namespace", "shop", "--days", "90", *where)
    text = run("keys", "list", *where)
    listed = json.loads(run("keys", "list", "--format", "json", *where).out)
    gone = run("keys", "revoke", "shop-team", *where)
    after = run("keys", "list", *where)

    key = made.out.strip()
    assert re.fullmatch(r"sre_[0-9a-f]{12}_[\w-]{43}", key)
    assert key[-43:] not in made.err + text.out + json.dumps(listed) + gone.out + after.out
    assert "shop-team  read+report in shop, until 20" in text.out
    assert (listed[0]["name"], listed[0]["scopes"], listed[0]["namespaces"]) == (
        "shop-team", ["read", "report"], ["shop"],
    )  # fmt: skip
    assert (gone.code, listed[0]["id"] in gone.out, "revoked" in after.out) == (0, True, True)


def test_scopes_are_chosen_and_a_key_may_have_no_end(run: Run, tmp_path: Path) -> None:
    run("keys", "create", "root", "--scope", "admin", "--state-dir", tmp_path)

    assert "root  admin in every namespace, without an end" in run("keys", "list", "--state-dir", tmp_path).out


def test_what_cannot_be_made_or_revoked_is_refused(run: Run, tmp_path: Path) -> None:
    where = ("--state-dir", tmp_path)
    results = [
        run("keys", "revoke", "nobody", *where),
        run("keys", "create", "a b", *where),
        run("keys", "create", "a", "--days", "1e300", *where),
        run("keys", "create", "a", "--days", "0", *where),
    ]

    assert [one.code for one in results] == [2, 2, 2, 2]
    assert "keys list" in results[0].err
