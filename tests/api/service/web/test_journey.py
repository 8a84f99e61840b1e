"""A person uses the web page, in a real Chromium on a real service."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import DESCRIPTION, HOSTILE, mistakes, open_answer, reported, still, too_wide, watched

TITLE = "A container needs more memory than its limit allows"
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
LISTED = ("the shop is slow since noon", "orders end with an error", "customers cannot pay")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return where pictures go: to the documentation where ``SRE_PICTURES`` is set."""
    return Path(__file__).parents[4] / "docs" / "images" if os.environ.get("SRE_PICTURES") else tmp_path


@pytest.fixture(scope="module")
def answer(browser: Any, address: str) -> Iterator[Any]:
    """Yield a page that shows an answer, which several tests read."""
    with watched(browser, address, permissions=["clipboard-read", "clipboard-write"]) as page:
        open_answer(page, address)
        yield page


def test_an_incident_is_reported_watched_and_read(browser: Any, address: str) -> None:
    with watched(browser, address) as page:
        page.goto("/")
        page.get_by_role("button", name="Report an incident").click()
        page.get_by_label("What is wrong?").fill("orders are refused")
        page.get_by_role("dialog").get_by_role("button", name="Report").click()
        page.wait_for_selector(".progress .steps")
        page.wait_for_selector("#answer")

        assert page.locator("h1").inner_text() == "orders are refused"
        assert page.locator("#answer-title").inner_text() == TITLE
        assert page.locator("#answer .blamed").inner_text().startswith("deployment pricing in shop")
        assert "almost certain" in page.locator("#answer .sureness").inner_text()
        assert page.locator("#said").inner_text() == "The investigation is done: diagnosed."


def test_the_proof_goes_down_to_observations_and_their_commands(answer: Any) -> None:
    answer.locator("#answer .proof > summary").click()
    answer.locator("#answer .tree > li").first.locator("summary").click()

    opened = answer.locator("#answer .tree > li").first.inner_text()
    assert "oom-killed-at-limit" in opened
    assert "OOMKilled" in opened
    assert "kubectl describe pod pricing-6f8b9d7c5-xw9lm -n shop" in opened


def test_what_a_model_added_stands_apart_from_what_is_proved(browser: Any, address: str) -> None:
    def with_model(route: Any) -> None:
        response = route.fetch()
        body = response.json()
        report = body.get("report")
        if report:
            use = {"calls": 1, "prompt_tokens": 700, "completion_tokens": 90, "elapsed_ms": 1200, "failures": ["late"]}
            report["versions"]["model"] = "scripted:test"
            report["cost"] |= {"llm_calls": 1, "tokens": 790, "model": {"narrate": use}}
            report["narrative"] = "<b>pricing</b> was killed. [f0123456789ab]"
            report["suggestions"] = [
                {"cause": "x", "component": "pod/shop/cart-1", "title": "A disk is slow", "why": "pod.unready"}
            ]
        route.fulfill(response=response, json=body)

    with watched(browser, address) as page:
        page.route(re.compile(r"/api/v1/incidents/[^/?]+$"), with_model)
        open_answer(page, address)

        assert page.locator("#words p").all_inner_texts() == ["<b>pricing</b> was killed."]
        assert "UNPROVEN SUGGESTION" in page.locator("#suggestions li").inner_text().upper()
        assert "A disk is slow" in page.locator("#suggestions li").inner_text()
        order = page.locator("section.panel").evaluate_all("all => all.map((one) => one.id)")
        assert order.index("answer") < order.index("suggestions")
        cost = "model scripted:test: 1 call, 790 tokens, 1.2 s, 1 answer not or only partly used"
        assert cost in page.locator(".versions").inner_text()


def test_the_graph_marks_the_cause_by_shape_and_word(answer: Any) -> None:

    cause = answer.locator("svg.graph .box.cause")
    label = answer.locator("svg.graph").get_attribute("aria-label")
    assert cause.count() == 1
    assert cause.locator("text").all_text_contents() == ["deployment", "◆ CAUSE", "pricing"]
    assert cause.locator("rect").count() == 2
    assert "the cause is deployment/shop/pricing" in label
    assert answer.locator("svg.graph .link").count() >= 4


def test_timeline_gaps_and_runbooks_are_told(answer: Any) -> None:

    blamed = answer.locator("#timeline .blamed").inner_text()
    assert blamed.startswith("14:02:05")
    assert "512Mi → 128Mi" in blamed
    assert "all secrets" in answer.locator("#gaps").inner_text()
    assert "No runbook fits" in answer.locator("#runbooks").inner_text()


def test_runbooks_say_where_they_are_how_old_and_what_was_seen_before(browser: Any, address: str) -> None:
    def with_runbooks(route: Any) -> None:
        response = route.fetch()
        body = response.json()
        if body.get("report"):
            old = {"title": HOSTILE, "headings": ["Meaning"], "passage": "<b>Raise</b> it", "address": "/books/m.md:3"}
            past = {"title": "pricing was killed", "passage": "This was right.", "address": "/api/v1/incidents/i1"}
            body["report"]["hypotheses"][0]["runbooks"] = [old | {"stale": True}, past | {"past": True}]
        route.fulfill(response=response, json=body)

    with watched(browser, address) as page:
        page.route(re.compile(r"/api/v1/incidents/[^/?]+$"), with_runbooks)
        open_answer(page, address)

        shown = page.locator("#runbooks").inner_text()
        assert "<script>alert(1)</script>" in shown
        assert "> Meaning last reviewed long ago" in " ".join(shown.split())
        assert "<b>Raise</b> it" in shown
        assert "Seen before: pricing was killed" in shown


def test_a_command_is_copied(answer: Any) -> None:
    answer.locator("#answer .remedy .copy").first.click()
    answer.locator("#said", has_text="copied").wait_for(state="attached")

    copied = answer.evaluate("navigator.clipboard.readText()")
    assert copied == "kubectl describe pod pricing-6f8b9d7c5-xw9lm -n shop"


def test_the_bundle_and_the_report_are_downloaded(answer: Any, tmp_path: Path) -> None:
    incident = answer.url.rpartition("/")[2]
    with answer.expect_download() as bundle:
        answer.get_by_role("button", name="Download bundle").click()
    bundle.value.save_as(tmp_path / "bundle")
    with answer.expect_download() as text:
        answer.get_by_role("button", name="Markdown").click()
    text.value.save_as(tmp_path / "text")

    assert bundle.value.suggested_filename == f"{incident}.bundle.json.gz"
    assert json.loads(gzip.decompress((tmp_path / "bundle").read_bytes()))["report"]["verdict"] == "diagnosed"
    assert (tmp_path / "text").read_text(encoding="utf-8").startswith(f"# Diagnosed: {DESCRIPTION}")


def test_why_another_cause_was_not_concluded_is_asked(answer: Any) -> None:
    form = answer.locator("#why-not")
    form.get_by_label("Cause").select_option("liveness-probe-too-tight")
    form.get_by_label("Component").fill("deployment/shop/orders")
    form.get_by_role("button", name="Ask").click()
    answer.wait_for_selector("#why-not .trials")

    assert "did not hold" in form.inner_text()


def test_an_unknown_component_is_refused_in_words(browser: Any, address: str) -> None:
    with watched(browser, address, refusals=True) as page:
        open_answer(page, address)
        form = page.locator("#why-not")
        form.get_by_label("Cause").select_option("liveness-probe-too-tight")
        form.get_by_label("Component").fill("deployment/shop/ordes")
        form.get_by_role("button", name="Ask").click()

        assert "ordes" in page.locator("#why-not .notice").inner_text()


def test_people_say_whether_it_was_right(browser: Any, address: str) -> None:
    with watched(browser, address) as page:
        open_answer(page, address)
        page.locator("#answer").get_by_role("button", name="Wrong").click()
        page.locator("#answer").get_by_label("What was it?").select_option("liveness-probe-too-tight")
        with page.expect_request("**/feedback") as sent:
            page.locator("#answer").get_by_role("button", name="Send").click()
        page.wait_for_selector("#answer .good-text")

        assert sent.value.post_data_json["actual_cause"] == "liveness-probe-too-tight"
        assert sent.value.post_data_json["right"] is False


def test_an_incident_is_marked_as_over(browser: Any, address: str) -> None:
    with watched(browser, address) as page:
        open_answer(page, address, "over soon")
        page.get_by_role("button", name="Mark as over").click()
        page.wait_for_selector(".facts .badge:has-text('over')")

        assert page.get_by_role("button", name="Mark as over").count() == 0


def test_what_the_list_shows_is_in_the_address(browser: Any, address: str) -> None:
    reported(address, DESCRIPTION)
    with watched(browser, address) as page:
        page.goto("/")
        page.get_by_label("Search descriptions").fill("answers 500")
        page.get_by_label("Search descriptions").press("Enter")
        page.wait_for_url(re.compile("text=answers"))
        page.get_by_label("Status").select_option("done")
        page.wait_for_url(re.compile("status=done"))
        page.wait_for_selector("[data-row]")
        found = page.locator("[data-row]").all_inner_texts()
        page.goto("/#/?text=nothing+is+called+so")
        page.wait_for_selector(".empty")

        assert found == [DESCRIPTION]
        assert page.get_by_label("Search descriptions").input_value() == "nothing is called so"


def test_pages_of_the_list_follow_each_other(browser: Any, address: str) -> None:
    for one in (DESCRIPTION, "another"):
        reported(address, one)
    with watched(browser, address) as page:
        page.route("**/incidents?limit=25*", lambda one: one.continue_(url=one.request.url.replace("=25", "=1")))
        page.goto("/#/?sort=created_at")
        page.wait_for_selector("[data-row]")
        first = page.locator("[data-row]").all_inner_texts()
        page.get_by_role("link", name="Next page").click()
        page.wait_for_selector("text=First page")

        assert len(first) == 1
        assert page.locator("[data-row]").all_inner_texts() != first


def test_the_keyboard_is_enough(browser: Any, address: str) -> None:
    reported(address, DESCRIPTION)
    with watched(browser, address) as page:
        press = page.keyboard.press
        page.goto("/")
        page.wait_for_selector("[data-row]")
        press("Tab")
        skip = page.evaluate("document.activeElement.textContent")
        press("Enter")
        press("/")
        page.keyboard.type("answers 500")
        press("Enter")
        page.wait_for_url(re.compile("text="))
        page.wait_for_selector("[data-row]")
        press("Escape")
        press("j")
        press("Enter")
        page.wait_for_selector("#answer")
        page.locator("#answer .proof > summary").focus()
        press("Enter")
        press("Tab")
        press("Enter")
        opened = page.locator("#answer .tree > li").first.locator("details").get_attribute("open")
        press("u")
        page.wait_for_selector("[aria-busy=false]")
        press("n")
        page.keyboard.type("typed")
        press("Escape")
        press("?")
        help_shown = page.get_by_role("dialog").inner_text()
        press("Escape")

        assert skip == "Skip to the content"
        assert opened == ""
        assert "next and previous incident" in help_shown
        assert page.locator("dialog").count() == 0


def test_hostile_text_is_text(browser: Any, address: str) -> None:
    incident = reported(address, HOSTILE)
    with watched(browser, address, **PHONE) as page:
        page.goto("/")
        page.wait_for_selector("[data-row]")
        listed = page.locator(f'[data-row="{incident}"]').inner_text()
        wide = too_wide(page)
        page.goto(f"/#/incidents/{incident}")
        page.wait_for_selector("svg.graph")

        assert listed.startswith("<script>alert(1)</script><img src=x onerror=alert(2)> ⟨U+202E⟩gnihton⟨U+202C⟩")
        assert page.locator("h1").inner_text().startswith("<script>alert(1)</script><img src=x")
        assert page.evaluate("document.querySelectorAll('main script, main img').length") == 0
        assert wide + too_wide(page) == []


def test_a_phone_never_scrolls_sideways(browser: Any, address: str, pictures: Path) -> None:
    with watched(browser, address, color_scheme="dark", **PHONE) as page:
        still(page)
        reported(address, DESCRIPTION)
        page.goto("/")
        page.wait_for_selector("[data-row]")
        wide = too_wide(page)
        page.get_by_role("button", name="Report").click()
        wide += too_wide(page)
        page.keyboard.press("Escape")
        page.get_by_text(DESCRIPTION).first.tap()
        page.wait_for_selector("svg.graph")
        page.screenshot(path=pictures / "phone.png")
        for one in page.locator("summary").all():
            if one.is_visible():
                one.click()

        assert wide + too_wide(page) == []


def test_the_list_is_accessible(browser: Any, address: str, pictures: Path) -> None:
    for one in LISTED:
        reported(address, one, "shop")
    with watched(browser, address, color_scheme="light", viewport={"width": 1200, "height": 500}) as page:
        still(page)
        page.goto("/#/?namespace=shop")
        page.wait_for_selector("[data-row]")
        page.get_by_text("needs more memory").first.wait_for()
        page.screenshot(path=pictures / "incidents.png")
        wrong = mistakes(page)
        page.get_by_role("button", name="Report an incident").click()

        assert wrong + mistakes(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_themes_are_accessible(browser: Any, address: str, pictures: Path, scheme: str) -> None:
    with watched(browser, address, color_scheme=scheme, viewport={"width": 1200, "height": 800}) as page:
        still(page)
        open_answer(page, address)
        page.screenshot(path=pictures / f"incident-{scheme}.png")
        page.locator("#answer .proof > summary").click()
        page.locator("#answer .tree > li summary").first.click()
        page.locator("#graph summary").click()
        if scheme == "light":
            page.locator("#answer .proof").screenshot(path=pictures / "proof.png")
        red, *_ = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")

        assert mistakes(page) == []
        assert (red < 40) is (scheme == "dark")
