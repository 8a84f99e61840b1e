"""A real Chromium on the web page: nothing leaves the origin, nothing breaks the policy, nothing is wrong in the console.

::

    with chromium() as browser, watched(browser, address, **options) as page: ...
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from extras import absent, need
from metric_servers import until

DESCRIPTION = "checkout answers 500"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> \u202egnihton\u202c " + "x" * 700

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)
REFUSED = "Failed to load resource"  # Chromium's own words on an answer that is an error


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield the browser of the system; a test that needs it is skipped without it, except in CI."""
    need("playwright", "test")
    program = shutil.which("chromium")
    if program is None:
        absent("chromium is not installed (.ci/servers FOLDER)")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - it may be absent

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def watched(browser: Any, address: str, *, refusals: bool = False, **options: Any) -> Iterator[Any]:
    """Yield a fresh page; at the end, assert that it did nothing that it must not. ``refusals`` are expected or not."""
    context = browser.new_context(base_url=address, reduced_motion="reduce", **options)
    page = context.new_page()
    page.set_default_timeout(60_000)
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    page.on("console", lambda one: wrong.append(one.text) if one.type in {"error", "warning"} else None)
    page.on("pageerror", lambda one: wrong.append(str(one)))
    page.on("dialog", lambda one: wrong.append(f"dialog: {one.message}"))
    page.add_init_script(
        "addEventListener('securitypolicyviolation', e => console.error('policy: ' + e.violatedDirective))"
    )
    yield page
    context.close()
    assert [one for one in asked if not one.startswith((f"{address}/", f"blob:{address}/"))] == []
    assert [one for one in wrong if not (refusals and REFUSED in one)] == []


def reported(address: str, description: str, namespace: str = "") -> str:
    """Return the id of an incident with that description, reported now if it was not before, when it is done."""
    url = f"{address}/api/v1/incidents"
    there = [one for one in httpx.get(url).json()["items"] if one["reported"]["description"] == description]
    one = there[0] if there else httpx.post(url, json={"description": description, "namespace": namespace}).json()
    until(lambda: httpx.get(f"{url}/{one['id']}").json()["status"] in {"done", "failed"}, 60)
    return str(one["id"])


def open_answer(page: Any, address: str, description: str = DESCRIPTION) -> str:
    """Show the answer of such an incident; return its id."""
    found = reported(address, description)
    page.goto(f"/#/incidents/{found}")
    page.wait_for_selector("svg.graph")
    return found


def still(page: Any) -> None:
    """Let the page show the same times whenever its picture is taken."""

    def answered(route: Any) -> None:
        text = re.sub(r'"elapsed_ms":\d+', '"elapsed_ms":900', route.fetch().text())
        text = re.sub(r'"created_at":"[^"]+"', '"created_at":"2030-05-01T12:00:00Z"', text)
        route.fulfill(content_type="application/json", body=text)

    page.clock.set_fixed_time("2030-05-01T12:04:00Z")
    page.route(re.compile(r"/api/v1/incidents(\?.*|/i[0-9a-f]+)?$"), answered)


def mistakes(page: Any) -> list[str]:
    """Return what is not accessible on the page as it is now (axe: WCAG 2.2 A and AA, contrast among it)."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - it may be absent

    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = Axe().run(page, options={"runOnly": tags, "resultTypes": ["violations"]}).response["violations"]
    return [f"{one['id']}: {node['html'][:160]} {node['failureSummary']}" for one in found for node in one["nodes"]]


def too_wide(page: Any) -> list[str]:
    """Return what makes the page scroll sideways."""
    return list(
        page.evaluate(
            """() => document.documentElement.scrollWidth <= innerWidth ? [] :
            [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
            .map(e => e.outerHTML.slice(0, 120))"""
        )
    )
