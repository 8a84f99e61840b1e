"""Notifications: said once, signed, sent until they arrive, and without their secrets in what is logged."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import httpx
import msgspec
import pytest
from investigation import NOW
from reports import KILLED, hypothesis, report
from served import served
from service import bundle_of
from structlog.testing import capture_logs

from sre_orchestrator.api.service.models import Arrival, Reported
from sre_orchestrator.api.service.notify.messages import Told, body_of, chat_text, templated, told
from sre_orchestrator.api.service.notify.posting import Undelivered, post
from sre_orchestrator.api.service.notify.sending import MOST_ATTEMPTS, Sender
from sre_orchestrator.api.service.ports import Delivery
from sre_orchestrator.api.service.store import Database, open_database
from sre_orchestrator.core.models import Gap, Report, Step, Versions
from sre_orchestrator.core.narrate import TemplateNarrator
from sre_orchestrator.core.settings import Notify

BEGUN = time.monotonic()
SECRET_PATH = "/services/T0/B0/s3cr3t"


class Receiver:
    """A web service on loopback that answers the statuses it is given, the last one again and again."""

    def __init__(self, *statuses: int, headers: dict[str, str] | None = None) -> None:
        self.statuses = list(statuses) or [200]
        self.headers = headers or {}
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.called = threading.Event()
        self.before_answer: Callable[[], object] = lambda: None

    @contextmanager
    def open(self) -> Iterator[str]:
        """Serve, and yield the address."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                receiver.before_answer()
                receiver.called.set()
                status = receiver.statuses.pop(0) if len(receiver.statuses) > 1 else receiver.statuses[0]
                try:
                    self.send_response(status)
                    for name, value in receiver.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                except OSError:
                    return  # who asked is gone

            def log_message(self, format: str, *args: Any) -> None:
                del format, args

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}{SECRET_PATH}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def going_on() -> datetime:
    """Return a time that goes on."""
    return NOW + timedelta(seconds=time.monotonic() - BEGUN)


class Clock:
    """A time that the test sets."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        """Return it."""
        return self.at


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    store = open_database("", tmp_path, ["slack", "webhook", "cloudevents"])
    yield store
    store.close()


def proved() -> Report:
    first = hypothesis(cause="memory-limit-too-low", component="deployment/shop/cart", confidence=0.9)
    first = msgspec.structs.replace(first, because="the limit is <64Mi>", remedy=(Step(text="raise the limit"),))
    gap = Gap(agent="logs", what="logs", why="denied", remedy="allow it")
    return msgspec.structs.replace(report(first), gaps=(gap,))


def diagnosed(store: Database, answer: Report | None = None, description: str = "checkout answers 500") -> str:
    name = store.accept(Arrival(reported=Reported(description=description), origin="alert"), NOW).record.id
    store.claim(NOW, name)
    return store.finish(name, bundle_of(answer or proved()), NOW).id


def sent(store: Database, target: Notify, *, clock: Clock | None = None) -> bool:
    sender = Sender(store, store.outbox, [target], public_url="https://sre.example/", now=clock or Clock())
    return sender.send_next(target)


def test_a_chat_is_told_in_a_few_lines_that_call_nobody(store: Database) -> None:
    receiver = Receiver()
    name = diagnosed(store, description="<!channel> @all *checkout* `rm`")

    with receiver.open() as url:
        assert sent(store, Notify(kind="slack", url=url))
        assert not sent(store, Notify(kind="slack", url=url))

    ((headers, body),) = receiver.got
    lines = json.loads(body)["text"].splitlines()
    assert lines[0].startswith("*&lt;!channel&gt; @\u200ball \u2217checkout\u2217 'rm'*: ")
    assert lines[1] == "`deployment/shop/cart`, 90% sure: the limit is &lt;64Mi&gt;"
    assert lines[2:] == [
        "• raise the limit",
        "not seen: 1 of what it looked for",
        f"<https://sre.example/#/incidents/{name}|incident {name}>",
    ]
    assert headers["content-type"] == "application/json"
    assert "webhook-signature" not in headers


@pytest.mark.parametrize("verdict", ["diagnosed", "unresolved"])
def test_a_chat_is_told_what_a_model_sums_up_and_nobody_else(verdict: str, store: Database) -> None:
    said = "Der Container von cart wurde <beendet>."
    answer = report(*([hypothesis()] if verdict == "diagnosed" else []))
    worded = msgspec.structs.replace(answer, narrative=f"{said} [{KILLED.id}]\nmore [{KILLED.id}]")
    by_a_model = msgspec.structs.replace(worded, versions=Versions(program="0", rule_book="b", model="openai:x"))
    by_template = msgspec.structs.replace(by_a_model, narrative=TemplateNarrator().narrate(answer))

    texts = []
    for one in (by_a_model, by_template, worded):
        view = store.get(diagnosed(store, one))
        assert view
        texts.append(chat_text(told(view, one.hypotheses[0] if one.hypotheses else None, "")))

    about = "`deployment/shop/cart`, 93% sure: " if verdict == "diagnosed" else ""
    assert texts[0].splitlines()[1] == f"{about}Der Container von cart wurde &lt;beendet&gt;."
    assert not [text for text in texts[1:] if "Container von" in text]


def test_a_template_is_filled_in_and_nothing_in_it_is_run() -> None:
    what = Told(
        incident="i1",
        url="https://sre.example/api/v1/incidents/i1",
        description="$cause ${title} <!channel> {0.__class__}",
        verdict="diagnosed",
        title="%(cause)s `rm`",
        confidence=0.93,
        remedy=(Step(text="raise *it*"), Step(text="later")),
    )

    said = templated("$$5 $description|$title|$confidence|$remedy|$url|$because", what)

    assert said == (
        "$5 $cause ${title} &lt;!channel&gt; {0.__class__}|%(cause)s 'rm'|93%|raise \u2217it\u2217|"
        "https://sre.example/api/v1/incidents/i1|"
    )


def test_a_chat_is_told_in_the_words_of_the_settings() -> None:
    body, _ = body_of(
        Notify(kind="slack", url="https://x.example", template="$verdict: $seen of $namespace, no $cause$remedy"),
        Delivery(id="d", incident="i1", target="slack", created_at=NOW, attempts=1),
        Told(
            incident="i1", url="/api/v1/incidents/i1", description="x", namespace="shop", verdict="unresolved", seen=3
        ),
    )

    assert json.loads(body) == {"text": "unresolved: 3 of shop, no "}


def test_a_program_is_told_what_is_in_the_report_with_a_signature(store: Database, tmp_path: Path) -> None:
    receiver = Receiver(204)
    key = b"0123456789abcdef01234567"
    (tmp_path / "secret").write_text(f"whsec_{base64.b64encode(key).decode()}\n", encoding="utf-8")
    name = diagnosed(store)

    with receiver.open() as url:
        (tmp_path / "url").write_text(url + "\n", encoding="utf-8")
        target = Notify(kind="webhook", url_file=str(tmp_path / "url"), secret_file=str(tmp_path / "secret"))
        assert sent(store, target)

    ((headers, body),) = receiver.got
    said = json.loads(body)
    assert (said["incident"], said["verdict"], said["cause"], said["component"], said["confidence"]) == (
        name, "diagnosed", "memory-limit-too-low", "deployment/shop/cart", 0.9,
    )  # fmt: skip
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_an_event_says_where_it_is_from_and_what_it_is_about(store: Database, tmp_path: Path) -> None:
    receiver = Receiver(202)
    (tmp_path / "secret").write_text("plain words", encoding="utf-8")
    name = diagnosed(store, report())

    with receiver.open() as url:
        assert sent(store, Notify(kind="cloudevents", url=url, secret_file=str(tmp_path / "secret")))

    ((headers, body),) = receiver.got
    event = json.loads(body)
    assert headers["content-type"] == "application/cloudevents+json"
    assert (event["specversion"], event["id"], event["source"]) == ("1.0", headers["webhook-id"], "https://sre.example")
    assert (event["type"], event["subject"]) == ("io.sre-orchestrator.incident.unresolved", name)
    assert event["data"]["cause"] == ""


def test_a_chat_is_told_that_no_cause_was_found_without_a_link(store: Database) -> None:
    receiver = Receiver()
    name = diagnosed(store, report())

    with receiver.open() as url:
        target = Notify(kind="slack", url=url)
        assert Sender(store, store.outbox, [target], now=Clock()).send_next(target)

    assert json.loads(receiver.got[0][1])["text"].splitlines() == [
        "*checkout answers 500*: no cause found",
        f"incident {name}",
    ]


def test_who_wants_only_diagnoses_is_told_nothing_else(store: Database) -> None:
    receiver = Receiver()
    diagnosed(store, report())

    with receiver.open() as url:
        assert sent(store, Notify(kind="slack", url=url, verdicts=("diagnosed",)))

    assert receiver.got == []


def test_what_fails_twice_is_sent_a_third_time_with_the_same_id(store: Database, tmp_path: Path) -> None:
    receiver = Receiver(503, 500, 200)
    diagnosed(store)

    async def work(url: str) -> None:
        target = Notify(kind="webhook", url=url)
        again = open_database("", tmp_path, ["webhook"])
        sender = Sender(again, again.outbox, [target], first_wait_seconds=0.01, now=going_on)
        async with sender.running():
            with anyio.fail_after(20):
                while len(receiver.got) < 3:
                    sender.finished(None, None)  # type: ignore[arg-type]
                    await anyio.sleep(0.02)
        again.close()

    with receiver.open() as url, capture_logs() as logs:
        anyio.run(work, url)

    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert [one["attempt"] for one in logs] == [1, 2]
    assert "s3cr3t" not in str(logs)


def test_it_waits_as_long_as_it_is_asked_to_and_gives_up_in_the_end(store: Database) -> None:
    clock = Clock()
    receiver = Receiver(429, headers={"Retry-After": "100"})
    diagnosed(store)

    with receiver.open() as url, capture_logs() as logs:
        target = Notify(kind="slack", url=url)
        assert sent(store, target, clock=clock)
        clock.at += timedelta(seconds=99)
        assert not sent(store, target, clock=clock)
        for _ in range(MOST_ATTEMPTS):
            clock.at += timedelta(hours=1)
            sent(store, target, clock=clock)

    assert len(receiver.got) == MOST_ATTEMPTS
    assert [one["log_level"] for one in logs] == ["warning"] * (MOST_ATTEMPTS - 1) + ["error"]


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (Notify(kind="slack", url=f"http://127.0.0.1:1{SECRET_PATH}"), "127.0.0.1: cannot be reached"),
        (Notify(kind="slack", url=f"https://127.0.0.1:1{SECRET_PATH}"), "127.0.0.1: cannot be reached"),
        (Notify(kind="slack", url=f"http://127.0.0.1:port{SECRET_PATH}"), "the address cannot be read"),
        (Notify(kind="slack", url_file="/none"), "service.notify slack: /none: cannot be read"),
        (Notify(kind="slack", url="http://127.0.0.1:1", secret_file="{bad}"), "is no base64"),
    ],
)
def test_what_goes_wrong_is_said_without_the_address(store: Database, tmp_path: Path, target: Notify, why: str) -> None:
    (tmp_path / "bad").write_text("whsec_%", encoding="utf-8")
    diagnosed(store)

    with capture_logs() as logs:
        sent(store, msgspec.structs.replace(target, secret_file=target.secret_file.format(bad=tmp_path / "bad")))

    assert why in logs[0]["why"]
    assert "s3cr3t" not in str(logs)


def test_who_does_not_answer_is_left_after_a_while() -> None:
    receiver, over = Receiver(), threading.Event()
    receiver.before_answer = lambda: bool(over.wait(5))

    with receiver.open() as url:
        with pytest.raises(Undelivered, match=r"no answer within 0.2 s"):
            post(url, b"{}", {}, 0.2)
        over.set()


def test_a_store_that_fails_stops_nobody(store: Database) -> None:
    receiver = Receiver()

    class Broken:
        def __init__(self) -> None:
            self.times = 0

        def due(self, target: str, now: datetime, until: datetime) -> Any:
            self.times += 1
            if self.times < 3:
                raise OSError("locked")
            return store.outbox.due(target, now, until)

        def __getattr__(self, name: str) -> Any:
            return getattr(store.outbox, name)

    async def work(url: str) -> None:
        sender = Sender(store, Broken(), [Notify(kind="slack", url=url)], now=Clock())
        async with sender.running():
            with anyio.fail_after(20):
                while not receiver.got:
                    sender.finished(None, None)  # type: ignore[arg-type]
                    await anyio.sleep(0.02)

    diagnosed(store)
    with receiver.open() as url, capture_logs() as logs:
        anyio.run(work, url)

    assert [one["why"] for one in logs if "why" in one][:2] == ["OSError: locked"] * 2


def test_a_service_that_is_killed_before_it_was_answered_tells_it_again_with_the_same_id(tmp_path: Path) -> None:
    receiver = Receiver()
    settings = tmp_path / "settings.yaml"

    with receiver.open() as url:
        notify = [{"kind": "webhook", "url": url, "timeout_seconds": 1}]
        settings.write_text(json.dumps({"service": {"notify": notify}}), encoding="utf-8")
        with served(tmp_path, settings) as (process, address):
            receiver.before_answer = lambda: os.kill(process.pid, signal.SIGKILL)
            alert = {"alerts": [{"labels": {"alertname": "HighErrors", "namespace": "shop"}}]}
            assert httpx.post(f"{address}/api/alerts", json=alert, trust_env=False, timeout=20).status_code == 202
            assert receiver.called.wait(60)
        receiver.called.clear()
        receiver.before_answer = lambda: None
        with served(tmp_path, settings):
            assert receiver.called.wait(60)

    (first, body), (again, _) = receiver.got
    assert first["webhook-id"] == again["webhook-id"]
    assert json.loads(body)["cause"] == "memory-limit-too-low"
