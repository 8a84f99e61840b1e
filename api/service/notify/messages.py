"""What is told of an incident: to a chat, to a program, as a CloudEvent."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime
from string import Template

import msgspec

from sre_orchestrator.api.service.models import IncidentView
from sre_orchestrator.api.service.ports import Delivery
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Hypothesis, Step, Struct, Verdict
from sre_orchestrator.core.narrate import summary_of
from sre_orchestrator.core.settings import TOLD, Notify

EVENT_TYPE = "io.sre-orchestrator.incident."
SHOWN = 500
PREFIX = "whsec_"


class Told(Struct, frozen=True, kw_only=True):
    """The report of an incident in short; ``url`` leads to the whole of it, ``summary`` is a model's, where there is one."""

    incident: str
    url: str
    description: str
    namespace: str = ""
    cluster: str = ""
    labels: dict[str, str] = {}
    seen: int = 1
    verdict: Verdict
    cause: str = ""
    component: str = ""
    title: str = ""
    because: str = ""
    summary: str = ""
    confidence: float = 0.0
    remedy: tuple[Step, ...] = ()
    gaps: int = 0


def told(view: IncidentView, first: Hypothesis | None, public_url: str) -> Told:
    """Return what is told of an incident that is done; ``first`` is its cause where it was diagnosed."""
    reported, report = view.reported, view.report
    short = Told(
        incident=view.id,
        url=f"{public_url.rstrip('/')}/api/v1/incidents/{view.id}",
        description=reported.description,
        namespace=reported.namespace,
        cluster=reported.cluster,
        labels=reported.labels,
        seen=view.seen,
        verdict=view.verdict or "unresolved",
        summary=summary_of(report) if report else "",
        gaps=len(report.gaps) if report else 0,
    )
    if first is None:
        return short
    return msgspec.structs.replace(
        short,
        cause=first.cause,
        component=first.component,
        title=first.title,
        because=first.because,
        confidence=first.confidence,
        remedy=first.remedy,
    )


def body_of(target: Notify, delivery: Delivery, what: Told) -> tuple[bytes, str]:
    """Return a message and its content type."""
    if target.kind == "slack":
        text = templated(target.template, what) if target.template else chat_text(what)
        return msgspec.json.encode({"text": text}), "application/json"
    if target.kind == "webhook":
        return msgspec.json.encode(what), "application/json"
    event = {
        "specversion": "1.0",
        "id": delivery.id,
        "source": what.url.rpartition("/api/")[0] or "/sre-orchestrator",
        "type": EVENT_TYPE + what.verdict,
        "subject": what.incident,
        "time": delivery.created_at,
        "datacontenttype": "application/json",
        "data": what,
    }
    return msgspec.json.encode(event), "application/cloudevents+json"


def chat_text(what: Told) -> str:
    """Return a few lines in the markup that Slack, Mattermost and Rocket.Chat share."""
    if not what.cause:
        lines = [f"*{_plain(what.description)}*: no cause found", *([_plain(what.summary)] if what.summary else [])]
    else:
        lines = [
            f"*{_plain(what.description)}*: {_plain(what.title)}",
            f"`{_plain(what.component)}`, {what.confidence:.0%} sure: {_plain(what.summary or what.because)}",
            *(f"• {_plain(step.text)}" for step in what.remedy[:1]),
        ]
    if what.gaps:
        lines.append(f"not seen: {what.gaps} of what it looked for")
    page = what.url.replace("/api/v1/", "/#/")  # of the web page: people follow this link
    lines.append(f"<{page}|incident {what.incident}>" if "://" in page else f"incident {what.incident}")
    return "\n".join(lines)


def templated(template: str, what: Told) -> str:
    """Return a template of the settings, filled in; what is filled in calls nobody, and is not read as a template."""
    values = {name: _plain(str(getattr(what, name))) for name in TOLD if name not in {"remedy", "confidence", "url"}}
    values |= {
        "url": what.url,
        "confidence": f"{what.confidence:.0%}",
        "remedy": _plain(what.remedy[0].text) if what.remedy else "",
    }
    return Template(template).substitute(values)


def headers_of(delivery: Delivery, body: bytes, secret: str, now: datetime) -> dict[str, str]:
    """Return the headers of https://www.standardwebhooks.com; the id stays the same however often it is sent.

    Raises:
        InputError: the secret begins with ``whsec_`` and is no base64.

    """
    at = str(int(now.timestamp()))
    headers = {"webhook-id": delivery.id, "webhook-timestamp": at}
    if secret:
        signed = b".".join((delivery.id.encode(), at.encode(), body))
        digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers


def _key(secret: str) -> bytes:
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise InputError(f"begins with {PREFIX} and is no base64; give a secret without it, or a valid one") from error


def _plain(text: str) -> str:
    """Return text that calls nobody and marks nothing up: it comes from alerts and from the cluster."""
    short = " ".join(text.split())[:SHOWN]
    for sign, instead in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("@", "@\u200b"), ("`", "'"), ("*", "\u2217")):
        short = short.replace(sign, instead)
    return short
