"""Every way in which a plugin may be broken, all at once: each is named with why, and the diagnosis is as without them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from third_party import Environment

AGENT = """
import sys
import time
from pathlib import Path
from sre_orchestrator.core.hookspecs import hookimpl
from sre_orchestrator.core.models import Coverage, Fact, Gap

FOLDER = Path(__file__).parent / "{name}_files"


class Agent:
    name = "{name}"
    description = "looks at nothing"
    kinds = frozenset({{"event"}})

    async def gather(self, scope, sources):
        yield Coverage(kind="event", scope="namespace/{name}")
        {gather}


@hookimpl
def register_agents():
    return [Agent()]
"""
HOOK = "from pathlib import Path\nfrom sre_orchestrator.core.hookspecs import hookimpl\n\n@hookimpl\ndef {hook}({arguments}):\n    {body}\n"
FILES = "return [Path(__file__).parent / '{name}_files']"
SOURCE = HOOK.format(hook="register_snapshot_sources", arguments="snapshot", body="return [Source()]") + (
    "\nclass Source:\n    name = 'source_raises'\n    async def sync(self):\n        raise RuntimeError('no cluster for you')\n        yield\n"
)
WRONG_FACT = (
    'yield Fact(id="f1", kind="never.heard", component="pod/a/b", agent="{name}")\n        yield 7\n        yield None'
)
PLUGINS = {
    "import_raises": "raise RuntimeError('not on this machine')",
    "import_exits": "import sys\nsys.exit(7)",
    "import_lacks": "import no_such_library",
    "syntax": "def register_agents(:",
    "hook_raises": HOOK.format(hook="register_agents", arguments="", body="return 1 / 0"),
    "hook_exits": HOOK.format(hook="register_agents", arguments="", body="raise SystemExit('bye')"),
    "hook_unknown": HOOK.format(hook="register_rulez", arguments="", body="return []"),
    "hook_argument": HOOK.format(hook="register_agents", arguments="setings", body="return []"),
    "hook_rubbish": HOOK.format(hook="register_agents", arguments="", body="return ['agent']"),
    "hooks_of_tomorrow": "HOOKS = 99",
    "kind_clash": HOOK.format(hook="register_vocabulary", arguments="", body=FILES.format(name="kind_clash")),
    "cause_clash": HOOK.format(hook="register_causes", arguments="", body=FILES.format(name="cause_clash")),
    "rule_clash": HOOK.format(hook="register_rules", arguments="", body=FILES.format(name="rule_clash")),
    "agent_clash": AGENT.format(name="agent_clash", gather="return").replace('name = "agent_clash"', 'name = "logs"'),
    "twin_a": AGENT.format(name="twins", gather="return"),
    "twin_b": AGENT.format(name="twins", gather="return"),
    "kubernetes": AGENT.format(name="impostor", gather="return"),
    "gather_raises": AGENT.format(name="gather_raises", gather="raise KeyError('spec')"),
    "gather_exits": AGENT.format(name="gather_exits", gather="sys.exit('done here')"),
    "gather_hangs": AGENT.format(name="gather_hangs", gather="time.sleep(60)"),
    "gather_rubbish": AGENT.format(name="gather_rubbish", gather=WRONG_FACT.format(name="gather_rubbish")),
    "source_raises": SOURCE,
    "refused_rule": HOOK.format(hook="register_rules", arguments="", body=FILES.format(name="refused_rule")),
}
CONTENTS = {
    "kind_clash": ("kinds.yaml", "pod.phase: {about: Mine., component: pod}\n"),
    "cause_clash": ("causes.yaml", "memory-limit-too-low: {title: Mine, category: mine, blamed_on: workload}\n"),
    "rule_clash": ("oom-killed-at-limit.yaml", "id: oom-killed-at-limit\n"),
    "refused_rule": ("mine.yaml", "id: mine\n"),
}
WHY = {
    "import_raises": "RuntimeError: not on this machine",
    "import_exits": "SystemExit: 7",
    "import_lacks": "ModuleNotFoundError: No module named 'no_such_library'",
    "syntax": "SyntaxError: invalid syntax",
    "hook_raises": "register_agents raised ZeroDivisionError: division by zero",
    "hook_exits": "register_agents raised SystemExit: bye",
    "hook_unknown": "there is no hook 'register_rulez'; did you mean 'register_rules'?",
    "hook_argument": "setings",
    "hook_rubbish": "register_agents returned 'agent', which is no Agent",
    "hooks_of_tomorrow": "made for version 99 of the hooks, here is 1; upgrade sre-orchestrator",
    "kind_clash": "kind of facts 'pod.phase' is one of sre-orchestrator already; rename it",
    "cause_clash": "cause 'memory-limit-too-low' is one of sre-orchestrator already; rename it",
    "rule_clash": "rule 'oom-killed-at-limit' is one of sre-orchestrator already; rename it",
    "agent_clash": "agent 'logs' is one of sre-orchestrator already; rename it",
    "twin_b": "agent 'twins' is one of the plugin 'twin_a' already; rename it",
    "kubernetes": "another plugin has the same name; uninstall one, or rename it",
}
LATER = {
    "gather_raises": "KeyError: 'spec'",
    "gather_exits": "SystemExit: done here",
    "gather_hangs": "no answer within 3 s",
    "gather_rubbish": "unknown fact kind 'never.heard'",
    "source_raises": "RuntimeError: no cluster for you",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """An environment with every broken plugin, written where pip would have put it."""
    environment = Environment(tmp_path_factory.mktemp("broken") / "environment")
    (packages,) = environment.folder.glob("lib/python*/site-packages")
    for name, text in PLUGINS.items():
        _install(packages, name, text)
    environment.variables = {"SRE_ORCHESTRATOR_AGENT_TIMEOUT_SECONDS": "3"}
    return environment


def _install(packages: Path, name: str, text: str) -> None:
    (packages / f"broken_{name}.py").write_text(text)
    about = packages / f"broken_{name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: broken-{name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[sre_orchestrator]\n{name} = broken_{name}\n")
    if name in CONTENTS:
        file, content = CONTENTS[name]
        (packages / f"{name}_files").mkdir()
        (packages / f"{name}_files" / file).write_text(content)


def gaps(report: dict[str, Any]) -> dict[str, str]:
    """Return why, by who says it; all of one agent together."""
    found: dict[str, str] = {}
    for one in report["gaps"]:
        found[one["agent"]] = f"{found.get(one['agent'], '')} {one['why']}"
    return found


def test_each_is_named_with_why_it_is_not_in_use(environment: Environment) -> None:
    found = {one["name"]: one for one in environment.told("plugins", code=1) if one["distribution"]}

    assert {name for name, one in found.items() if one["problem"]} == set(WHY)
    assert {name: found[name]["problem"] for name in WHY if WHY[name] not in found[name]["problem"]} == {}
    assert "mine.yaml:1: missing key" in found["refused_rule"]["refused"][0]


def test_the_diagnosis_is_as_without_them_and_says_what_is_missing(environment: Environment, tmp_path: Path) -> None:
    alone = Environment(tmp_path / "alone").told("demo")

    report = environment.told("demo")

    keys = ("cause", "component", "confidence", "explains")
    assert [[one[key] for key in keys] for one in report["hypotheses"]] == [
        [one[key] for key in keys] for one in alone["hypotheses"]
    ]
    said = gaps(report)
    assert {name: said.get(name) for name, why in (WHY | LATER).items() if why not in said.get(name, "")} == {}
    assert "mine.yaml:1: missing key" in said["rules"]


def test_commands_work_beside_them(environment: Environment) -> None:
    assert "rules are in order" in environment.run("rules", "check", code=2)
    assert "in use" in environment.run("plugins", "twin_a")
