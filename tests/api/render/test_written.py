"""Text, Markdown and JSON of a report."""

from __future__ import annotations

import msgspec
import pytest
from reports import CHANGED, KILLED, UNREADY, UNREADY_LATER, hypothesis, proof, report, rich_report

from sre_orchestrator.api.render import json_text, markdown, print_report, text
from sre_orchestrator.core.models import Report, Step


def test_json_is_the_report() -> None:
    assert msgspec.json.decode(json_text(rich_report()), type=Report) == rich_report()


def test_text_marks_each_kind_of_row_and_names_the_facts() -> None:
    lines = text(rich_report()).splitlines()

    assert f"   + app was OOMKilled (strong) [{KILLED.id}]" in lines
    assert "   → compare use with the limit" in lines
    assert "       kubectl top pod -n shop" in lines
    assert any(line.startswith("1. A container needs") and line.endswith("confidence 0.93") for line in lines)
    assert all(len(line) <= 100 for line in lines)


def test_long_text_is_wrapped_and_commands_are_not() -> None:
    words = "word " * 40
    command = "kubectl get pods " + "--show-labels " * 12
    long = hypothesis(proof=(proof(words, KILLED),), remedy=(Step(text="look", command=command),))
    lines = text(report(long, timeline=()), width=60).splitlines()

    assert max(len(line) for line in lines if "word" in line) <= 60
    assert f"     [{KILLED.id}]" in lines
    assert f"       {command}" in lines


def test_many_facts_are_cut_short() -> None:
    many = hypothesis(proof=(proof("four facts", CHANGED, KILLED, UNREADY, UNREADY_LATER),))

    assert f"[{CHANGED.id}, {KILLED.id}, {UNREADY.id} …]" in text(report(many))


def test_markdown_has_headings_and_bullets() -> None:
    lines = markdown(rich_report()).splitlines()

    assert lines[0] == "# Diagnosed: the cart is down"
    assert "## 1. A container needs more memory than its limit allows (confidence 0.93)" in lines
    assert f"- **for** app was OOMKilled (strong) `{KILLED.id}`" in lines
    assert "- **next** compare use with the limit: `kubectl top pod -n shop`" in lines
    assert "## Ruled out" in lines


def test_a_pipe_gets_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(rich_report())

    assert capsys.readouterr().out == text(rich_report()) + "\n"


def test_a_terminal_gets_colours(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    print_report(rich_report())

    assert "\x1b[1m" in capsys.readouterr().out
