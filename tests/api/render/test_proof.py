"""The proof tree of a hypothesis."""

from __future__ import annotations

from reports import CHANGED, KILLED, UNREADY, hypothesis, proof, report

from sre_orchestrator.api.render import proof_text
from sre_orchestrator.core.models import Missing


def test_a_tree_goes_down_to_facts_and_the_command_that_shows_each() -> None:
    child = proof("it never became ready", UNREADY, strength=None)
    whole = proof(
        "app was OOMKilled",
        KILLED,
        edges=("pod/shop/cart-1 runs_on node/node-a",),
        absent=("no pressure on the node",),
        children=(child,),
    )
    one = hypothesis(
        proof=(whole,),
        against=(proof("nothing changed", CHANGED, polarity="against", strength="weak"),),
        missing=(Missing(kind="node.condition", condition="no pressure"),),
    )

    assert proof_text(report(one), one).splitlines() == [
        "A container needs more memory than its limit allows: deployment/shop/cart (confidence 0.93)",
        "  app was OOMKilled  — rule some-rule (strong)",
        f"    · [{KILLED.id}] pod/shop/cart-1: container.terminated reason=OOMKilled",
        "        see: kubectl get pod cart-1 -n shop -o yaml",
        "    · pod/shop/cart-1 runs_on node/node-a (twin)",
        "    · no pressure on the node (read completely)",
        "      it never became ready  — rule some-rule",
        f"        · [{UNREADY.id}] pod/shop/cart-1: pod.unready phase=Running at 2030-05-01T11:52:00Z",
        "  against: nothing changed  — rule some-rule (weak)",
        f"             · [{CHANGED.id}] deployment/shop/cart: container.changed what=resources, before=512Mi, after=128Mi"
        " at 2030-05-01T11:51:00Z",
        "  undecided: no pressure (nobody read node.condition of this scope)",
    ]
