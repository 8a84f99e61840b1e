"""Takes the commands of a runbook as next steps, with the names of the incident: text for people, never executed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from sre_orchestrator.core.identity import kind_of, name_of, namespace_of
from sre_orchestrator.core.knowledge import Fence
from sre_orchestrator.core.models import Fact, Hypothesis, Step
from sre_orchestrator.core.remedy import SHORT, WORKLOADS

MOST, LONGEST = 6, 1000
SHELLS = frozenset({"", "sh", "bash", "zsh", "shell", "console", "terminal", "shell-session", "shellsession"})
_CLUSTER = frozenset(
    {
        "get",
        "describe",
        "logs",
        "top",
        "events",
        "explain",
        "version",
        "api-resources",
        "api-versions",
        "cluster-info",
        "diff",
        "wait",
    }
)
# What each program only looks with; None: whatever follows.
READS: Mapping[str, frozenset[str] | None] = {
    "kubectl": _CLUSTER,
    "oc": _CLUSTER | {"status", "whoami", "project"},
    "helm": frozenset({"list", "ls", "status", "history", "get", "show", "diff", "version"}),
    "systemctl": frozenset({"status", "is-active", "is-enabled", "is-failed", "show", "list-units", "cat"}),
    "crictl": frozenset({"ps", "pods", "logs", "inspect", "inspectp", "images", "info", "stats", "version"}),
    "etcdctl": frozenset({"endpoint", "get", "version"}),
    "velero": frozenset({"get", "describe", "version"}),
    "rabbitmqctl": frozenset({"status", "cluster_status", "list_queues", "list_connections", "list_consumers"}),
    **dict.fromkeys(
        ("journalctl", "dig", "nslookup", "ping", "traceroute", "df", "du", "free", "top", "ss", "netstat", "dmesg")
    ),
    **dict.fromkeys(("promtool", "amtool", "curl", "openssl", "psql", "mysql", "redis-cli", "mongosh", "istioctl")),
}
_ASKING = {"amtool": "silence", "promtool": "tsdb", "istioctl": "install"}  # words that make them more than a look
_TWO_WORDS = frozenset(
    {"rollout status", "rollout history", "auth can-i", "auth whoami", "config view", "adm top", "adm node-logs"}
)
_FILTERS = frozenset(
    {
        "grep",
        "egrep",
        "jq",
        "yq",
        "awk",
        "sort",
        "uniq",
        "head",
        "tail",
        "wc",
        "cut",
        "tr",
        "column",
        "less",
        "more",
        "cat",
        "base64",
        "true",
    }
)
_DESTROYS = re.compile(
    r"\b(?:delete|drain|evict|destroy|uninstall|purge|prune|truncate|drop|flushall|flushdb|rm|rmi|rmdir|mkfs|dd|"
    r"wipefs|fdisk|shutdown|reboot|kill|killall|pkill|force-delete)\b|\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b|<<",
    re.IGNORECASE,
)
_CHANGES = re.compile(r"`|\$\(|-X|--request|--data|\s-d\b|\b(?:update|insert|alter|set|config set)\b", re.I)
_QUIET = re.compile(r"\d?>\s*/dev/null|\d>&\d|&>\s*/dev/null")
_JOINS = re.compile(r"\|\||&&|[|;]")
_SETS = re.compile(r"^\s*(?:\$\s+)?(?:export\s+|local\s+)?([A-Za-z_]\w*)=", re.MULTILINE)
_PROMPT = re.compile(r"^(?:\$|%)\s+")
_PLACE = re.compile(
    r"\{\{\s*[$.]*[Ll]abels\.(?P<label>\w+)\s*\}\}"
    r"|<(?P<angle>[A-Za-z][\w./ -]{0,60})>"
    r"|\$\{(?P<braced>[A-Za-z_]\w*)\}|\$(?P<variable>[A-Za-z_]\w*)"
    r"|(?<![\w$.{-])(?P<bare>(?:NAMESPACE|POD|CONTAINER|NODE|DEPLOYMENT|STATEFULSET|DAEMONSET|JOB|PVC)(?:_?NAME)?)(?![\w-])",
)
_ABOUT = re.compile(r"^(?:(?:the|your|my|affected|failing|failed|problem|problematic|target|alert|exported|name-of)-)+")
_ELSEWHERE = re.compile(r"(?:^|\s)(?:-n|--namespace)[ =](?P<namespace>[a-z0-9][\w.-]*)(?=\s|$)")
_BEFORE = re.compile(r"(?P<kind>[a-z]+)[ /]$")
_SAME = {
    "ns": "namespace",
    "project": "namespace",
    "podname": "pod",
    "nodename": "node",
    "instance": "node",
    "host": "node",
}
_SAME |= {"app": "workload", "application": "workload", "controller": "workload", "job-name": "job", **SHORT}


def names_in(hypothesis: Hypothesis, facts: Iterable[Fact]) -> dict[str, str]:
    """Return what placeholders of commands may stand for, by kind: the first name of each, the blamed component first.

    ``facts`` are those of its proof.
    """
    seen = list(facts)
    nodes = [str(fact.attributes["node"]) for fact in seen if "node" in fact.attributes]
    found: dict[str, str] = {}
    for component in (hypothesis.component, *(fact.component for fact in seen), *nodes):
        found.setdefault(kind_of(component), name_of(component))
        if namespace_of(component):
            found.setdefault("namespace", namespace_of(component))
        if kind_of(component) in WORKLOADS:
            found.setdefault("workload", name_of(component))
    for fact in seen:
        if "container" in fact.attributes:
            found.setdefault("container", str(fact.attributes["container"]))
    return {kind: name for kind, name in found.items() if kind and name}


def steps_of(title: str, fences: Sequence[Fence], names: Mapping[str, str]) -> tuple[Step, ...]:
    """Return the commands in ``fences`` of the runbook ``title`` as steps.

    What destroys is left out, and what may change something says so. A placeholder is filled from ``names`` where it is
    plain what it stands for, else it stays, and the step names it.
    """
    found = [step for fence in fences for step in _steps(title, fence, names)]
    return tuple(dict.fromkeys(found))[:MOST]


def _steps(title: str, fence: Fence, names: Mapping[str, str]) -> Iterator[Step]:
    if fence.language.lower() not in SHELLS:
        return
    own = frozenset(_SETS.findall(fence.text))
    for line in fence.text.replace("\\\n", " ").splitlines():
        command = _PROMPT.sub("", line.strip())
        if not _is_whole(command) or _DESTROYS.search(command):
            continue
        filled, open_places = _filled(command, _there(command, names), own)
        text = f"from the runbook “{title}”"
        text += "" if _only_looks(command) else "; it may change something: read there first"
        text += f"; fill in {', '.join(open_places)}" if open_places else ""
        yield Step(text=text, command=filled)


def _there(command: str, names: Mapping[str, str]) -> Mapping[str, str]:
    """Return the names that a command may take: one that looks into another namespace has none of ours."""
    found = _ELSEWHERE.search(command)
    if found is None or found["namespace"] == names.get("namespace"):
        return names
    return {kind: name for kind, name in names.items() if kind == "node"}


def _is_whole(command: str) -> bool:
    """Say whether this is a command of a known program, with all its quotes closed."""
    program = command.removeprefix("sudo ").split(" ", 1)[0]
    if program not in READS or len(command) > LONGEST:
        return False
    try:
        return len(shlex.split(command)) > 1
    except ValueError:
        return False


def _only_looks(command: str) -> bool:
    plain = _QUIET.sub("", _PLACE.sub("X", command))
    bare = _without_quoted(plain)
    return not _CHANGES.search(plain) and ">" not in bare and all(map(_looks, _JOINS.split(bare)))


def _looks(part: str) -> bool:
    words = part.removeprefix("sudo ").split()
    if not words or words[0] in _FILTERS:
        return True
    if words[0] not in READS or _ASKING.get(words[0]) in words:
        return False
    verbs = READS[words[0]]
    rest = [word for word in words[1:] if not word.startswith("-")]
    pairs = {" ".join(pair) for pair in pairwise(rest)}
    return (
        verbs is None or not pairs.isdisjoint(_TWO_WORDS) or next((one for one in rest if one in verbs), "") in rest[:3]
    )


def _without_quoted(command: str) -> str:
    return re.sub(r"'[^']*'|\"[^\"]*\"", "''", command)


def _filled(command: str, names: Mapping[str, str], own: frozenset[str]) -> tuple[str, list[str]]:
    """Return the command with what is known, and the placeholders that stay."""
    left: list[str] = []

    def named(match: re.Match[str]) -> str:
        quote = _quote_at(command, match.start())
        variable = match["braced"] or match["variable"]
        if variable and quote == "'":
            return match[0]  # a shell would not replace it either
        word = next(one for one in match.groupdict().values() if one)
        value = names.get(_kind(word, command[: match.start()]), "")
        safe = shlex.quote(value)
        if not value or variable in own or (quote and safe != value):
            left.append(match[0])
            return match[0]
        return safe

    return _PLACE.sub(named, command), list(dict.fromkeys(left))


def _kind(word: str, before: str) -> str:
    """Return the kind of thing that a placeholder stands for; ``<name>`` is that of the word before it."""
    plain = _ABOUT.sub("", re.sub(r"[\s_.]+", "-", word.lower()))
    if plain in ("name", "resource-name"):
        found = _BEFORE.search(before)
        plain = found["kind"].removesuffix("s") if found else ""
    plain = plain.removesuffix("-name")
    plain = plain.removesuffix("name") if plain not in _SAME else plain
    return _SAME.get(plain, plain)


def _quote_at(command: str, place: int) -> str:
    quote = ""
    for character in command[:place]:
        if character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
    return quote
