"""Blind incidents of the media platform beside something odd that is not their cause."""

from __future__ import annotations

from blind_media import BILLING, MADE, NODES, Site
from blind_media_calm import (
    a_few_slow_statements_of_the_night,
    caches_warm_up,
    clients_hang_up_and_bots_knock,
    consolidation_of_nodes,
    old_restarts,
    previews_that_sleep,
    rollout_that_just_finished,
)
from blind_media_cases import bff_errors, decoy
from blind_media_data import mongo_host_mistyped, postgres_has_no_slot_left, sessions_do_not_fit
from blind_media_routes import labels_of_the_chart_changed
from blind_media_run import ruby_misses_a_variable
from blind_media_start import tag_that_was_never_pushed
from shop import patch, thing


@decoy
def moved_labels_beside_a_sleeping_preview(site: Site) -> tuple[str, str]:
    """The chart's labels moved; a preview sleeps as it always does."""
    previews_that_sleep(site)
    return labels_of_the_chart_changed(site)


@decoy
def slots_used_up_beside_old_kills(site: Site) -> tuple[str, str]:
    """PostgreSQL is full of connections; its clients were killed for memory last week."""
    old_restarts(site)
    return postgres_has_no_slot_left(site)


@decoy
def wrong_tag_beside_a_drained_node(site: Site) -> tuple[str, str]:
    """A node is cordoned for maintenance; the rollout fails for its image."""
    site.edit(
        "Node",
        f"/{NODES[3]}",
        spec={
            "unschedulable": True,
            "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": MADE}],
        },
    )
    consolidation_of_nodes(site)
    return tag_that_was_never_pushed(site)


@decoy
def full_cache_beside_a_fresh_rollout(site: Site) -> tuple[str, str]:
    """A rollout of another service ended well minutes before the cache was full."""
    rollout_that_just_finished(site)
    return sessions_do_not_fit(site)


@decoy
def missing_variable_beside_an_old_policy(site: Site) -> tuple[str, str]:
    """A policy of last year lets in exactly who calls; the ledger does not start for a variable."""
    spec = {
        "podSelector": {"matchLabels": {"app.kubernetes.io/instance": "ledger"}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {"from": [{"podSelector": {"matchLabels": {"app.kubernetes.io/instance": one}}} for one in ("payments",)]},
            {"from": [{"podSelector": {"matchLabels": {"app.kubernetes.io/instance": "invoices"}}}]},
        ],
    }
    site.add(
        patch(
            thing("NetworkPolicy", "ledger-callers", namespace=BILLING, spec=spec),
            metadata={"creationTimestamp": "2029-02-01T00:00:00Z"},
        )
    )
    return ruby_misses_a_variable(site)


@decoy
def mistyped_host_beside_slow_statements(site: Site) -> tuple[str, str]:
    """Databases log slow analytics as every night; payments looks for a host that does not exist."""
    a_few_slow_statements_of_the_night(site)
    clients_hang_up_and_bots_knock(site)
    return mongo_host_mistyped(site)


@decoy
def warm_caches_beside_a_dead_callee(site: Site) -> tuple[str, str]:
    """Memory of two services has grown since the morning; what fails is a Service that selects nothing."""
    caches_warm_up(site)
    bff_errors(site, "recommender:8000/v1/rows", "connect ECONNREFUSED 172.20.0.88:8000")
    return labels_of_the_chart_changed(site)
