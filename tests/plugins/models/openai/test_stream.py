"""What a server streams, in pieces of any size, and whatever it is."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openai_server import USAGE, chunk

from sre_orchestrator.core.errors import ModelError
from sre_orchestrator.plugins.models.openai.stream import Answer, Reading

DONE = b"data: [DONE]"


def streamed(events: Sequence[object], *, end: bytes = b"\n\n") -> bytes:
    return end.join([b"data: " + json.dumps(one).encode() for one in events] + [DONE]) + end


def read(raw: bytes, size: int = 100_000, tokens: int = 20) -> Answer:
    reading = Reading(tokens)
    for place in range(0, len(raw), size):
        reading.feed(raw[place : place + size])
        if reading.done:
            break
    return reading.end()


EVENTS = [chunk(role="assistant"), chunk(content='{"a": '), chunk(content='"ü"}'), chunk("stop"), {"usage": USAGE}]
WHOLE = Answer(text='{"a": "ü"}', prompt_tokens=20, completion_tokens=7)


@given(size=st.integers(1, 200), end=st.sampled_from([b"\n\n", b"\r\n\r\n", b"\r\r", b"\n: still here\n\n", b"\n"]))
def test_pieces_of_any_size_are_the_same_answer(size: int, end: bytes) -> None:
    assert read(streamed(EVENTS, end=end), size) == WHOLE


@given(size=st.integers(1, 200))
def test_a_document_in_pieces_is_the_same_answer(size: int) -> None:
    choice = {"message": {"role": "assistant", "content": WHOLE.text}, "finish_reason": "stop"}

    assert read(json.dumps({"choices": [choice], "usage": USAGE}, indent=1).encode(), size) == WHOLE


def test_what_comes_after_the_end_is_not_read() -> None:
    assert read(streamed(EVENTS) + streamed([chunk(content="more")])) == WHOLE


def test_other_fields_of_a_stream_are_not_read() -> None:
    raw = b"event: message\nid: 7\nretry: 10\nnonsense\ndata:\n" + streamed([*EVENTS, {"choices": None}, {}])

    assert read(raw) == WHOLE


def test_only_the_first_of_several_answers_is_read() -> None:
    both = {"choices": [{"delta": {"content": "{}"}, "finish_reason": "stop"}, {"delta": {"content": "no"}}]}

    assert read(streamed([both])).text == "{}"


def test_a_stream_without_its_last_line_is_whole_when_it_says_so() -> None:
    assert read(streamed([chunk(content="{}"), chunk("stop")]).replace(DONE, b"")).text == "{}"


def test_what_a_model_thinks_is_not_its_answer() -> None:
    assert read(streamed([chunk(reasoning_content="hm"), chunk(content="{}"), chunk("stop")])).text == "{}"


def test_text_that_is_none_is_refused() -> None:
    with pytest.raises(ModelError, match="something else"):
        read(rb'data: {"choices":[{"delta":{"content":"\ud800"}}]}' + b"\n\n")


SHAPES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "message",
                    "content",
                    "finish_reason",
                    "usage",
                    "prompt_tokens",
                    "error",
                    "refusal",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
LINES = st.lists(
    st.binary(max_size=30)
    | SHAPES.map(lambda one: b"data: " + json.dumps(one).encode())
    | st.sampled_from([json.dumps(one).encode() for one in EVENTS])
    | st.sampled_from([b"data: " + json.dumps(one).encode() for one in EVENTS])
    | st.just(DONE),
    max_size=8,
)


@given(lines=LINES, end=st.sampled_from([b"\n", b"\n\n", b"\r\n", b""]), size=st.integers(1, 64))
@example(lines=[b"data: " + b'{"a":' * 3000], end=b"\n", size=64)
@example(lines=[b"data: " + b"[" * 30_000], end=b"\n", size=64)
@example(lines=[b'data: {"usage": {"prompt_tokens": ' + b"9" * 5000 + b"}}"], end=b"\n", size=64)
def test_whatever_comes_is_an_answer_or_a_reason(lines: list[bytes], end: bytes, size: int) -> None:
    try:
        answer = read(end.join(lines) + end, size)
    except ModelError:
        return

    assert answer.text.strip()
    assert answer.text.encode()
