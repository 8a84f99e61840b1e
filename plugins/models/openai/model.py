"""A language model of a server: asked within its allowance, again where that may help, and never trusted."""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.utils import parsedate_to_datetime

import msgspec

from sre_orchestrator.core.errors import InputError, ModelError
from sre_orchestrator.core.language.conversation import BYTES_A_TOKEN
from sre_orchestrator.core.language.ports import Allowance, Completion, Message
from sre_orchestrator.core.settings import ModelSettings
from sre_orchestrator.plugins.models.openai.address import Address
from sre_orchestrator.plugins.models.openai.keys import VARIABLE, Keys
from sre_orchestrator.plugins.models.openai.ladder import RUNGS, TOKENS, Habit, Schema, fitting, request
from sre_orchestrator.plugins.models.openai.stream import Answer
from sre_orchestrator.plugins.models.openai.wire import Call, Outcome, Problem, Refused, exchange, trusted

MOST_REQUESTS = 10  # for one answer: four forms, three words that are not understood, and what is worth a repetition
MOST_REPEATED = 2
FIRST_WAIT_SECONDS = 0.25
LEAST_SECONDS = 0.05  # what is left must be worth asking, and to say why there is no answer takes a moment, too
BUSY = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
# Some servers fail, rather than refuse, when they are asked for a form that they do not know.
NOT_UNDERSTOOD = frozenset({400, 415, 422, 500, 501})
SERVER_FAILS = 500
TOO_MANY, MOVED, FAILED = 429, 300, 400
FINAL = {
    "insufficient_quota": "its account has no credit left",
    "context_length_exceeded": "the prompt is longer than the model can hold",
    "content_filter": "a filter of the server refuses the prompt",
    "model_not_found": "it does not know the model",
}
WHY = {
    402: "its account has no credit left",
    403: "does not let this key use the model",
    404: "knows no such model, or no chat completions at this address; see model.use and model.base_url",
    413: "the prompt is longer than it accepts",
    429: "has too many requests",
}


class ServedModel:
    """Asks for the likeliest answer that fits the schema, in the best form that the server knows."""

    def __init__(
        self,
        reference: str,
        settings: ModelSettings,
        address: Address,
        keys: Keys,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not reference.strip():
            raise InputError("openai: names no model; write openai:NAME")
        trusted(settings.ca_file)  # what is wrong with it is said now
        self.name = f"openai:{reference}"
        self.digest = hashlib.sha256(f"{self.name} {address.url} {sorted(address.query.items())}".encode()).hexdigest()
        self.local = address.local
        self.context_tokens = settings.context_tokens
        self._reference = reference
        self._ca_file = settings.ca_file
        self._address = address
        self._keys = keys
        self._clock = clock
        self._closed = threading.Event()
        self._habit = Habit(tokens=TOKENS) if address.hosted else Habit()

    def complete(self, messages: Sequence[Message], schema: Schema, allowance: Allowance) -> Completion:
        """Return an answer; where the server knows no forms, it may fit ``schema`` or not.

        Raises:
            ModelError: there was none within the allowance, it was too long, the model declined, or it is closed.

        """
        asking = _Asking(self._habit)
        with asking.counting():
            return self._complete(asking, messages, schema, allowance)

    def close(self) -> None:
        """Ask no more."""
        self._closed.set()

    def _complete(
        self, asking: _Asking, messages: Sequence[Message], schema: Schema, allowance: Allowance
    ) -> Completion:
        until = self._clock() + allowance.seconds - LEAST_SECONDS
        tokens = allowance.completion_tokens
        for _ in range(MOST_REQUESTS):
            body = request(asking.habit, messages, schema, tokens=tokens, hosted=self._address.hosted)
            outcome = self._exchange(body, tokens, until)
            asking.note(outcome, body)
            if not isinstance(outcome, Answer):
                why = self._why(outcome)
                self._wait(asking.next(outcome, why), until, why)
                continue
            text = fitting(outcome.text, schema)
            lower = None if text or asking.answers > 1 else asking.habit.lower()
            self._habit = lower or asking.habit
            if lower is None:
                return asking.completion(text or outcome.text)
            asking.habit = lower
        raise ModelError(f"{self._address.url}: gave no answer to {MOST_REQUESTS} requests")

    def _exchange(self, body: Mapping[str, object], tokens: int, until: float) -> Outcome:
        if self._closed.is_set():
            raise ModelError("the model is closed")
        left = until - self._clock()
        if left < LEAST_SECONDS:
            raise ModelError(f"{self._address.url}: no answer in time")
        try:
            headers = self._keys.headers()
        except InputError as error:
            raise ModelError(str(error)) from error
        call = Call(
            address=self._address,
            headers=headers,
            body={"model": self._reference, **body},
            tokens=tokens,
            ca_file=self._ca_file,
        )
        return exchange(call, left)

    def _wait(self, seconds: float, until: float, why: str) -> None:
        if seconds + LEAST_SECONDS > until - self._clock():
            raise ModelError(f"{why}; it wants {seconds:g} seconds, more than the answer may take")
        self._closed.wait(seconds)

    def _why(self, outcome: Refused | Problem) -> str:
        where = self._address.url
        if isinstance(outcome, Problem):
            return f"{where}: {outcome.why}"
        status = outcome.status
        code = _code(outcome)
        if code in FINAL:
            return f"{where}: {FINAL[code]} (HTTP {status})"
        if status == 401:  # noqa: PLR2004 - unauthorized
            wants = "wants another key" if self._keys.headers() else "wants a key"
            return f"{where}: {wants}; give it in model.api_key_file or {VARIABLE} (HTTP 401)"
        if MOVED <= status < FAILED:
            return f"{where}: leads elsewhere; set model.base_url to where it leads (HTTP {status})"
        return (
            f"{where}: {WHY.get(status, 'fails' if status >= SERVER_FAILS else 'refuses the request')} (HTTP {status})"
        )


class _Asking:
    """One answer, while it is asked for: in which form now, how often, and what was used up."""

    def __init__(self, habit: Habit) -> None:
        self.habit = habit
        self.answers = 0
        self._repeated = 0
        self._prompt_tokens = 0
        self._completion_tokens = 0
        self._estimated = False

    def note(self, outcome: Outcome, body: Mapping[str, object]) -> None:
        """Count what a request cost; estimate it where the server does not say, or did not come to it."""
        if isinstance(outcome, Answer):
            self.answers += 1
            prompt, completion = outcome.prompt_tokens, outcome.completion_tokens
            heard = len(outcome.text.encode())
        elif isinstance(outcome, Problem) and outcome.asked:
            prompt, completion, heard = 0, 0, outcome.heard_bytes
        else:
            return
        if not prompt or not completion:
            self._estimated = True
            counted = [body["messages"], body.get("response_format") if self.habit.rung == RUNGS[0] else None]
            prompt = prompt or -(-len(msgspec.json.encode(counted)) // BYTES_A_TOKEN)
            completion = completion or -(-heard // BYTES_A_TOKEN)
        self._prompt_tokens += prompt
        self._completion_tokens += completion

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Say in an error what was used up all the same."""
        try:
            yield
        except ModelError as error:
            error.prompt_tokens, error.completion_tokens = self._prompt_tokens, self._completion_tokens
            raise

    def completion(self, text: str) -> Completion:
        """Return the answer, with what all of them cost."""
        return Completion(
            text=text,
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._completion_tokens,
            estimated=self._estimated,
        )

    def next(self, outcome: Refused | Problem, why: str) -> float:
        """Choose what to ask next, and return after how many seconds.

        Raises:
            ModelError: nothing would help.

        """
        backoff = FIRST_WAIT_SECONDS * (1 << self._repeated)
        if isinstance(outcome, Problem):
            if not outcome.again or self._repeated == MOST_REPEATED:
                raise ModelError(why)
            self._repeated += 1
            return backoff
        understood = outcome.status not in NOT_UNDERSTOOD
        # of a failure that may be the form's fault, once is enough
        most = MOST_REPEATED if understood else int("response_format" not in outcome.said)
        if outcome.status in BUSY and self._repeated < most and not _code(outcome):
            self._repeated += 1
            return _seconds(outcome.wait, backoff)
        lower = None if understood or _code(outcome) else self.habit.after(outcome.said)
        if lower is None:
            raise ModelError(why)
        self.habit = lower
        return 0.0


class _Error(msgspec.Struct):
    code: object = None
    type: object = None


class _Body(msgspec.Struct):
    error: _Error | None = None


def _code(refused: Refused) -> str:
    """Return what kind of error the server says it is, one of those that are known."""
    try:
        error = msgspec.json.decode(refused.said.encode(), type=_Body).error or _Error()
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""
    return next((str(one) for one in (error.code, error.type) if isinstance(one, str) and one in FINAL), "")


def _seconds(wait: str, default: float) -> float:
    """Return how many seconds a server wants to be left alone: it says them, or a date."""
    try:
        seconds = float(wait) if wait[:1].isdigit() else parsedate_to_datetime(wait).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError, IndexError):
        return default
    return max(seconds, 0.0) if math.isfinite(seconds) else default
