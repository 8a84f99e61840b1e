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
import test_blind_labels  # noqa: E402
import test_blind_media  # noqa: E402
import test_blind_services  # noqa: E402
import test_routing  # noqa: E402
import test_starts_and_refusals  # noqa: E402
from blind_media import Site  # noqa: E402
from blind_media_site import media  # noqa: E402
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


def cases() -> Iterator[tuple[str, Cluster | Site, tuple[str, str] | None]]:
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
    yield from _blind()
    for name, quiet in CALM_RAILWAY.items():
        yield from _made(f"calm-railway-{name}", railway, quiet)


def _blind() -> Iterator[tuple[str, Cluster | Site, tuple[str, str] | None]]:
    """Yield what was written by those who had read no rule."""
    in_shop = {
        "cluster": test_blind_cluster.CASES,
        "shop": test_blind_services.SHOP,
        "label-shop": test_blind_labels.SHOP,
    }
    in_railway = {"railway": test_blind_services.RAILWAY, "label-railway": test_blind_labels.RAILWAY}
    for kind, known in in_shop.items():
        for name, make in known.items():
            yield from _made(f"blind-{kind}-{name}", shop, make)
    for kind, more in in_railway.items():
        for name, incident in more.items():
            yield from _made(f"blind-{kind}-{name}", railway, incident)
    for name, happened in {**test_blind_media.CASES, **test_blind_media.HEALTHY}.items():
        yield from _made(f"blind-media-{name}", media, happened)


def _made(
    name: str, ground: Callable[[], Cluster | Site], *changes: Callable[..., tuple[str, str] | None]
) -> Iterator[tuple[str, Cluster | Site, tuple[str, str] | None]]:
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
