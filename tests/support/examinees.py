"""Models that sit an examination: one that knows each step or does not, one that answers nonsense, one that is dead."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sre_orchestrator.api.examination.papers import Papers
from sre_orchestrator.core.errors import ModelError
from sre_orchestrator.core.language import choosing, narrating
from sre_orchestrator.core.language.ports import Allowance, Completion, Message

DIGEST = "0123456789abcdef"
SILENT_AFTER = 3


class Examinee:
    """Knows the answers of ``papers`` in the steps of ``knows``; in others it names the last of every list."""

    name = "scripted:examinee"
    digest = DIGEST
    local: bool = True
    context_tokens = 4096

    def __init__(self, papers: Papers, knows: Collection[str]) -> None:
        self._papers = papers
        self._knows = frozenset(knows)
        self.asked: list[str] = []
        self.adds = ""
        self.heard: list[str] = []

    def complete(self, messages: Sequence[Message], schema: Mapping[str, object], allowance: Allowance) -> Completion:
        """Return an answer."""
        del allowance
        system, user = messages[0].content, json.loads(messages[-1].content)
        step = "ask" if system == choosing.PROMPT else "narrate" if system == narrating.PROMPT else "read"
        self.asked.append(step)
        self.heard.append(messages[-1].content)
        answer = getattr(self, f"_{step}")(user, schema) if step in self._knows else {"text": "nonsense"}
        return Completion(text=json.dumps(answer), prompt_tokens=100, completion_tokens=20)

    def close(self) -> None:
        """Close nothing."""

    def _ask(self, user: Any, schema: object) -> object:
        del schema
        right = {one.text for paper in self._papers.choices for one in paper.right}
        return {"first": [one["name"] for one in user["questions"] if one["text"] in right]}

    def _narrate(self, user: Any, schema: object) -> object:
        del schema
        first = user.get("hypotheses", [])[:1]
        said = [dict(one) for one in (first[0]["because"] if first else user["symptoms"])]
        name = first[0]["component"] if first else said[0]["says"].partition(":")[0]
        sentences = [{"text": f"{one['says']}.", "facts": one["facts"]} for one in said]
        about = f"{first[0]['title']}: {name}." if first else f"Nothing was proved about {name}."
        if self.adds:
            sentences = [{"text": self.adds, "facts": said[0]["facts"]}, *sentences]
        return {"summary": {"text": about, "facts": said[0]["facts"]}, "explanation": sentences[:6]}

    def _read(self, user: Any, schema: object) -> object:
        del schema
        paper = next(one for one in self._papers.texts.texts if one.text == user["incident"])
        return {
            "components": [name for name, one in user["components"].items() if one in paper.components],
            "symptoms": sorted(paper.symptoms),
            "agents": sorted(paper.agents)[:3],
            "confidence": "high",
        }


class Dead(Examinee):
    """Never answers."""

    def complete(self, messages: Sequence[Message], schema: Mapping[str, object], allowance: Allowance) -> Completion:
        """Refuse."""
        del schema, allowance
        self.asked.append(messages[0].content)
        raise ModelError("401: the key is not accepted")
