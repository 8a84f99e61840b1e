"""The door to openai: one request to a server, bounded in seconds and bytes, whatever the server does."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import openai
import openai.resources.chat  # loaded with the rest, not in the time of the first answer

from sre_orchestrator.core.boundary import Success, guarded
from sre_orchestrator.core.errors import InputError, ModelError
from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.models.openai.address import Address
from sre_orchestrator.plugins.models.openai.stream import CUT, Answer, Reading

if TYPE_CHECKING:
    Foreign = Any  # what the library sends and receives with

FINE = 200
MOST_REFUSAL = 8 * 1024
AGENT = "sre-orchestrator"
BROKEN = "the connection broke off"


class Call(Struct, frozen=True, kw_only=True):
    """What is sent to whom: ``headers`` hold the key, ``tokens`` bound the answer."""

    address: Address
    headers: dict[str, str]
    body: dict[str, object]
    tokens: int
    ca_file: str = ""


class Refused(Struct, frozen=True, kw_only=True):
    """An answer of HTTP that is no answer: its status, how long to wait (as it was said), and what it said."""

    status: int
    wait: str = ""
    said: str = ""


class Problem(Struct, frozen=True, kw_only=True):
    """No answer, why, and whether it may be another time (``again``), because nothing was answered yet.

    Where the model may have been at work (``asked``), ``heard_bytes`` of its answer had come.
    """

    why: str
    again: bool = False
    asked: bool = False
    heard_bytes: int = 0


Outcome = Answer | Refused | Problem


def exchange(call: Call, seconds: float) -> Outcome:
    """Return what came of a request within ``seconds``; then whatever still goes on is left alone and ends.

    It has a thread of its own: names are looked up without a time-out, and a server may send a byte now and then.
    """
    opened: list[openai.OpenAI] = []
    outcomes: list[Outcome] = []
    reading = Reading(call.tokens)
    thread = threading.Thread(
        target=lambda: outcomes.append(_asked(call, seconds, reading, opened)), name="openai", daemon=True
    )
    thread.start()
    thread.join(seconds)
    if outcomes:
        return outcomes[0]
    for client in opened:
        guarded(client.close)  # what it reads next fails
    return Problem(why=f"no answer within {seconds:.1f} seconds", asked=True, heard_bytes=reading.heard_bytes)


def trusted(ca_file: str) -> ssl.SSLContext | bool:
    """Return the authorities of a file, or that those of the library are trusted.

    Raises:
        InputError: the file cannot be read, or holds none.

    """
    if not ca_file:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        why = "holds no certificate (PEM)" if isinstance(error, ssl.SSLError) else f"cannot be read: {error.strerror}"
        raise InputError(f"model.ca_file {ca_file}: {why}") from error


class _RefusedError(Exception):
    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.status)
        self.refused = refused


def _asked(call: Call, seconds: float, reading: Reading, opened: list[openai.OpenAI]) -> Outcome:
    problems: list[Outcome] = []

    def talk() -> Answer | None:
        try:
            return _heard(call, seconds, reading, opened)
        except _RefusedError as error:
            problems.append(error.refused)
        except (ModelError, InputError) as error:
            problems.append(Problem(why=str(error), asked=reading.begun, heard_bytes=reading.heard_bytes))
        except openai.APIConnectionError as error:
            problems.append(_unreached(error, reading))
        return None

    found = guarded(talk)
    for client in opened:
        guarded(client.close)
    if isinstance(found, Success):
        return found.value or problems[0]
    # the text of other errors may hold a header; broken connections are errors of a library that has its own door
    kind = found.why.partition(":")[0]
    return _broken(reading, f" ({kind})")


def _heard(call: Call, seconds: float, reading: Reading, opened: list[openai.OpenAI]) -> Answer:
    client = _client(call, seconds)
    opened.append(client)
    body = dict(call.body)
    with client.chat.completions.create(
        model=str(body.pop("model")), messages=cast("Any", body.pop("messages")), stream=True, extra_body=body
    ) as stream:
        # not the library's events: it reads them without bounds, and does not check what they hold
        for piece in stream.response.iter_bytes():
            reading.feed(piece)
            if reading.done:
                break
        return reading.end()


def _client(call: Call, seconds: float) -> openai.OpenAI:
    """Return a client for one request: nothing is kept open, and nothing leads elsewhere.

    A proxy of the environment is used for encrypted connections only, and never to this machine.
    """
    address = call.address
    http = openai.DefaultHttpxClient(
        timeout=seconds,
        verify=trusted(call.ca_file) if address.encrypted else False,  # no certificate without TLS
        trust_env=address.encrypted and not address.local,
        follow_redirects=False,
        event_hooks={"request": [lambda request: _dress(request.headers, call)], "response": [_look]},
    )
    return openai.OpenAI(
        api_key="none",  # it stands among the headers
        base_url=address.url,
        default_query=address.query,
        max_retries=0,
        timeout=seconds,
        http_client=http,
    )


def _dress(headers: Foreign, call: Call) -> None:
    """Send what the API needs and the settings say; not what the library tells of this machine and its environment."""
    for name in [*headers]:
        if name.lower().startswith(("x-stainless", "authorization")) or (
            not call.address.hosted and name.lower().startswith("openai-")
        ):
            del headers[name]
    headers["user-agent"] = AGENT
    headers["accept-encoding"] = "identity"
    for name, value in call.headers.items():
        headers[name] = value


def _look(response: Foreign) -> None:
    """Stop at an answer that is none, before the library reads all of it."""
    if response.status_code != FINE:
        said = bytearray()

        def read() -> None:
            for piece in response.iter_raw():
                said.extend(piece[:MOST_REFUSAL])
                if len(said) >= MOST_REFUSAL:
                    return

        guarded(read)
        headers = cast("Mapping[str, str]", response.headers)
        raise _RefusedError(
            Refused(
                status=response.status_code,
                wait=headers.get("retry-after", "").strip(),
                said=said[:MOST_REFUSAL].decode("utf-8", "replace"),
            )
        )


def _unreached(error: openai.APIConnectionError, reading: Reading) -> Problem:
    causes = list(_causes(error))
    if isinstance(error, openai.APITimeoutError):
        return Problem(why="no answer in time", asked=True, heard_bytes=reading.heard_bytes)
    if any(isinstance(one, ssl.SSLCertVerificationError) for one in causes):
        return Problem(why="its certificate is not trusted; set model.ca_file to the authority's (PEM)")
    if any(isinstance(one, socket.gaierror) for one in causes):
        return Problem(why="its name is not known here; see whether model.base_url is right")
    if any(isinstance(one, ConnectionRefusedError) for one in causes):
        return Problem(why="nobody answers there; see whether it runs, and whether model.base_url is right", again=True)
    if any(type(one).__name__ == "ProxyError" for one in causes):
        return Problem(why="the proxy of HTTPS_PROXY does not let it through")
    return _broken(reading)


def _broken(reading: Reading, kind: str = "") -> Problem:
    begun = reading.begun
    why = f"{CUT if begun else BROKEN}{kind}"
    return Problem(why=why, again=not begun, asked=begun, heard_bytes=reading.heard_bytes)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
