"""Questions to the twin of a snapshot and of a running cluster, and following one."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from changing import decoded
from command_line import Run
from keeping import eventually, served
from plain_twin import plain_components
from shop import deployment, pod, thing

from sre_orchestrator.api.cli.twin import Printed
from sre_orchestrator.api.wire import Store, serving, write_kubeconfig
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.hookspecs import Source, hookimpl
from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.core.plugins import Plugins, load_plugins
from sre_orchestrator.core.ports import Delta
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.sources.mirror import Batch
from sre_orchestrator.twin.store import TwinStore

FOLLOW = [sys.executable, "-c", "from sre_orchestrator.api.cli.main import main; main()", "twin", "follow"]
DEMO = Path(__file__).parents[3] / "api" / "demo" / "shop"
PRICING = "deployment/shop/pricing"


def lines(run: Run, *arguments: object) -> list[str]:
    result = run("twin", *arguments, "--snapshot", DEMO)
    assert (result.code, result.err) == (0, "")
    return result.out.splitlines()


def test_show_lists_every_component(run: Run) -> None:
    shown = lines(run, "show")

    assert shown == sorted(shown)
    assert {PRICING, "node/node-c", "service/shop/coupons"} <= set(shown)


def test_show_of_one_component_gives_its_relations_and_where_they_come_from(run: Run) -> None:
    shown = lines(run, "show", PRICING)

    assert "deployment/shop/orders depends_on deployment/shop/pricing  (topology/service-dependencies.json)" in shown


def test_a_name_that_is_unique_is_enough(run: Run) -> None:
    assert lines(run, "show", "node-c") == lines(run, "show", "node/node-c")


def test_impact_lists_those_who_suffer_nearest_first(run: Run) -> None:
    suffering = lines(run, "impact", PRICING)

    assert suffering.index("deployment/shop/orders") < suffering.index("deployment/shop/checkout")
    assert "deployment/shop/cart" not in suffering


def test_impact_can_be_bounded(run: Run) -> None:
    assert "deployment/shop/web" not in lines(run, "impact", PRICING, "--hops", "1")


def test_path_shows_how_one_depends_on_the_other(run: Run) -> None:
    (first, *_) = lines(run, "path", "deployment/shop/checkout", PRICING)

    assert first.startswith("deployment/shop/checkout - ")
    assert first.endswith(f" - {PRICING}")


def test_changes_are_those_of_the_window(run: Run) -> None:
    changes = lines(run, "changes", "--since", "2026-03-12T14:00:00Z", "--until", "2026-03-12T14:10:00Z")

    assert changes[0] == "2026-03-12T14:02:05Z replicaset/shop/pricing-6f8b9d7c5 created"
    assert len(changes) == 3
    assert set(changes) < set(lines(run, "changes"))


def test_every_list_is_also_data(run: Run) -> None:
    assert json.loads("".join(lines(run, "show", "--format", "json"))) == lines(run, "show")


def test_what_is_not_there_is_bad_input_with_a_suggestion(run: Run) -> None:
    result = run("twin", "show", "deployment/shop/pricin", "--snapshot", DEMO)

    assert result.code == 2
    assert result.err == (
        "error: there is no component 'deployment/shop/pricin'; did you mean 'deployment/shop/pricing'?\n"
    )


def test_a_name_of_several_components_asks_for_the_id(run: Run) -> None:
    result = run("twin", "impact", "pricing", "--snapshot", DEMO)

    assert result.code == 2
    assert "deployment/shop/pricing, service/shop/pricing; give the id" in result.err


@contextmanager
def following(state: Path, kubeconfig: Path) -> Iterator[subprocess.Popen[str]]:
    """Run ``twin follow`` in a process of its own until the context ends; it must end well."""
    options = ["--state-dir", str(state), "--kubeconfig", str(kubeconfig)]
    with subprocess.Popen([*FOLLOW, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        try:
            first = process.stderr.readline()
            assert first.endswith(" relations\n"), first + process.stderr.read()
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (0, ""), out


def test_follow_prints_changes_and_the_other_commands_answer_meanwhile_and_afterwards(run: Run, tmp_path: Path) -> None:
    store, state = Store(), tmp_path / "state"
    for one in (deployment("cart"), thing("Namespace", "shop", namespace="")):
        store.apply(served(one))
    with serving(store) as url:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", url)
        with following(state, kubeconfig) as process:
            store.apply(served(pod("cart-1", owner=("ReplicaSet", "cart-abc"))))
            assert process.stdout
            assert process.stdout.readline().endswith(" pod/shop/cart-1 created\n")
            asked = run("twin", "show", "pod/shop/cart-1", "--state-dir", state)
            busy = run("twin", "follow", "--state-dir", state, "--kubeconfig", kubeconfig)

    assert "replicaset/shop/cart-abc owns pod/shop/cart-1  (ownerReferences)" in asked.out.splitlines()
    assert (busy.code, "another process keeps this twin" in busy.err) == (2, True)
    afterwards = run("twin", "show", "--state-dir", state)
    assert afterwards.out.splitlines() == ["deployment/shop/cart", "namespace/shop", "pod/shop/cart-1"]


def test_a_follower_that_is_killed_at_any_moment_is_up_to_date_after_the_next_start(tmp_path: Path) -> None:
    store, state, chance = Store(), tmp_path / "state", random.Random(7)
    with serving(store) as url:
        options = ["--state-dir", str(state), "--kubeconfig", str(write_kubeconfig(tmp_path / "kubeconfig", url))]
        known: dict[str, dict[str, object]] = {"cart-0": pod("cart-0")}
        store.apply(served(known["cart-0"]))
        for _ in range(2):
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            with subprocess.Popen([*FOLLOW, *options], **pipes) as process:  # type: ignore[call-overload]
                process.stderr.readline()
                while chance.random() > 0.1:
                    for _ in range(chance.randrange(1, 20)):
                        name = f"cart-{chance.randrange(40)}"
                        known[name] = pod(name, labels={"n": str(store.version)})
                        store.apply(served(known[name]))
                    process.stdout.readline()
                process.kill()
        known["last"] = pod("last")
        store.apply(served(known["last"]))
        with following(state, tmp_path / "kubeconfig"):
            twin = TwinStore(state / "twin" / "cluster.db", read_only=True)
            eventually(lambda: twin.components() == plain_components(map(decoded, known.values())))
            twin.close()


def test_without_a_twin_it_says_how_to_get_one(run: Run, tmp_path: Path) -> None:
    result = run("twin", "changes", "--state-dir", tmp_path, "--context", "eu")

    assert result.code == 2
    assert "eu.db: there is no twin; keep one with: sre-orchestrator twin follow" in result.err


def test_the_snapshot_of_the_settings_is_asked_by_default(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRE_ORCHESTRATOR_SNAPSHOT", str(DEMO))

    assert run("twin", "show", PRICING).out.splitlines() == lines(run, "show", PRICING)


def test_an_error_that_lasts_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    at, twin = datetime(2026, 3, 1, tzinfo=UTC), TwinStore()
    printed = Printed(twin)
    delta = Delta(components=(Component(id="node/a"),), whole=True)
    for error in ("the disk is full", "the disk is full", "the file is locked"):
        printed.failed(InputError(error))
    printed.kept(Batch(delta=delta), twin.apply(delta, at))
    printed.failed(InputError("the file is locked"))
    twin.close()

    assert capsys.readouterr().err.splitlines() == [
        "error: the disk is full",
        "error: the file is locked",
        "1 component, 0 relations",
        "error: the file is locked",
    ]


class Vendor:
    """A plugin whose source knows a component outside the snapshot, and not all."""

    name = "vendor"

    @hookimpl
    def register_snapshot_sources(self) -> Sequence[Source]:
        """Add it."""
        return [self]

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield the component, and fail."""
        yield Component(id="external/pay")
        raise RuntimeError("half of it is lost")


def test_what_plugins_recorded_is_shown_and_what_they_could_not_tell_is_printed_beside(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_vendor(names: Sequence[str], settings: Settings) -> Plugins:
        found = load_plugins(names, settings)
        found.manager.register(Vendor(), "vendor")
        return found

    monkeypatch.setattr("sre_orchestrator.api.wiring.load_plugins", with_vendor)

    result = run("twin", "show", "--snapshot", DEMO)

    assert "external/pay" in result.out.splitlines()
    assert result.err == (
        "gap: vendor: components that this source had not yet named: RuntimeError: half of it is lost\n"
    )


def test_what_a_source_could_not_tell_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    twin = TwinStore()

    Printed(twin).missing(Gap(agent="vendor", what="all of it", why="no answer"))

    twin.close()
    assert capsys.readouterr().err == "gap: vendor: all of it: no answer\n"
