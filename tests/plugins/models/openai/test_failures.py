"""A server that fails in every way: the model answers, or says why not, in its time, and nothing leaks."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from openai_server import (
    Asked,
    Server,
    Turn,
    breaks_off,
    declines,
    drips,
    echoes,
    floods,
    hangs,
    hangs_after,
    hangs_up,
    refuses,
    says,
    says_at_once,
    sends,
    talking,
)

from sre_orchestrator.core.errors import ModelError
from sre_orchestrator.core.language.ports import Allowance, Completion, LanguageModel, Message
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.settings import ModelSettings
from sre_orchestrator.plugins.models.openai import OpenAi

KEY = "sk-not-a-key-0123456789"
SECRET = "the checkout of customer Miller fails"


class Pick(Struct, frozen=True, kw_only=True):
    """An answer of few tokens."""

    component: Literal["pricing", "checkout"]
    sure: bool = False


SCHEMA = msgspec.json.schema(Pick)
GOOD = '{"component":"pricing","sure":true}'
ASKED = [
    Message(role="system", content="Which component is ill?"),
    Message(role="user", content=json.dumps({"incident": SECRET})),
]
SHORT = Allowance(completion_tokens=20, seconds=0.4)
ENOUGH = Allowance(completion_tokens=20, seconds=20)


def opened(server: Server, tmp_path: Path) -> LanguageModel:
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    return OpenAi({}).open("tiny", ModelSettings(base_url=server.base_url, api_key_file=str(file)))


def forms(asked: list[Asked]) -> list[str]:
    return [
        one.body.get("response_format", {"type": "plain"})["type"]
        + "+" * ("schema" in one.body.get("response_format", ()))
        for one in asked
    ]


def test_a_good_answer_is_returned_with_what_it_cost(tmp_path: Path) -> None:
    with talking(says(GOOD)) as server:
        answer = opened(server, tmp_path).complete(ASKED, SCHEMA, ENOUGH)

    assert answer == Completion(text=GOOD, prompt_tokens=20, completion_tokens=7)
    assert len(server.asked) == 1


REFUSED: dict[str, tuple[Turn, str]] = {
    "key": (refuses(401, f"Incorrect API key {KEY}: {SECRET}", code="invalid_api_key"), "wants another key"),
    "not allowed": (refuses(403, SECRET), "does not let this key use the model"),
    "no model": (refuses(404, SECRET, code="model_not_found"), "it does not know the model"),
    "no API": (sends(b"<html>nginx</html>", status=404, kind="text/html"), "no chat completions at this address"),
    "no credit": (refuses(429, SECRET, code="insufficient_quota"), "no credit left"),
    "long refusal": (refuses(403, SECRET * 500), "does not let this key use the model"),
    "long prompt": (refuses(400, SECRET, code="context_length_exceeded"), "longer than the model can hold"),
    "filter": (refuses(400, SECRET, code="content_filter"), "a filter of the server refuses the prompt"),
    "moved": (refuses(307, SECRET, Location="http://127.0.0.1:1/v1"), "leads elsewhere; set model.base_url"),
    "empty": (sends(b""), "answers with nothing"),
    "page": (sends(b"<html>please log in</html>", kind="text/html"), "something else than a chat completion"),
    "no JSON": (sends(b"data: {nonsense\n\n"), "something else than a chat completion"),
    "fails midway": (sends(b'data: {"error": {"message": "out of memory"}}\n\n'), "failed while it answered"),
    "cut": (breaks_off('{"compo'), "broke off"),
    "cut document": (sends(b'{"choices": [{"message"', kind="application/json"), "broke off"),
    "declines": (declines(), "the model declined to answer"),
    "length": (says('{"component": "pri', finish="length"), "longer than 20 tokens"),
    "filtered": (says("{", finish="content_filter"), "a filter of the server withheld the answer"),
    "tool": (says("{", finish="tool_calls"), "called a tool"),
    "says nothing": (says(""), "the model answered nothing"),
    "flood": (floods(), "longer than 20 tokens"),
    "flood of tokens": (floods("x"), "longer than 20 tokens"),
    "flood without an event": (sends(b"data: " + b"x" * 300_000), "longer than 20 tokens"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_help_is_not_asked_again(name: str, tmp_path: Path) -> None:
    turn, why = REFUSED[name]
    with talking(turn) as server:
        model = opened(server, tmp_path)

        with pytest.raises(ModelError, match=why) as raised:
            model.complete(ASKED, SCHEMA, ENOUGH)

    assert len(server.asked) == 1
    assert KEY not in str(raised.value)
    assert "Miller" not in str(raised.value)


SLOW: dict[str, Turn] = {
    "hangs": hangs(),
    "hangs midway": hangs_after('{"component'),
    "drips a body": drips(),
    "drips a head": drips(b"HTTP/1.1 200 OK\r\nX-Long: ", byte=b"x"),
    "drips an error": drips(b"HTTP/1.1 400 Bad\r\n\r\n", byte=b"x"),
    "busy for long": refuses(429, wait="60"),
    "busy until a date": refuses(503, wait="Fri, 31 Dec 2100 23:59:59 GMT"),
}


@pytest.mark.parametrize("name", SLOW)
def test_what_is_slow_is_given_up_in_time(name: str, tmp_path: Path) -> None:
    with talking(SLOW[name]) as server:
        model = opened(server, tmp_path)
        begun = time.monotonic()

        with pytest.raises(ModelError, match=r"no answer|wants .* seconds"):
            model.complete(ASKED, SCHEMA, SHORT)

        assert time.monotonic() - begun < SHORT.seconds + 5  # of which most is another's who has the processor


PASSING: dict[str, Turn] = {
    "too many requests": refuses(429, wait="0"),
    "too many requests until a date": refuses(429, wait="Thu, 01 Jan 1970 00:00:00 GMT"),
    "unavailable": refuses(503, wait="soon"),
    "gateway": sends(b"<html>", status=502, kind="text/html"),
    "fails": refuses(500),
    "hangs up": hangs_up(),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_asked_again(name: str, tmp_path: Path) -> None:
    with talking(PASSING[name], says(GOOD)) as server:
        answer = opened(server, tmp_path).complete(ASKED, SCHEMA, ENOUGH)

    assert answer.text == GOOD
    assert forms(server.asked) == ["json_schema"] * 2


@pytest.mark.parametrize(("turn", "requests"), [(refuses(429, wait="0"), 3), (hangs_up(), 3)])
def test_what_does_not_pass_is_given_up(turn: Turn, requests: int, tmp_path: Path) -> None:
    with talking(turn) as server, pytest.raises(ModelError):
        opened(server, tmp_path).complete(ASKED, SCHEMA, ENOUGH)

    assert len(server.asked) == requests


def test_a_server_that_does_not_stream_is_understood(tmp_path: Path) -> None:
    with talking(says_at_once(GOOD)) as server:
        answer = opened(server, tmp_path).complete(ASKED, SCHEMA, ENOUGH)

    assert answer == Completion(text=GOOD, prompt_tokens=20, completion_tokens=7)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": -5, "completion_tokens": "many"}, 7])
def test_tokens_that_a_server_does_not_say_are_estimated_and_marked(usage: dict[str, object], tmp_path: Path) -> None:
    with talking(says(GOOD, usage=usage)) as server:
        answer = opened(server, tmp_path).complete(ASKED, SCHEMA, ENOUGH)

    assert answer.estimated
    assert 50 < answer.prompt_tokens < 400
    assert answer.completion_tokens == 12


def test_a_prompt_that_comes_back_is_no_answer(tmp_path: Path) -> None:
    with talking(echoes()) as server:
        answer = opened(server, tmp_path).complete(ASKED, SCHEMA, ENOUGH)

    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(answer.text, type=Pick)
    assert forms(server.asked) == ["json_schema", "json_object+"]


def test_a_server_that_objects_to_something_else_each_time_is_given_up(tmp_path: Path) -> None:
    objections = ["temperature", "seed", "stream_options", "max_tokens", *["response_format"] * 3]
    turns = [refuses(503, wait="0"), refuses(503, wait="0"), *(refuses(400, one) for one in objections)]
    with talking(*turns, refuses(503, wait="0")) as server, pytest.raises(ModelError, match="HTTP 503"):
        opened(server, tmp_path).complete(ASKED, SCHEMA, ENOUGH)

    assert len(server.asked) == 10


def test_without_time_nothing_is_asked(tmp_path: Path) -> None:
    with talking(says(GOOD)) as server, pytest.raises(ModelError, match="no answer in time"):
        opened(server, tmp_path).complete(ASKED, SCHEMA, Allowance(completion_tokens=20, seconds=0.06))

    assert server.asked == []


@pytest.mark.parametrize("name", ["flood", "length", "cut", "declines"])
def test_what_an_answer_cost_that_is_not_used_is_told(name: str, tmp_path: Path) -> None:
    with talking(REFUSED[name][0]) as server, pytest.raises(ModelError) as raised:
        opened(server, tmp_path).complete(ASKED, SCHEMA, ENOUGH)

    assert 50 < raised.value.prompt_tokens < 400
    assert raised.value.completion_tokens < 1000


def test_a_request_that_is_refused_costs_nothing(tmp_path: Path) -> None:
    with talking(refuses(401)) as server, pytest.raises(ModelError) as raised:
        opened(server, tmp_path).complete(ASKED, SCHEMA, ENOUGH)

    assert (raised.value.prompt_tokens, raised.value.completion_tokens) == (0, 0)


def test_a_model_that_is_closed_does_not_ask(tmp_path: Path) -> None:
    with talking(says(GOOD)) as server:
        model = opened(server, tmp_path)
        model.close()

        with pytest.raises(ModelError, match="closed"):
            model.complete(ASKED, SCHEMA, ENOUGH)

    assert server.asked == []
