"""A real PostgreSQL for tests: one server for each test process, a fresh database for each that asks.

::

    address = fresh_database()  # postgresql://sre:word@127.0.0.1:PORT/test_1
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path

from extras import absent, need
from metric_servers import free_port, until

PASSWORD = "word-of-the-database"
_NUMBERS: Iterator[int] = count(1)


def fresh_database() -> str:
    """Return the address of an empty database; skip the test where there is no PostgreSQL."""
    need("psycopg", "postgres")
    import psycopg  # noqa: PLC0415 - optional

    port = _server()
    name = f"test_{next(_NUMBERS)}"
    with psycopg.connect(_address(port, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type] # no user's text
    return _address(port, name)


def program_of(name: str) -> str:
    """Return the path of a program of PostgreSQL; Debian keeps the server's off the ``PATH``."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ["PATH"]]))
    if found is None:
        absent(f"{name} is not installed (Debian: apt-get install postgresql)")
        raise AssertionError
    return found


def _address(port: int, name: str) -> str:
    return f"postgresql://sre:{PASSWORD}@127.0.0.1:{port}/{name}"


@cache
def _server() -> int:
    """Start the server of this process; it ends with it."""
    initdb, postgres = program_of("initdb"), program_of("postgres")
    folder = Path(tempfile.mkdtemp(prefix="sre-postgres-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "password").write_text(PASSWORD, encoding="utf-8")
    user = owned(folder)
    data, port = folder / "data", free_port()
    made = [initdb, "-D", str(data), "-U", "sre", "--pwfile", str(folder / "password"), "-A", "scram-sha-256"]
    subprocess.run([*made, "-E", "UTF8", "--locale=C", "--no-sync"], check=True, capture_output=True, user=user)
    options = ("fsync=off", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", "max_connections=300")
    command = [postgres, "-D", str(data), "-p", str(port), *(part for one in options for part in ("-c", one))]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=folder)
    atexit.register(_stop, process)
    until(lambda: process.poll() is not None or _answers(port), 30)
    assert process.poll() is None, (folder / "log").read_text(encoding="utf-8")
    return port


def owned(folder: Path) -> str | None:
    """Give a folder to who may run the server, and return who: PostgreSQL refuses root, Debian makes a user for it."""
    if os.geteuid() != 0:
        return None
    owner = pwd.getpwnam("postgres")
    for one in (folder, *folder.iterdir()):
        os.chown(one, owner.pw_uid, owner.pw_gid)
    return owner.pw_name


def _answers(port: int) -> bool:
    import psycopg  # noqa: PLC0415 - optional

    try:
        psycopg.connect(_address(port, "postgres")).close()
    except psycopg.OperationalError:
        return False
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGQUIT)
    process.wait(30)
