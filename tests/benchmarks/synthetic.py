"""Writes the synthetic clusters of the tests as labelled cases: synthetic.py FOLDER, then sre-orchestrator evaluate FOLDER.

Each fault alone, each beside something that looks alarming, and each calm day; labels are our own causes and component
ids, and no cause where nothing is wrong. Two faults at once have no single label: tests/system asserts those.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS / "support"), str(TESTS / "system")]

import test_blind_cluster  # noqa: E402 - found through the line above
import test_blind_services  # noqa: E402
import test_routing  # noqa: E402
import test_starts_and_refusals  # noqa: E402
from calm import CALM  # noqa: E402
from clusters import Cluster, shop  # noqa: E402
from faults import FAULTS  # noqa: E402
from railway import railway  # noqa: E402
from test_railway import CASES as RAILWAY  # noqa: E402
from test_railway import QUIET as CALM_RAILWAY  # noqa: E402

from sre_orchestrator.api.evaluation import Label  # noqa: E402
from sre_orchestrator.core.vocabulary import load_vocabulary  # noqa: E402
from sre_orchestrator.rules.book import load_book  # noqa: E402

HEALTHY = Label(root_cause="", fault_object="", fault_taxonomy="healthy")


def cases() -> Iterator[tuple[str, Cluster, tuple[str, str] | None]]:
    """Yield the name, the cluster and what is wrong with it, cause and component."""
    everywhere = {**FAULTS, **test_routing.CASES, **test_starts_and_refusals.CASES}
    for name, make in everywhere.items():
        yield from _made(f"shop-{name}", shop, make)
    for number, (name, make) in enumerate(everywhere.items()):
        alarming = list(CALM)[number % len(CALM)]
        yield from _made(f"shop-{name}-beside-{alarming}", shop, CALM[alarming], make)
    for name, quiet in {**CALM, **test_routing.QUIET}.items():
        yield from _made(f"calm-{name}", shop, quiet)
    for name, make in RAILWAY.items():
        yield from _made(f"railway-{name}", railway, make)
    for name, make in test_blind_cluster.CASES.items():
        yield from _made(f"blind-cluster-{name}", shop, make)
    for name, make in test_blind_services.SHOP.items():
        yield from _made(f"blind-shop-{name}", shop, make)
    for name, make in test_blind_services.RAILWAY.items():
        yield from _made(f"blind-railway-{name}", railway, make)
    for name, quiet in CALM_RAILWAY.items():
        yield from _made(f"calm-railway-{name}", railway, quiet)


def _made(
    name: str, ground: Callable[[], Cluster], *changes: Callable[..., tuple[str, str] | None]
) -> Iterator[tuple[str, Cluster, tuple[str, str] | None]]:
    cluster = ground()
    wrong = [change(cluster) for change in changes][-1]
    yield name, cluster, wrong if wrong and wrong[0] else None


def main(folder: Path) -> None:
    """Write every case and ``labels.json``."""
    causes = load_book(load_vocabulary()).causes
    labels = {}
    for name, cluster, wrong in cases():
        cluster.write(folder / name)
        labels[name] = HEALTHY
        if wrong:
            labels[name] = Label(root_cause=wrong[0], fault_object=wrong[1], fault_taxonomy=causes[wrong[0]].category)
    (folder / "labels.json").write_bytes(msgspec.json.encode(labels))
    print(f"{len(labels)} cases, {sum(not one.root_cause for one in labels.values())} of them healthy")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
