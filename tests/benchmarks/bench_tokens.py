"""Counts the tokens of an incident, beside those of HolmesGPT, an agent that lets a model call tools in a loop. Asserts nothing.

Run: ``python tests/benchmarks/bench_tokens.py HOLMES``, where ``HOLMES`` is a virtual environment of its own with
``pip install holmesgpt`` in it. Both investigate the incident of the demo, with the question that comes with it; HolmesGPT
with its default toolsets, kubectl and helm (``.ci/servers``) on a served copy of the snapshot. The model is a
server on loopback that answers as it is told here; both are counted with the same tokenizer (``cl100k_base``, which comes
with HolmesGPT): what is in the messages, and the JSON of the tools or of the schema of the answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import anyio
from extras import program
from openai_server import Server, Speaking, Turn, says, sends, talking
from served import DEMO

from sre_orchestrator.api.wire import serving, write_kubeconfig
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.language import choosing, narrating, reading
from sre_orchestrator.core.language.examined import EDITION
from sre_orchestrator.core.settings import ModelSettings, Settings

QUESTION = "checkout answers 500"
MODEL = "gpt-4o"
CALLS = 5
# what runs in the environment of HolmesGPT: texts as JSON in, counts as JSON out
COUNT = """
import json, sys, litellm
from litellm.litellm_core_utils.default_encoding import encoding
print(json.dumps([len(encoding.encode(one, disallowed_special=())) for one in json.load(sys.stdin)]))
"""
VERSION = "from importlib.metadata import version; print(version('holmesgpt'))"


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """What was said in one request, and what was answered."""

    prompt: str
    forms: str
    answer: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one investigation took."""

    name: str
    requests: int
    prompt: int
    forms: int
    answer: int

    @property
    def tokens(self) -> int:
        """Return all of them."""
        return self.prompt + self.forms + self.answer


Exchanges = list[Exchange]
Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def main(holmes: str) -> None:
    """Print a table, and the ratio."""
    environment = Path(holmes)
    rows = [
        _counted("this program", _ours(), environment),
        _counted("this program, a model that passed every step", _ours("read", "ask", "narrate"), environment),
        _counted("HolmesGPT, which answers at once", _theirs(environment, 0), environment),
        _counted(f"HolmesGPT, {CALLS} calls of tools at once", _theirs(environment, CALLS), environment),
        _counted(f"HolmesGPT, {CALLS} calls one by one", _theirs(environment, 1), environment),
    ]
    other = _run(environment, VERSION, "").strip()
    print(f"sre-orchestrator {version('sre-orchestrator')}, holmesgpt {other}, {date.today()}\n")  # noqa: DTZ011 - for people
    print("| | requests | messages | tools or schema | answers | tokens | of this program's |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for one in rows:
        figures = (one.requests, one.prompt, one.forms, one.answer, one.tokens)
        print(
            "|",
            " | ".join((one.name, *(f"{figure:,}" for figure in figures), f"{one.tokens / rows[0].tokens:.1f}")),
            "|",
        )


def _ours(*passed: str) -> Exchanges:
    """Investigate with a model that passed some steps; with one that nobody examined, where there are none."""
    with _model(lambda body: {"content": _said(body)}) as (server, exchanges), tempfile.TemporaryDirectory() as state:
        chosen = ModelSettings(use=f"openai:{MODEL}", base_url=server.base_url)
        with closing(Installation(Settings(state_dir=state, model=chosen))) as installation:
            if passed:
                digest = installation.model.need().digest
                (Path(state) / "models").mkdir()
                told = {"edition": EDITION, "digest": digest, "passed": passed}
                (Path(state) / "models" / f"{digest}.json").write_text(json.dumps(told), encoding="utf-8")
            report = anyio.run(lambda: diagnose_snapshot(installation, DEMO, question=QUESTION)).report
    failures = [why for use in report.cost.model.values() for why in use.failures]
    assert not failures, failures
    return exchanges


def _said(body: Mapping[str, Any]) -> str:
    """Return what a model answers that words each statement of the digest again."""
    system, user = (one["content"] for one in body["messages"])
    content = json.loads(user)
    if system == reading.PROMPT:
        return json.dumps({"components": ["C1"], "symptoms": ["errors"], "agents": ["logs"], "confidence": "high"})
    if system == choosing.PROMPT:
        return json.dumps({"first": ["Q1"]})
    assert system == narrating.PROMPT
    first = content["hypotheses"][0]
    because = [{"text": one["says"], "facts": one["facts"]} for one in first["because"]]
    about = {"text": f"{first['title']}: {first['component']}.", "facts": because[0]["facts"]}
    return json.dumps({"summary": about, "explanation": because[:4]})


def _theirs(environment: Path, at_once: int) -> Exchanges:
    """Let HolmesGPT investigate, with a model that makes no calls of tools or ``CALLS``, so many of them in one answer."""
    calls = _calls() if at_once else []

    def answer(body: Mapping[str, Any]) -> Mapping[str, Any]:
        made = sum(one["role"] == "tool" for one in body["messages"])
        if made == len(calls):
            return {"content": "The container of pricing is killed at its memory limit, so that checkout answers 500."}
        return {"content": None, "tool_calls": calls[made : made + at_once]}

    with (
        _model(answer) as (server, exchanges),
        tempfile.TemporaryDirectory() as home,
        serving(DEMO) as url,
    ):
        tools = Path(home) / "bin"
        tools.mkdir()
        (tools / "kubectl").symlink_to(program("kubectl-1.33"))
        (tools / "helm").symlink_to(program("helm-3.18"))
        told = {
            "PATH": f"{tools}:/usr/bin:/bin",
            "HOME": home,
            "KUBECONFIG": str(write_kubeconfig(Path(home) / "kubeconfig", url, namespace="shop")),
            "OPENAI_API_KEY": "none",
            "OPENAI_API_BASE": server.base_url,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }
        command = [environment / "bin" / "holmes", "ask", QUESTION, "--model", f"openai/{MODEL}", "--no-interactive"]
        done = subprocess.run(command, env=told, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return exchanges


def _calls() -> list[Mapping[str, Any]]:
    """Return the calls with which an engineer would begin."""
    pods = json.loads((DEMO / "cluster-resources" / "pods" / "shop.json").read_bytes())["items"]
    pricing = next(one["metadata"]["name"] for one in pods if one["metadata"]["name"].startswith("pricing"))
    commands = [
        "kubectl get pods -n shop",
        "kubectl get events -n shop",
        "kubectl describe deployment pricing -n shop",
        f"kubectl describe pod {pricing} -n shop",
    ]
    made = [
        *(("bash", {"command": one, "suggested_prefixes": [" ".join(one.split()[:2])]}) for one in commands),
        ("fetch_pod_logs", {"pod_name": pricing, "namespace": "shop"}),
    ]
    return [
        {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for number, (name, arguments) in enumerate(made)
    ]


@contextmanager
def _model(answer: Answer) -> Iterator[tuple[Server, Exchanges]]:
    """Yield a server whose model answers, and what was said until now."""
    exchanges: Exchanges = []

    def turn(speaking: Speaking) -> None:
        body = speaking.asked.body
        message = answer(body)
        exchanges.append(_exchange(body, message))
        _answered(body, message)(speaking)

    with talking(turn) as server:
        yield server, exchanges


def _answered(body: Mapping[str, Any], message: Mapping[str, Any]) -> Turn:
    if body.get("stream"):
        return says(message["content"])
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    told = {"id": "1", "object": "chat.completion", "created": 1, "model": MODEL, "choices": [choice], "usage": usage}
    return sends(json.dumps(told).encode(), kind="application/json")


def _exchange(body: Mapping[str, Any], message: Mapping[str, Any]) -> Exchange:
    forms = body.get("tools") or body.get("response_format")
    return Exchange(
        prompt="\n".join(_text(one) for one in body["messages"]),
        forms=json.dumps(forms, separators=(",", ":"), ensure_ascii=False),
        answer=_text(message),
    )


def _text(message: Mapping[str, Any]) -> str:
    calls = [f"{one['function']['name']} {one['function']['arguments']}" for one in message.get("tool_calls") or []]
    content = message.get("content") or ""
    return "\n".join([content if isinstance(content, str) else json.dumps(content, ensure_ascii=False), *calls])


def _counted(name: str, exchanges: Sequence[Exchange], environment: Path) -> Row:
    """Return the sums over all requests, in tokens."""
    texts = [text for one in exchanges for text in (one.prompt, one.forms, one.answer)]
    counts = json.loads(_run(environment, COUNT, json.dumps(texts)).splitlines()[-1])
    prompt, forms, answer = (sum(counts[place::3]) for place in range(3))
    return Row(name=name, requests=len(exchanges), prompt=prompt, forms=forms, answer=answer)


def _run(environment: Path, code: str, told: str) -> str:
    command = [environment / "bin" / "python", "-c", code]
    settings = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, input=told, env=settings, capture_output=True, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    main(*sys.argv[1:])
