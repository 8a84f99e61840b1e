"""A language model on the command line: what it said, what it cost, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import msgspec
from command_line import Run
from model_plugin import scripted

from sre_orchestrator.core.errors import ModelError

DEMO = Path(__file__).parents[3] / "api" / "demo" / "shop"
SAID = "The container of pricing was OOM-killed at its memory limit of 128 MiB."
BAD = {"text": "The limit of pricing is 77.", "facts": ["F1"]}
ANSWER = msgspec.json.encode({"summary": {"text": SAID, "facts": ["F1"]}, "explanation": [BAD]}).decode()


def test_what_the_model_said_and_cost_is_printed(run: Run) -> None:
    with scripted(ANSWER):
        result = run("diagnose", "--snapshot", DEMO, "--model", "scripted:test")

    assert result.code == 0
    assert "by scripted:test (unexamined)" in result.out
    assert f"· {SAID} [f" in result.out
    assert "· narrate: 1 call, 10 + 10 tokens (prompt + answer), " in result.out
    assert "? narrate: not used: 1 of 2 sentences: no cited fact has the number 77" in result.out


def test_a_failure_is_said_in_words(run: Run) -> None:
    def refuse() -> str:
        raise ModelError("401: the key is not accepted")

    with scripted(refuse):
        result = run("diagnose", "--snapshot", DEMO, "--model", "scripted:test", "--format", "markdown")

    assert "- narrate: 1 call, 0 + 0 tokens (prompt + answer), 0.0 s" in result.out
    assert "- **undecided** narrate: not used: ModelError: 401: the key is not accepted" in result.out
    assert "In words" not in result.out


def test_a_model_that_cannot_be_opened_is_bad_input(run: Run) -> None:
    with scripted():
        broken = run("diagnose", "--snapshot", DEMO, "--model", "scripted:broken")
        unknown = run("explain", "1", "--snapshot", DEMO, "--model", "scriptd:x")

    assert (broken.code, broken.err) == (2, "error: broken: holds no model\n")
    assert unknown.code == 2
    assert "with one of the kinds llama_cpp, openai, scripted; did you mean 'scripted'?" in unknown.err


def test_an_address_without_a_model_is_bad_input(run: Run) -> None:
    result = run("diagnose", "--snapshot", DEMO, "--base-url", "http://127.0.0.1:1/v1")

    assert result.code == 2
    assert "--model openai:NAME" in result.err


def test_an_address_is_that_of_the_model(run: Run) -> None:
    with scripted(ANSWER):
        result = run("explain", "--snapshot", DEMO, "--model", "scripted:test", "--base-url", "http://127.0.0.1:1/v1")

    assert result.code == 0


def test_a_service_does_not_start_without_the_model_that_it_was_given(run: Run, tmp_path: Path) -> None:
    with scripted():
        for command in (["serve", "--port", "0"], ["mcp"]):
            result = run(*command, "--snapshot", DEMO, "--model", "scripted:broken", "--state-dir", tmp_path)

            assert (result.code, result.err) == (2, "error: broken: holds no model\n")
