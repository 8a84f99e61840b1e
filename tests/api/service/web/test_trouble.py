"""The web page when things go wrong: keys, refusals, no network, a stream that is cut off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from threading import Thread
from typing import Any

import pytest
import uvicorn
from browsing import mistakes, watched
from secured import INCIDENTS, Secured

from sre_orchestrator.api.health import bound
from sre_orchestrator.api.service.serving import config_of
from sre_orchestrator.core.settings import RequestLimits

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Secured:
    return Secured(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def address(secured: Secured) -> Iterator[str]:
    """Yield the address of a service that needs keys."""
    server = uvicorn.Server(config_of(secured.app, RequestLimits()))
    with closing(secured.store), closing(bound("127.0.0.1", 0)) as ears:
        thread = Thread(target=server.run, kwargs={"sockets": [ears]})
        thread.start()
        yield f"http://127.0.0.1:{ears.getsockname()[1]}"
        server.should_exit = True
        thread.join(30)


def give(page: Any, key: str) -> None:
    """Type a key where the page asks for one."""
    page.get_by_label("API key or token").fill(key)
    page.get_by_label("API key or token").press("Enter")


def with_key(page: Any, headers: dict[str, str]) -> None:
    """Let the page have a key from its start."""
    page.add_init_script(f"sessionStorage.setItem('sre-orchestrator-key', {json.dumps(headers['X-API-Key'])})")


def report(page: Any, description: str) -> None:
    """Report an incident with the page."""
    page.get_by_role("button", name="Report an incident").click()
    page.get_by_label("What is wrong?").fill(description)
    page.get_by_role("dialog").get_by_role("button", name="Report").click()


def test_a_key_is_asked_for_and_kept_in_the_tab_only(browser: Any, address: str, secured: Secured) -> None:
    key = secured.key("reader", "read", "report")["X-API-Key"]
    with watched(browser, address, refusals=True) as page:
        page.goto("/")
        give(page, "sre_wrong")
        refused = page.locator("dialog .notice").inner_text()
        give(page, key)
        page.wait_for_selector("[aria-busy=false]")
        page.reload()
        page.wait_for_selector("[aria-busy=false]")
        kept = page.evaluate("[localStorage.length, document.cookie, location.href.includes('sre_')]")
        page.get_by_role("button", name="Forget key").click()
        page.wait_for_selector("dialog input[type=password]")

        assert "not valid" in refused
        assert kept == [0, "", False]
        assert page.evaluate("sessionStorage.length") == 0


def test_who_gives_no_key_is_told_so(browser: Any, address: str) -> None:
    with watched(browser, address, refusals=True) as page:
        page.goto("/")
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        page.wait_for_selector("main .notice")

        assert "A key is needed" in page.locator("main .notice").inner_text()
        assert mistakes(page) == []


def test_a_key_that_only_reads_is_told_what_it_lacks(browser: Any, address: str, secured: Secured) -> None:
    with watched(browser, address, refusals=True) as page:
        with_key(page, secured.key("only-reads", "read"))
        page.goto("/")
        report(page, "slow")
        told = page.locator("dialog .notice").inner_text()

        assert "Your key does not allow this" in told
        assert "this needs the scope report" in told


def test_refusals_are_told_in_words(browser: Any, address: str, secured: Secured) -> None:
    statuses = {429: "Try again in 7 s", 503: "cannot work at the moment", 500: "its log says more"}
    left = list(statuses)

    def refused(route: Any) -> None:
        route.fulfill(status=left.pop(0), headers={"Retry-After": "7"}, content_type=PROBLEM, body="{}")

    with watched(browser, address, refusals=True) as page:
        with_key(page, secured.key("reader", "read", "report"))
        page.route(f"**{INCIDENTS}?*", refused)
        page.goto("/")
        for verdict, said in zip(("", "diagnosed", "unresolved"), statuses.values(), strict=True):
            if verdict:
                page.get_by_label("Verdict").select_option(verdict)
            page.wait_for_selector(f"main .notice:has-text({json.dumps(said)})")

        assert left == []


def test_without_a_network_the_page_says_so_and_goes_on_later(browser: Any, address: str, secured: Secured) -> None:
    with watched(browser, address, refusals=True) as page:
        with_key(page, secured.key("reader", "read", "report"))
        page.goto("/")
        page.wait_for_selector("[aria-busy=false]")
        page.context.set_offline(True)
        page.get_by_label("Status").select_option("done")
        said = page.locator("main .notice").inner_text()
        page.context.set_offline(False)
        page.get_by_label("Status").select_option("failed")
        page.wait_for_selector("[aria-busy=false]")

        assert "cannot be reached" in said
        assert page.locator("main .notice").count() == 0


def test_what_has_no_answer_says_why(browser: Any, address: str, secured: Secured) -> None:
    with watched(browser, address) as page:
        with_key(page, secured.key("reader", "read", "report"))
        page.goto("/")
        report(page, "fail")
        page.wait_for_selector(".incident-body > .notice")
        failed = page.locator(".incident-body").inner_text()
        report(page, "slow")
        page.wait_for_selector("#answer")

        assert "it cannot be investigated" in failed
        assert "Nothing that was observed points to a cause" in page.locator("#answer").inner_text()


def test_an_incident_that_is_not_there_is_told(browser: Any, address: str, secured: Secured) -> None:
    with watched(browser, address, refusals=True) as page:
        with_key(page, secured.key("reader", "read", "report"))
        page.goto("/#/incidents/i0000")

        assert "there is no incident" in page.locator("main .notice").inner_text()


def test_a_stream_that_was_cut_off_goes_on_where_it_was(browser: Any, address: str, secured: Secured) -> None:
    last: list[str] = []

    def cut(route: Any) -> None:
        last.append(route.request.headers["last-event-id"])
        step = {"number": 2, "at": "2030-05-01T12:00:00Z", "what": "agent", "text": "logs done"}
        if len(last) == 1:
            route.fulfill(content_type="text/event-stream", body=f"id: 2\nevent: agent\ndata: {json.dumps(step)}\n\n")
        elif len(last) == 2:
            route.abort()
        else:
            route.continue_()

    with watched(browser, address, refusals=True) as page:
        with_key(page, secured.key("reader", "read", "report"))
        page.route(f"**{INCIDENTS}/*/events", cut)
        asked: list[str] = []

        def running(route: Any) -> None:  # until the stream was asked for again
            asked.append(route.request.url)
            answer = route.fetch()
            view = {**answer.json(), **({"status": "running", "report": None} if len(last) < 3 else {})}
            route.fulfill(response=answer, json=view)

        page.route(f"**{INCIDENTS}/i*", lambda one: running(one) if one.request.url.count("/") == 6 else one.fallback())
        page.goto("/")
        report(page, "cut off")
        page.wait_for_selector("#answer")

        assert last == ["0", "2", "2"]
