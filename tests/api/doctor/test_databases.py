"""What is told of the databases that settings name, beside a running cluster."""

from __future__ import annotations

from pathlib import Path

import anyio
import msgspec
from database_servers import PASSWORD, redis_server
from listeners import closed_port
from shop import pod, service, thing, write_snapshot

from sre_orchestrator.api.doctor import examine
from sre_orchestrator.api.wire import serving, store_of, write_kubeconfig
from sre_orchestrator.core.settings import ClusterAccess, DatabaseAccess, Settings, SnapshotLimits
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

OBJECTS = (pod("cart-1"), service("cart"), thing("Namespace", "shop", namespace=""))


def test_each_database_is_asked_and_its_password_is_not_told(tmp_path: Path, settings: Settings) -> None:
    with (
        open_snapshot(write_snapshot(tmp_path / "snapshot", *OBJECTS), SnapshotLimits()) as snapshot,
        serving(store_of(snapshot).store) as url,
        redis_server() as server,
    ):
        place = "deployment/shop/cart"
        checkup = anyio.run(
            examine,
            msgspec.structs.replace(
                settings,
                cluster=ClusterAccess(kubeconfig=str(write_kubeconfig(tmp_path / "kubeconfig", url, namespace=""))),
                databases=(
                    DatabaseAccess(name="cart", url=server.url("monitor"), component=place),
                    DatabaseAccess(name="wrong", url=server.url("monitor", password="not-it"), component=place),
                    DatabaseAccess(name="gone", url=f"redis://127.0.0.1:{closed_port()}", component=place),
                ),
            ),
        )

    told = {one.name: one for one in checkup.checks if one.name.startswith("database ")}
    assert {name: one.state for name, one in told.items()} == {
        "database cart": "ok",
        "database wrong": "missing",
        "database gone": "missing",
    }
    assert told["database cart"].found.startswith("redis ")
    assert told["database wrong"].remedy == "correct user and password, in the file that it names too"
    assert PASSWORD not in str(checkup)
    assert "not-it" not in str(checkup)
