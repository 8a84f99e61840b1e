"""Stack traces of six runtimes become one record each, the deepest cause first."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sre_orchestrator.plugins.agents.logs.records import FORTH, Record, fold, hits
from sre_orchestrator.plugins.agents.logs.sightings import Sighting, read_log
from sre_orchestrator.plugins.agents.logs.table import TROUBLE_STEMS, load_table

TODAY = datetime(2030, 5, 1, 13, tzinfo=UTC)
JAVA = """\
2030-05-01 11:50:10.100  INFO 1 --- [main] com.zaxxer.hikari.HikariDataSource : HikariPool-1 - Starting...
2030-05-01 11:50:12.200 ERROR 1 --- [main] com.zaxxer.hikari.pool.HikariPool : HikariPool-1 - Exception during pool initialization.

com.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure

The last packet sent successfully to the server was 0 milliseconds ago. The driver has not received any packets from the server.
\tat com.mysql.cj.jdbc.exceptions.SQLError.createCommunicationsException(SQLError.java:174) ~[mysql.jar!/:8.0.28]
\tat com.zaxxer.hikari.pool.PoolBase.newConnection(PoolBase.java:364) ~[HikariCP-4.0.3.jar!/:na]
Caused by: com.mysql.cj.exceptions.CJCommunicationsException: Communications link failure

The last packet sent successfully to the server was 0 milliseconds ago. The driver has not received any packets from the server.
\tat java.base/jdk.internal.reflect.NativeConstructorAccessorImpl.newInstance0(Native Method) ~[na:na]
\t... 121 common frames omitted
Caused by: java.net.ConnectException: Connection refused (Connection refused)
\tat java.base/java.net.PlainSocketImpl.socketConnect(Native Method) ~[na:na]
\t... 124 common frames omitted

2030-05-01 11:50:13.000  INFO 1 --- [main] o.s.boot.SpringApplication : bye"""
PYTHON = """\
Traceback (most recent call last):
  File "/app/main.py", line 145, in connect
    self.connection = psycopg2.connect(dsn)
                      ^^^^^^^^^^^^^^^^^^^^^
psycopg2.OperationalError: connection to server at "orders-db" (10.0.0.4), port 5432 failed: FATAL:  password authentication failed for user "shop"

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/main.py", line 3, in <module>
    db.connect()
kafka.errors.Something: wrapped

(Background on this error at: https://sqlalche.me/e/20/e3q8)
listening no more"""
NODE = """\
Server starting
node:internal/process/promises:288
            triggerUncaughtException(err, true /* fromPromise */);
            ^

Error: connect ECONNREFUSED 10.0.0.3:3306
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1494:16) {
  errno: -111,
  fatal: true
}

Node.js v18.12.1"""
DOTNET = """\
Unhandled exception. Npgsql.NpgsqlException (0x80004005): Failed to connect to 10.0.0.3:5433
 ---> System.Net.Sockets.SocketException (111): Connection refused
   at Npgsql.Internal.NpgsqlConnector.Connect(NpgsqlTimeout timeout)
   at Program.<Main>$(String[] args) in /app/Program.cs:line 12"""
GO = """\
2030/05/01 11:50:12 starting
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4a2b3c]

goroutine 1 [running]:
main.main()
\t/app/main.go:12 +0x1d"""
RUBY = """\
/usr/local/bundle/gems/pg-1.5/lib/pg/connection.rb:828:in `connect_start': could not connect to server: Connection refused (PG::ConnectionBad)
\tIs the server running on host "orders-db" (10.0.0.3) and accepting
\tTCP/IP connections on port 5433?
\tfrom /usr/local/bundle/gems/pg-1.5/lib/pg/connection.rb:828:in `connect'"""


def records(text: str) -> list[Record]:
    lines = text.split("\n")
    return list(fold(lines, hits(lines, TROUBLE_STEMS), TODAY))


def sightings(text: str) -> list[Sighting]:
    return list(read_log(text.split("\n"), load_table(), TODAY).sightings)


@pytest.mark.parametrize(
    ("text", "name", "family", "captures"),
    [
        (JAVA, "connection-refused", "mysql", {}),
        (NODE, "connection-refused", "mysql", {"host": "10.0.0.3", "port": "3306"}),
        (DOTNET, "connection-refused", "postgres", {}),
        (GO, "panic", "", {}),
        (RUBY, "connection-refused", "postgres", {"host": "orders-db", "port": "5433"}),
    ],
    ids=["java", "node", "dotnet", "go", "ruby"],
)
def test_a_stack_trace_is_one_sighting(text: str, name: str, family: str, captures: dict[str, str]) -> None:
    (one,) = sightings(text)

    assert (one.name, one.family, one.captures) == (name, family, captures)


def test_chained_python_tracebacks_are_one_record() -> None:
    (one,) = records(PYTHON)

    assert (one.begin, PYTHON.split("\n")[one.end]) == (
        0,
        "(Background on this error at: https://sqlalche.me/e/20/e3q8)",
    )


def test_the_deepest_cause_comes_first_and_frames_apart() -> None:
    (one,) = records(JAVA)

    assert one.text.split("\n")[0] == "java.net.ConnectException: Connection refused (Connection refused)"
    assert "HikariPool-1 - Exception during pool initialization." in one.text.split("\n")[-1]
    assert "PlainSocketImpl" not in one.text
    assert "PlainSocketImpl" in one.frames
    assert (one.begin, one.end) == (1, 15)


def test_a_hit_inside_a_python_traceback_finds_its_head() -> None:
    lines = PYTHON.split("\n")

    (one,) = fold(lines, [4], TODAY)

    assert one.begin == 0


def test_unrelated_lines_stay_apart() -> None:
    text = "first error: connection refused\nsecond error: connection refused\n\nthird error: no such host"

    assert [one.text for one in records(text)] == [
        "first error: connection refused",
        "second error: connection refused",
        "third error: no such host",
    ]


def test_indented_lines_after_a_json_record_do_not_run_on_for_ever() -> None:
    text = "\n".join(["ERROR x failed", *(f"  frame {number}" for number in range(2 * FORTH))])

    (one,) = records(text)

    assert one.end == FORTH


def test_lines_under_the_kubelets_times_fold_too() -> None:
    text = "\n".join(f"2030-05-01T11:50:12.000000001+00:00 {line}" for line in DOTNET.split("\n"))

    (one,) = sightings(text)

    assert one.name == "connection-refused"
    assert one.at == datetime(2030, 5, 1, 11, 50, 12, tzinfo=UTC)


def test_an_error_in_the_middle_of_a_blank_space_is_its_own_record() -> None:
    (one,) = records("all is well\n\n\nError: it failed")

    assert one.begin == 3
