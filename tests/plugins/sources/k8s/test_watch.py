"""The stream of a watch, as it arrives."""

from __future__ import annotations

import json

import pytest
from api_server import line
from hypothesis import given
from hypothesis import strategies as st
from shop import pod

from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.sources.k8s import watch
from sre_orchestrator.plugins.sources.k8s.connection import ApiError
from sre_orchestrator.plugins.sources.k8s.watch import Garbled, lines_in, news_in
from sre_orchestrator.plugins.sources.ports import Changed, Reached


@given(st.lists(st.binary(min_size=1).filter(lambda one: b"\n" not in one and one.strip())), st.data())
def test_lines_are_the_same_however_they_arrive(lines: list[bytes], data: st.DataObject) -> None:
    text = b"".join(one + b"\n" for one in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    chunks = [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    assert list(lines_in(chunks)) == [one.strip() for one in lines]


def test_a_last_line_that_is_cut_off_is_left_out() -> None:
    assert list(lines_in([b'{"a": 1}\n', b'{"b": 2'])) == [b'{"a": 1}']


def test_blank_lines_are_left_out() -> None:
    assert list(lines_in([b"\n \r\n{}\r\n"])) == [b"{}"]


def test_a_line_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MAX_LINE", 10)
    with pytest.raises(Garbled, match="longer than 10 bytes"):
        list(lines_in([b"0123456789", b"0"]))


@pytest.mark.parametrize(("kind", "deleted"), [("ADDED", False), ("MODIFIED", False), ("DELETED", True)])
def test_a_change_has_its_object_and_version(kind: str, deleted: bool) -> None:
    news = news_in(line(kind, pod("a"), "8"), Pod)

    assert isinstance(news, Changed)
    assert (news.item.metadata.name, news.resource_version, news.deleted) == ("a", "8", deleted)


def test_a_bookmark_says_how_far_it_is() -> None:
    assert news_in(line("BOOKMARK", {"metadata": {}}, "9"), Pod) == Reached(kind=Pod, resource_version="9")


def test_null_where_a_list_belongs_is_nothing() -> None:
    news = news_in(line("ADDED", {"metadata": {"name": "a", "labels": None}}, "8"), Pod)

    assert isinstance(news, Changed)
    assert news.item.metadata.labels == {}


def test_an_error_of_the_server_ends_it() -> None:
    status = {"kind": "Status", "code": 410, "message": "too old resource version: 1 (5)"}
    with pytest.raises(ApiError, match="410 too old resource version") as caught:
        news_in(line("ERROR", status), Pod)

    assert caught.value.status == 410


@pytest.mark.parametrize(
    "text",
    [
        b"<html>",
        b"{}",
        b"[]",
        b'{"type": "ADDED", "object": {"metadata": {"name": 7}}}',
        b'{"type": "RENAMED", "object": {}}',
        b'{"type": "ADDED", "object": {"metadata": {"name": "\xff"}}}',
        b'{"type": "ADDED", "object": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        json.dumps({"type": "ERROR", "object": []}).encode(),
    ],
    ids=["no JSON", "no type", "a list", "no pod", "unknown type", "no UTF-8", "deep", "no status"],
)
def test_garbage_is_no_change(text: bytes) -> None:
    with pytest.raises(Garbled):
        news_in(text, Pod)
