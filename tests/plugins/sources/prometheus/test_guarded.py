"""A real Prometheus that lets in only those with a certificate, a name and a password."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from listeners import certificate
from metric_servers import prometheus

from sre_orchestrator.core.settings import Endpoint
from sre_orchestrator.plugins.sources.prometheus.source import Prometheus
from sre_orchestrator.plugins.sources.prometheus.table import load_table

# The password "test", as in Prometheus' guide to basic authentication.
USERS = 'basic_auth_users: {reader: "$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay"}'
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SAMPLE = f'workload_cpu_usage_cores{{namespace="shop",workload="cart"}} 0.5 {NOW.timestamp()}\n'


@pytest.mark.parametrize(
    ("lacking", "why"),
    [
        ("", ""),
        ("password_file", "401"),
        ("ca_file", "certificate is not trusted"),
        ("client_certificate_file", "cannot be reached"),
    ],
)
def test_only_all_credentials_together_open_the_door(lacking: str, why: str, tmp_path: Path) -> None:
    for name in ("theirs", "ours"):
        (tmp_path / name).mkdir()
    theirs, ours = certificate(tmp_path / "theirs", ["127.0.0.1"]), certificate(tmp_path / "ours", ["reader"])
    (tmp_path / "password").write_text("test\n")
    web = tmp_path / "web.yml"
    tls = (
        f"cert_file: {theirs}, key_file: {theirs}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: {ours}"
    )
    web.write_text(f"tls_server_config: {{{tls}}}\n{USERS}\n")
    settings = {
        "username": "reader",
        "password_file": str(tmp_path / "password"),
        "ca_file": str(theirs),
        "client_certificate_file": str(ours),
    }
    settings.pop(lacking, None)

    with prometheus(tmp_path, SAMPLE, "", f"--web.config.file={web}") as url:
        endpoint = Endpoint(url=url.replace("http:", "https:"), **settings)  # type: ignore[arg-type]  # texts only
        source = Prometheus(endpoint, None, load_table())
        found = anyio.run(source.describe)
        series = [] if why else anyio.run(source.series, NOW - timedelta(hours=1), NOW, ["shop"])

    assert why in found.problem
    assert bool(found.problem) is bool(why)
    assert len(series) == (0 if why else 1)
