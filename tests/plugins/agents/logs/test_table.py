"""Every example of the table has exactly its class, from the raw line to the names that it holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from sre_orchestrator.plugins.agents.logs.families import family_of
from sre_orchestrator.plugins.agents.logs.records import fold, hits
from sre_orchestrator.plugins.agents.logs.table import (
    EXAMPLES,
    START_STEMS,
    TROUBLE_STEMS,
    Table,
    class_files,
    load_table,
)

TODAY = datetime(2030, 5, 1, 13, tzinfo=UTC)
TABLE = load_table()


def _examples() -> list[Any]:
    found = []
    for path in class_files():
        for name, examples in msgspec.yaml.decode(path.read_bytes().split(EXAMPLES)[1]).items():
            found += [
                pytest.param(name, dict(one), id=f"{name}-{number}") for number, one in enumerate(examples, start=1)
            ]
    return found


@pytest.mark.parametrize(("name", "example"), _examples())
def test_an_example_has_its_class_and_no_other(name: str, example: dict[str, Any]) -> None:
    line, family = example.pop("line"), example.pop("family", "")
    wanted = {key: str(value) for key, value in example.items()}
    start = TABLE.classes[name].start

    (record,) = fold([line], hits([line], START_STEMS if start else TROUBLE_STEMS), TODAY)
    found = next(one for one in TABLE.starts(record.text) if one.name == name) if start else TABLE.trouble(record.text)

    assert found
    assert (found.name, {**found.captures, **_lower(found.captures)}) == (name, wanted)
    assert start or family_of(int(wanted.get("port", 0)), record.text) in (family, "http")


def _lower(captures: dict[str, str]) -> dict[str, str]:
    return {"protocol": captures["protocol"].lower()} if "protocol" in captures else {}


def test_every_class_has_two_examples_and_lower_case_words() -> None:
    examples = [param.values[0] for param in _examples()]

    assert {name for name in TABLE.classes if examples.count(name) < 2} == set()
    assert [word for one in TABLE.classes.values() for word in one.words if word != word.lower()] == []


def test_the_head_of_the_table_lists_every_class() -> None:
    head = (
        next(path for path in class_files() if path.name == "network.yaml")
        .read_text()
        .split("\nconnection-refused:")[0]
    )
    words = set(head.split())

    assert {name for name, one in TABLE.classes.items() if not one.start} <= words


@pytest.mark.parametrize(
    "line",
    [
        '{"severity":"info","message":"request complete","http.resp.status":200,"error":null}',
        "2030-05-01 12:00:00.000  INFO 1 --- [main] o.h.e.t.j.p.i.JtaPlatformInitiator : HHH000490: no error",
        '10.0.0.1 - - [01/May/2030:12:00:00 +0000] "GET /errors/timeout?x=failed HTTP/1.1" 200 512 "-" "kube-probe/1.31"',
        "2030-05-01T12:00:00Z INFO retry policy: maxAttempts=3 timeout=5s",
        "WARNING: This is a development server. Do not use it in a production deployment.",
        "(node:1) DeprecationWarning: Calling start() is no longer necessary.",
        "UserWarning: pkg_resources is deprecated as an API",
        "1:M 01 May 2030 12:00:00.000 # WARNING Memory overcommit must be enabled!",
        "mysqld: [Warning] World-writable config file '/etc/my.cnf' is ignored.",
        "LOG:  database system is ready to accept connections",
        "2030-05-01 12:00:00.000 [info] <0.1.0> connection <0.2.0> (10.0.0.1:1 -> 10.0.0.2:5672): user 'shop' authenticated and granted access to vhost '/'",
        'level=info msg="Completed cleanup jobs" duration=3ms error=""',
        "Picked up JAVA_TOOL_OPTIONS: -XX:+ExitOnOutOfMemoryError",
        "HikariPool-1 - Added connection com.mysql.cj.jdbc.ConnectionImpl@1 with connectionTimeout=30000",
    ],
)
def test_a_healthy_line_has_no_class(line: str) -> None:
    found = [TABLE.trouble(record.text) for record in fold([line], hits([line], TROUBLE_STEMS), TODAY)]

    assert [one for one in found if one] == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 499, 500, 502, 503, 504])
@pytest.mark.parametrize(
    "line",
    [
        '{{"method": "GET", "path": "/login", "status": {status}, "ms": 3}}',
        '{{"@timestamp": "2030-05-01T11:42:06Z", "http": {{"response": {{"status_code": {status}}}}}, "url": {{"path": "/"}}}}',
        '{{"remote_addr": "10.0.0.1", "request": "GET /orders HTTP/1.1", "status": "{status}"}}',
    ],
)
def test_what_a_server_answers_itself_is_no_trouble_with_a_callee(line: str, status: int) -> None:
    (record,) = fold([line.format(status=status)], {0}, TODAY)

    assert TABLE.trouble(record.text) is None


@pytest.mark.parametrize(
    ("calm", "line", "name"),
    [
        ("call failed with status code 302", "call failed with status code 503", "http-5xx"),
        ("# Query_time: 0.2  Rows_examined: 48", "# Query_time: 9.2  Rows_examined: 48", "slow-statement"),
        ("LOG:  duration: 12.338 ms  statement: SELECT 1", "LOG:  duration: 7412.338 ms  statement: SELECT 1", "slow-statement"),
    ],
)  # fmt: skip
def test_a_text_that_differs_in_numbers_alone_from_a_calm_one_may_be_trouble(calm: str, line: str, name: str) -> None:
    table = Table(TABLE.classes)
    before, found = table.trouble(calm), table.trouble(line)

    assert before is None
    assert found
    assert found.name == name
