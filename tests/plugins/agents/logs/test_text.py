"""Messages, levels and times of plain and JSON lines."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from sre_orchestrator.plugins.agents.logs.text import read_line

TODAY = datetime(2030, 5, 1, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("2030-05-01 12:00:00.000 ERROR 1 --- [main] x", 40),
        ("2030-05-01 12:00:00.000  WARN 1 --- [main] x", 30),
        ("2030-05-01 12:00:00.000  INFO 1 --- [main] no ERROR", 20),
        ("level=error msg=x", 40),
        ("2030/05/01 12:00:00 [crit] 1#1: x", 50),
        ("fail: Microsoft.Hosting[0]", 40),
        ("E0501 12:00:00.000000 1 x.go:1] x", 40),
        ("2030-05-01T12:00:00Z [Note] [MY-010926] x", 20),
        ("something happened", 0),
        ("LOG:  x", 20),
    ],
)
def test_a_plain_line_names_its_level(line: str, level: int) -> None:
    assert read_line(line, TODAY).level == level


@pytest.mark.parametrize(
    ("record", "text", "level"),
    [
        ({"severity": "error", "message": "request error", "error": "refused"}, "request error\nrefused", 40),
        ({"level": 50, "msg": "x", "err": {"message": "boom", "stack": "at a\nat b"}}, "x\nboom\nat a\nat b", 50),
        ({"levelname": "WARNING", "message": "x", "message2": 1}, "x", 30),
        ({"log": "2030-05-01 12:00:00 ERROR x", "stream": "stderr"}, "2030-05-01 12:00:00 ERROR x", 40),
        ({"log": {"level": "warn"}, "message": "x"}, "x", 30),
        ({"@t": "2030-05-01T12:00:00Z", "@l": "Fatal", "@m": "x"}, "x", 50),
        ({"message": "x", "level": True}, "x", 0),
        ({"message": "x", "error": "x"}, "x", 0),
    ],
)
def test_a_json_line_is_read_by_its_keys(record: dict[str, object], text: str, level: int) -> None:
    said = read_line(json.dumps(record), TODAY)

    assert (said.text, said.level) == (text, level)


@pytest.mark.parametrize("line", ['{"broken', "{}x", "[1]", '{"a":1}'])
def test_what_is_no_json_record_stays_text(line: str) -> None:
    assert read_line(line, TODAY).text == line


def test_the_kubelets_time_goes_before_the_lines_own() -> None:
    said = read_line('2030-05-01T20:00:00.5+08:00 {"time":"2030-05-01T11:00:00Z","msg":"x"}', TODAY)

    assert said.stamp
    assert said.stamp.at == datetime(2030, 5, 1, 12, 0, 0, 500000, tzinfo=UTC)
    assert said.text == "x"


def test_a_mongodb_date_is_read() -> None:
    said = read_line(
        '{"t":{"$date":"2030-05-01T12:00:00.000+00:00"},"s":"I","ctx":"a","msg":"x","attr":{"b":1}}', TODAY
    )

    assert said.stamp
    assert (said.stamp.at.hour, said.level) == (12, 20)
    assert '"attr"' in said.text


def test_colours_and_control_characters_are_removed() -> None:
    assert read_line("\x1b[31mERROR\x1b[0m a\x00b", TODAY).text == "ERROR a b"
