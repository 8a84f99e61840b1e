"""What a server understands is found out from the best form down, and remembered."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import msgspec
import pytest
from openai_server import Asked, Server, Speaking, Turn, refuses, says, talking

from sre_orchestrator.core.errors import InputError, ModelError
from sre_orchestrator.core.language.ports import Allowance, LanguageModel, Message
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.settings import ModelSettings, Settings
from sre_orchestrator.plugins.models.openai import OpenAi, register_models
from sre_orchestrator.plugins.models.openai.ladder import INSTRUCTION, Habit, fitting, request

ENOUGH = Allowance(completion_tokens=20, seconds=20)


class Part(Struct, frozen=True, kw_only=True):
    """A part of an answer."""

    name: Annotated[str, msgspec.Meta(max_length=20)] = ""


class Pick(Struct, frozen=True, kw_only=True):
    """An answer of few tokens."""

    component: Literal["pricing", "checkout"]
    parts: Annotated[tuple[Part, ...], msgspec.Meta(max_length=2)] = ()


SCHEMA = msgspec.json.schema(Pick)
GOOD = '{"component":"pricing","parts":[]}'
ASKED = [Message(role="system", content="Which?"), Message(role="user", content='{"incident":"slow"}')]


def opened(server: Server) -> LanguageModel:
    return OpenAi({}).open("tiny", ModelSettings(base_url=server.base_url))


def form(asked: Asked) -> str:
    wanted = asked.body.get("response_format", {"type": "plain"})
    return str(wanted["type"]) + "+" * ("schema" in wanted)


def knowing(*forms: str, status: int = 400, said: str = "unknown response_format") -> Turn:
    """Answer where the form is one of ``forms``."""

    def turn(speaking: Speaking) -> None:
        (says(GOOD) if form(speaking.asked) in forms else refuses(status, said))(speaking)

    return turn


LADDER = ["json_schema", "json_object+", "json_object", "plain"]


@pytest.mark.parametrize("status", [400, 415, 422, 500, 501])
@pytest.mark.parametrize("known", range(1, 4))
def test_a_form_that_is_not_known_is_not_asked_for_again(known: int, status: int) -> None:
    with talking(knowing(LADDER[known], status=status)) as server:
        model = opened(server)
        answers = [model.complete(ASKED, SCHEMA, ENOUGH).text for _ in range(2)]

    assert answers == [GOOD, GOOD]
    assert [form(one) for one in server.asked] == [*LADDER[: known + 1], LADDER[known]]


def test_without_a_form_the_schema_is_in_the_prompt() -> None:
    with talking(knowing("plain")) as server:
        opened(server).complete(ASKED, SCHEMA, ENOUGH)
    first, *others = (one.body["messages"] for one in server.asked)

    assert first == [{"role": "system", "content": "Which?"}, {"role": "user", "content": '{"incident":"slow"}'}]
    assert all(one[0]["content"].startswith(f"Which?\n\n{INSTRUCTION}{{") for one in others)
    assert all(one[1:] == first[1:] for one in others)


def test_a_server_that_fails_whatever_the_form_is_given_up() -> None:
    with talking(refuses(500)) as server, pytest.raises(ModelError, match=r"fails \(HTTP 500\)"):
        opened(server).complete(ASKED, SCHEMA, ENOUGH)

    assert [form(one) for one in server.asked] == ["json_schema", *LADDER]


def test_what_failed_altogether_is_not_remembered() -> None:
    with talking(*[refuses(400, "response_format")] * 4, says(GOOD)) as server:
        model = opened(server)
        with pytest.raises(ModelError):
            model.complete(ASKED, SCHEMA, ENOUGH)
        model.complete(ASKED, SCHEMA, ENOUGH)

    assert form(server.asked[-1]) == "json_schema"


def test_a_server_that_ignores_the_form_gets_the_schema_in_the_prompt() -> None:
    with talking(says("The pricing service is slow."), says(f"Sure! ```json\n{GOOD}\n```")) as server:
        model = opened(server)
        answer = model.complete(ASKED, SCHEMA, ENOUGH)
        model.complete(ASKED, SCHEMA, ENOUGH)

    assert (answer.text, answer.prompt_tokens, answer.completion_tokens) == (GOOD, 40, 14)
    assert [form(one) for one in server.asked] == ["json_schema", "json_object+", "json_object+"]


def test_an_answer_that_never_fits_is_returned_as_it_is_after_two() -> None:
    with talking(says("no")) as server:
        answer = opened(server).complete(ASKED, SCHEMA, ENOUGH)

    assert answer.text == "no"
    assert len(server.asked) == 2


def picky(*names: str) -> Turn:
    """Refuse requests that say one of ``names``, as OpenAI's newer models do."""

    def turn(speaking: Speaking) -> None:
        wrong = [one for one in names if one in speaking.asked.body]
        said = f"Unsupported parameter: '{wrong[0]}' is not supported with this model." if wrong else ""
        (refuses(400, said, code="unsupported_parameter") if wrong else says(GOOD))(speaking)

    return turn


def test_words_that_a_server_does_not_know_are_left_out() -> None:
    with talking(picky("temperature", "seed", "stream_options", "max_tokens")) as server:
        model = opened(server)
        model.complete(ASKED, SCHEMA, ENOUGH)
        model.complete(ASKED, SCHEMA, ENOUGH)

    assert len(server.asked) == 6
    assert server.asked[-1].body.keys() == {
        "model", "messages", "stream", "response_format", "max_completion_tokens"
    }  # fmt: skip


def test_a_server_that_knows_no_bound_of_tokens_is_given_up_in_the_end() -> None:
    with talking(picky("max_tokens", "max_completion_tokens")) as server, pytest.raises(ModelError, match="refuses"):
        opened(server).complete(ASKED, SCHEMA, ENOUGH)

    assert len(server.asked) == 5


def test_the_likeliest_answer_is_asked_for_within_bounds() -> None:
    with talking(says(GOOD)) as server:
        opened(server).complete(ASKED, SCHEMA, ENOUGH)
    body = server.asked[0].body

    assert (body["model"], body["temperature"], body["seed"], body["max_tokens"]) == ("tiny", 0, 0, 20)
    assert body["stream"]
    assert body["stream_options"] == {"include_usage": True}


def schema_for(*, hosted: bool) -> dict[str, object]:
    body = request(Habit(), ASKED, SCHEMA, tokens=20, hosted=hosted)
    return json.loads(json.dumps(body["response_format"]))["json_schema"]


def test_a_schema_asks_for_all_properties_and_no_others() -> None:
    root = schema_for(hosted=False)["schema"]

    assert isinstance(root, dict)
    assert root["required"] == ["component", "parts"]
    assert root["additionalProperties"] is False
    assert root["properties"]["parts"]["maxItems"] == 2
    assert root["$defs"]["Part"]["required"] == ["name"]


def test_a_hosted_schema_says_only_what_strict_mode_knows() -> None:
    found = schema_for(hosted=True)

    assert found["strict"]
    assert not [word for word in ("maxItems", "maxLength", "default", "title") if f'"{word}"' in json.dumps(found)]
    assert '"enum": ["checkout", "pricing"]' in json.dumps(found)


def test_one_of_several_forms_is_asked_for_as_strictly() -> None:
    part = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 5}}, "required": []}
    schema = {"type": "object", "properties": {"one": {"anyOf": [part, {"type": "null"}]}}}
    body = request(Habit(), ASKED, schema, tokens=20, hosted=True)
    found = body["response_format"]["json_schema"]["schema"]["properties"]["one"]["anyOf"][0]

    assert found == {
        "type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False
    }  # fmt: skip


def test_a_property_may_be_called_like_a_word_of_schemas() -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}, "default": {"enum": [{"title": 1}]}}}
    body = request(Habit(), ASKED, schema, tokens=20, hosted=True)

    assert body["response_format"]["json_schema"]["schema"]["properties"] == schema["properties"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (GOOD, GOOD),
        (f"<think>{{maybe}}</think>\n{GOOD} I hope that helps.", GOOD),
        ('{"other": 1}' + GOOD, GOOD),
        ('{"other": 1}', None),
        ("[1]", None),
        ("", None),
        ("{" * 5000, None),
        ('{"a":' * 5000, None),
    ],
)
def test_an_answer_is_found_among_other_words(text: str, found: str | None) -> None:
    assert fitting(text, SCHEMA) == found


def test_without_a_message_of_the_system_the_schema_is_one() -> None:
    body = request(Habit(rung="plain"), ASKED[1:], SCHEMA, tokens=20, hosted=False)

    assert [one["role"] for one in body["messages"]] == ["system", "user"]


def test_models_are_told_from_each_other() -> None:
    addresses = ("http://localhost:1/v1", "http://localhost:2/v1")
    models = [OpenAi({}).open(name, ModelSettings(base_url=one)) for name in ("a", "b") for one in addresses]

    assert len({one.digest for one in models}) == 4
    assert models[0].name == "openai:a"
    assert models[0].context_tokens == 4096


def test_the_plugin_opens_it() -> None:
    assert [one.name for one in register_models(Settings())] == ["openai"]


def test_a_model_without_a_name_is_refused() -> None:
    with pytest.raises(InputError, match="openai: names no model"):
        OpenAi({}).open("", ModelSettings(base_url="http://localhost/v1"))
