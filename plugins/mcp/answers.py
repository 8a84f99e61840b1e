"""What a tool answered: structured content, or text that is read as JSON or YAML."""

from __future__ import annotations

import msgspec

from sre_orchestrator.core.documents import DocumentError, read_yaml
from sre_orchestrator.core.errors import SreError
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.redact import without_secrets

SHOWN = 200
MOST_NODES = 1_000_000


class McpProblem(SreError):  # noqa: N818 - it is what happened, and becomes a gap
    """A server, or one of its tools, did not do what was asked; ``passing`` when another attempt may help."""

    def __init__(self, why: str, remedy: str = "", *, passing: bool = False) -> None:
        super().__init__(without_secrets(why))
        self.remedy = remedy
        self.passing = passing


class Answer(Struct, frozen=True, kw_only=True):
    """One result: ``structured`` is its structured content as JSON, empty where there is none; ``failed`` if it is an error."""

    text: str = ""
    structured: bytes = b""
    failed: bool = False

    @property
    def shown(self) -> str:
        """Return the beginning of the text, for a person."""
        return shown(self.text)


def content_of(answer: Answer, form: str) -> object:
    """Return what an answer holds, as ``form`` (``json``, ``yaml``, ``text``).

    Raises:
        McpProblem: it is something else.

    """
    try:
        if form == "text":
            return answer.text
        if answer.structured:
            return msgspec.json.decode(answer.structured)
        if form == "yaml":
            return read_yaml(answer.text.encode(), object, max_nodes=MOST_NODES, unique_keys=False)
        return msgspec.json.decode(answer.text.encode())
    except (msgspec.DecodeError, DocumentError, UnicodeEncodeError, RecursionError) as error:
        raise McpProblem(
            f"the answer is no {form.upper()}: {shown(str(error))} ({answer.shown})",
            "set the tool's format to what it answers with (json, yaml, text)",
        ) from error


def shown(text: str) -> str:
    """Return the beginning of a text on one line, without secrets."""
    beginning = " ".join(text[: 4 * SHOWN].split())
    return without_secrets(beginning[:SHOWN]) + ("…" if len(beginning) > SHOWN else "")
