"""Real databases, caches and brokers for tests, each started when it is first asked for, on loopback, ended by its id.

::

    server = mariadb()                   # one for each test process, started lazily
    with redis_server("--maxmemory", "2mb") as port: ...
    with postgres_server("max_connections=12") as server: server.url("monitor")

All have an account ``sre`` that may do everything and one ``monitor`` with the rights that the how-to lists; their
password is ``PASSWORD``. Faults are produced in the server itself: nothing is mocked.
"""

from __future__ import annotations

import atexit
import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from extras import absent, need, program
from metric_servers import free_port, until
from postgres import owned, program_of

PASSWORD = "hush-Xy7-of-the-database"
LOOPBACK = "127.0.0.1"
INNODB_PAUSE = 0.2  # seconds; asked again within 0.1 s, InnoDB tells of transactions from memory
_ACCOUNTS = (
    f"CREATE USER sre@'%' IDENTIFIED BY '{PASSWORD}';",
    "GRANT ALL ON *.* TO sre@'%' WITH GRANT OPTION;",
    f"CREATE USER monitor@'%' IDENTIFIED BY '{PASSWORD}';",
    "GRANT PROCESS, REPLICATION CLIENT, SLAVE MONITOR ON *.* TO monitor@'%';",
    f"CREATE USER shop@'%' IDENTIFIED BY '{PASSWORD}';",
    "GRANT ALL ON shop.* TO shop@'%';",
    "CREATE DATABASE shop;",
)


@dataclass(frozen=True)
class Server:
    """A server that runs: the scheme of its addresses, its port, its process and its folder."""

    scheme: str
    port: int
    process: subprocess.Popen[bytes]
    folder: Path
    environment: dict[str, str] | None = None

    def url(self, user: str = "sre", name: str = "", password: str = PASSWORD) -> str:
        """Return its address for an account."""
        return f"{self.scheme}://{user}:{password}@{LOOPBACK}:{self.port}/{name}"

    def log(self) -> str:
        """Return what it wrote."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")


def postgres(server: Server, user: str = "sre", name: str = "postgres") -> Any:
    """Return a connection that commits each statement."""
    import psycopg  # noqa: PLC0415 - optional

    return psycopg.connect(server.url(user, name), autocommit=True)


def mysql(server: Server, user: str = "sre", **more: Any) -> Any:
    """Return a connection."""
    import pymysql  # noqa: PLC0415 - optional

    return pymysql.connect(
        host=LOOPBACK, port=server.port, user=user, password=PASSWORD, **{"autocommit": True, **more}
    )


def asked(connection: Any, *statements: str) -> list[Any]:
    """Run statements by a connection to MariaDB and return the rows of the last."""
    with connection.cursor() as cursor:
        for one in statements:
            cursor.execute(one)
        return list(cursor.fetchall())


@contextmanager
def postgres_server(*options: str, copy_of: Server | None = None) -> Iterator[Server]:
    """Run PostgreSQL with settings such as ``max_connections=12``, or a standby that follows another server."""
    need("psycopg", "databases")
    with _folder("sre-pg-") as folder:
        data, port = folder / "data", free_port()
        (folder / "password").write_text(PASSWORD, encoding="utf-8")
        user = owned(folder)
        made = (
            [program_of("pg_basebackup"), "-D", str(data), "-R", "-X", "stream", "-c", "fast", "-d", copy_of.url(name="postgres")]
            if copy_of
            else [program_of("initdb"), "-D", str(data), "-U", "sre", "--pwfile", str(folder / "password"),
                  "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"]
        )  # fmt: skip
        subprocess.run(made, check=True, capture_output=True, user=user, cwd=folder)
        fixed = ("fsync=off", "lock_timeout=60s", f"listen_addresses={LOOPBACK}", f"unix_socket_directories={folder}")
        arguments = [part for one in (*fixed, *options) for part in ("-c", one)]
        command = [program_of("postgres"), "-D", str(data), "-p", str(port), *arguments]
        with _running("postgresql", command, folder, port, user=user, stop=signal.SIGQUIT) as server:
            until(lambda: server.process.poll() is not None or _answers(server), 30)
            assert server.process.poll() is None, server.log()
            if not copy_of:
                with postgres(server) as connection:
                    connection.execute(f"CREATE ROLE monitor LOGIN PASSWORD '{PASSWORD}'")
                    connection.execute("GRANT pg_monitor TO monitor")
                    connection.execute(f"CREATE ROLE shop LOGIN PASSWORD '{PASSWORD}'")
                    connection.execute("GRANT CREATE ON SCHEMA public TO shop")
            yield server


@cache
def mariadb() -> Server:
    """Return the MariaDB of this process, with few connections."""
    return _lasting(mariadb_server("--max-connections=16"))


@contextmanager
def mariadb_server(*options: str) -> Iterator[Server]:
    """Run MariaDB with further options."""
    need("pymysql", "databases")
    with _folder("sre-maria-") as folder:
        shutil.copytree(_made_mariadb(), folder / "data")
        (folder / "accounts.sql").write_text("\n".join(_ACCOUNTS), encoding="utf-8")
        port = free_port()
        command = [
            program("mariadbd"), "--no-defaults", f"--datadir={folder / 'data'}", f"--port={port}",
            f"--bind-address={LOOPBACK}", f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}",
            "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=8M", "--skip-name-resolve", "--lock-wait-timeout=60", f"--init-file={folder / 'accounts.sql'}", *_as_root(), *options,
        ]  # fmt: skip
        with _running("mysql", command, folder, port) as server:
            until(lambda: server.process.poll() is not None or "ready for connections" in server.log(), 60)
            assert server.process.poll() is None, server.log()
            yield server


@contextmanager
def redis_server(*arguments: str) -> Iterator[Server]:
    """Run Redis with a password and further arguments."""
    need("redis", "databases")
    port = free_port()
    with _folder("sre-redis-") as folder:
        rights = f"user monitor on >{PASSWORD} -@all +info +client|list +client|setname +slowlog|get +ping"
        (folder / "redis.conf").write_text(f"user sre on >{PASSWORD} ~* &* +@all\n{rights}\n", encoding="utf-8")
        command = [
            program("redis-server"), str(folder / "redis.conf"), "--port", str(port), "--bind", LOOPBACK,
            "--save", "", "--dir", str(folder), "--requirepass", PASSWORD, *arguments,
        ]  # fmt: skip
        with _running("redis", command, folder, port, stop=signal.SIGKILL) as server:
            until(lambda: server.process.poll() is not None or "Ready to accept" in server.log(), 20)
            assert server.process.poll() is None, server.log()
            yield server


@cache
def rabbitmq() -> Server:
    """Return the RabbitMQ of this process, with its management API."""
    return _lasting(_rabbitmq())


def rabbitmqctl(server: Server, *arguments: str) -> None:
    """Run ``rabbitmqctl`` of a broker."""
    command = ["/usr/lib/rabbitmq/bin/rabbitmqctl", *arguments]
    subprocess.run(command, check=True, capture_output=True, env=server.environment, cwd=server.folder)


class Management:
    """The management API of RabbitMQ, with which tests make queues and faults."""

    def __init__(self, server: Server) -> None:
        self._base = f"http://{LOOPBACK}:{server.port}/api"

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        """Return what a request answers."""
        token = base64.b64encode(f"guest:{'guest'}".encode()).decode()
        request = Request(
            self._base + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Basic {token}", "Content-Type": "application/json"},
        )
        with urlopen(request, timeout=20) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def publish(self, queue: str, count: int) -> None:
        """Make a queue and publish to it."""
        self("PUT", f"/queues/%2F/{queue}", {"durable": False})
        message = {"properties": {}, "routing_key": queue, "payload": "order", "payload_encoding": "string"}
        for _ in range(count):
            self("POST", "/exchanges/%2F/amq.default/publish", message)


@contextmanager
def _rabbitmq() -> Iterator[Server]:
    inside = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # what the package puts on the PATH logs to its own place
    if not inside.exists():
        absent("rabbitmq-server is not installed (Debian: apt-get install rabbitmq-server)")
    with _folder("sre-rabbit-") as folder:
        port, ours, names = free_port(), free_port(), free_port()
        (folder / "plugins").write_text("[rabbitmq_management].", encoding="utf-8")
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = {LOOPBACK}:{ours}\nmanagement.tcp.port = {port}\nmanagement.tcp.ip = {LOOPBACK}\n"
            "collect_statistics_interval = 1000\nlog.console = true\nlog.file = false\nloopback_users = none\n",
            encoding="utf-8",
        )
        environment = {
            **os.environ,
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(names),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_NODENAME": f"sre{port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }
        daemon = [program("epmd"), "-port", str(names), "-address", LOOPBACK]
        with (
            _running("epmd", daemon, folder, names, environment=environment, log="epmd.log"),
            _running("rabbitmq+http", [str(inside)], folder, port, environment=environment) as server,
        ):
            until(lambda: server.process.poll() is not None or _managed(server), 90)
            assert server.process.poll() is None, server.log()
            management = Management(server)
            for user, tag in (("sre", "administrator"), ("monitor", "monitoring")):
                management("PUT", f"/users/{user}", {"password": PASSWORD, "tags": tag})
            management("PUT", "/permissions/%2F/monitor", {"configure": "^$", "write": "^$", "read": "^$"})
            yield server


@cache
def _made_mariadb() -> Path:
    """Make the folder that servers of this process begin with."""
    install = program("mariadb-install-db")
    folder = Path(tempfile.mkdtemp(prefix="sre-maria-made-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = [
        install, "--no-defaults", f"--datadir={folder / 'data'}", "--auth-root-authentication-method=normal",
        "--skip-test-db", *_as_root(),
    ]  # fmt: skip
    done = subprocess.run(made, check=False, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "data"


def _as_root() -> Sequence[str]:
    return ["--user=root"] if os.geteuid() == 0 else []


@contextmanager
def _running(
    scheme: str,
    command: Sequence[str],
    folder: Path,
    port: int,
    *,
    user: str | None = None,
    stop: int = signal.SIGTERM,
    environment: dict[str, str] | None = None,
    log: str = "log",
) -> Iterator[Server]:
    with (folder / log).open("wb") as written:
        process = subprocess.Popen(
            command, stdout=written, stderr=written, user=user, cwd=folder, env=environment, start_new_session=True
        )
    try:
        yield Server(scheme, port, process, folder, environment)
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(stop)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


@contextmanager
def _folder(prefix: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _lasting(opened: Any) -> Server:
    """Open what ends with this process."""
    server: Server = opened.__enter__()
    atexit.register(opened.__exit__, None, None, None)
    return server


def _answers(server: Server) -> bool:
    import psycopg  # noqa: PLC0415 - optional

    try:
        postgres(server).close()
    except psycopg.OperationalError:
        return False
    return True


def _managed(server: Server) -> bool:
    try:
        return "mem_used" in Management(server)("GET", "/nodes")[0]  # it has statistics
    except (URLError, OSError):
        return False
