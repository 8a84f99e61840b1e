"""Questions to the twin of a snapshot."""

from __future__ import annotations

import json
from pathlib import Path

from command_line import Run

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
