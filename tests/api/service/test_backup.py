"""Backups as docs/how-to/back-up.md tells: taken while the service writes, and whole."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from postgres import fresh_database, program_of
from reports import report
from scripted import NOW, accept, status
from service import bundle_of

from sre_orchestrator.api.service.store import open_database


def vacuum_into(_: str, folder: Path) -> str:
    (folder / "restored").mkdir()
    with closing(sqlite3.connect(folder / "service.db")) as connection:
        connection.execute("VACUUM INTO ?", [str(folder / "restored" / "service.db")])
    return f"sqlite:///{folder}/restored/service.db"


def dump(url: str, folder: Path) -> str:
    file, empty = folder / "sre.dump", fresh_database()
    options = ["--format=custom", "--exclude-schema=queue_*", f"--file={file}"]
    subprocess.run([program_of("pg_dump"), *options, url], check=True)
    subprocess.run([program_of("pg_restore"), "--no-owner", f"--dbname={empty}", str(file)], check=True)
    return empty


@pytest.mark.parametrize(("database", "back_up"), [("sqlite", vacuum_into), ("postgresql", dump)])
def test_a_backup_holds_everything(tmp_path: Path, database: str, back_up: Callable[[str, Path], str]) -> None:
    url = fresh_database() if database == "postgresql" else ""
    with closing(open_database(url, tmp_path)) as store:
        done, queued = accept(store, "done", "queued")
        store.claim(NOW, done)
        store.finish(done, bundle_of(report()), NOW)

        restored = back_up(url, tmp_path)

    with closing(open_database(restored, tmp_path)) as store:
        assert (status(store, done), status(store, queued)) == ("done", "queued")
        assert store.bundle(done)
