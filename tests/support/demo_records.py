"""What the parts of the demo's shop wrote, measured and answered: logs, metrics, probes, alerts, units, call relations."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import datetime, timedelta

from demo_objects import CAPTURED, NODES, PRICING_PODS, RUNNING, at
from shop import Json


def logs() -> dict[str, str]:
    """Return the containers' logs."""
    texts: dict[str, list[str]] = {}
    for suffix, _ in RUNNING["web"][2]:
        texts[f"shop/web-{suffix}/web"] = list(access_log())
    for suffix, _ in RUNNING["checkout"][2]:
        texts[f"shop/checkout-{suffix}/checkout"] = list(checkout_log())
    for suffix, _ in RUNNING["orders"][2]:
        texts[f"shop/orders-{suffix}/orders"] = list(orders_log())
    for suffix, _ in RUNNING["catalog"][2]:
        texts[f"shop/catalog-{suffix}/catalog"] = list(catalog_log())
    for name, _, _ in PRICING_PODS:
        texts[f"shop/{name}/pricing-previous"] = list(pricing_log("14:17:40"))
        texts[f"shop/{name}/pricing"] = list(pricing_log("14:17:40"))
    texts["shop/cart-84b6d9f7c-jk5pw/cart"] = [
        f"{moment} INFO  cart.Store  stored cart of session, 3 items, 2 ms" for moment in every(60)
    ]
    texts["shop/cart-cache-58c7b5d9f-vr8mz/redis"] = ["1:M 06 Mar 2026 08:15:03.117 * Ready to accept connections tcp"]
    texts["shop/mailer-66d9b7c8f-l2wzt/mailer"] = [f"{moment} queue empty, sleeping" for moment in every(300)]
    texts["shop/orders-db-0/postgres"] = [
        f"{moment[:10]} {moment[11:19]}.204 UTC [27] LOG:  checkpoint complete: wrote 41 buffers (0.3%)"
        for moment in every(300)
    ]
    return {name: "\n".join(lines) + "\n" for name, lines in texts.items()}


def every(seconds: int, start: str = "13:50:00") -> Iterator[str]:
    """Yield the times from ``start`` to the capture."""
    moment = datetime.fromisoformat(at(start))
    while moment < CAPTURED:
        yield f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        moment += timedelta(seconds=seconds)


def access_log() -> Iterator[str]:
    """Yield requests: checkout fails from 14:03 on, the rest goes well."""
    for number, moment in enumerate(every(20)):
        stamp = f"{datetime.fromisoformat(moment):%d/%b/%Y:%H:%M:%S +0000}"
        failing = moment >= at("14:03:00")
        yield f'10.0.9.{number % 40 + 2} - - [{stamp}] "GET /products/{number % 17} HTTP/1.1" 200 5312 "-" "Mozilla/5.0" 0.021'
        status, took = ("500", "0.034") if failing else ("201", "0.187")
        yield f'10.0.9.{number % 40 + 2} - - [{stamp}] "POST /checkout HTTP/1.1" {status} 118 "-" "Mozilla/5.0" {took}'


def checkout_log() -> Iterator[str]:
    """Yield JSON lines of a Node service that calls orders."""
    for moment in every(20):
        entry: Json = {"time": moment, "level": "info", "msg": "order placed", "route": "POST /checkout", "status": 201}
        if moment >= at("14:03:00"):
            entry |= {"level": "error", "msg": "place order failed", "status": 500}
            entry["err"] = "POST http://orders:8080/v1/orders answered 502 Bad Gateway"
        yield json.dumps(entry)


def orders_log() -> Iterator[str]:
    """Yield logfmt lines of a Go service that calls pricing."""
    for moment in every(20):
        if moment >= at("14:03:00"):
            failure = 'Get \\"http://pricing:8080/v1/quote\\": dial tcp 10.96.7.31:8080: connect: connection refused'
            yield f'time={moment} level=error msg="price lookup failed" error="{failure}" status=502 path=/v1/orders'
        else:
            yield f'time={moment} level=info msg="order stored" status=201 path=/v1/orders took=96ms'


def catalog_log() -> Iterator[str]:
    """Yield lines of a Python service whose telemetry exporter has failed for days; nobody minds."""
    for number, moment in enumerate(every(15)):
        stamp = f"{moment[:10]} {moment[11:19]},{number * 37 % 1000:03}"
        yield f"{stamp} INFO werkzeug GET /products/{number % 17} 200"
        if number % 2:
            yield (
                f"{stamp} ERROR opentelemetry.exporter.otlp.proto.grpc.exporter "
                "Failed to export traces to otel.monitoring.example:4317, error code: StatusCode.UNAVAILABLE"
            )


def pricing_log(start: str) -> Iterator[str]:
    """Yield the last run of a Java service: it stops in the middle, as a killed process does."""
    begin = datetime.fromisoformat(at(start))
    lines = (
        (0.4, "INFO  1 --- [main] c.s.pricing.PricingApplication  : Starting PricingApplication v1.18.0 using Java 21"),
        (6.1, "INFO  1 --- [main] o.s.b.w.e.tomcat.TomcatWebServer : Tomcat started on port 8080 (http)"),
        (6.2, "INFO  1 --- [main] c.s.pricing.PricingApplication  : Started PricingApplication in 6.0 seconds"),
        (6.5, "INFO  1 --- [loader] c.s.pricing.PriceListLoader   : loading price list, 1.2 million rows"),
        (22.0, "INFO  1 --- [loader] c.s.pricing.PriceListLoader   : 400000 rows, heap 61 MiB"),
        (37.5, "INFO  1 --- [loader] c.s.pricing.PriceListLoader   : 700000 rows, heap 84 MiB"),
    )
    for seconds, text in lines:
        yield f"{begin + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{int(seconds * 1000) % 1000:03}Z  {text}"


def probes() -> list[Json]:
    """Return TCP connections to what is called, tried from inside the cluster: pricing refuses, the rest is open."""
    ports = {name: port for name, (_, port, _) in RUNNING.items()} | {"orders-db": 5432, "pricing": 8080}
    refused = {"pricing": "connect to pricing port 8080: Connection refused"}
    return [
        {
            "namespace": "shop",
            "service": name,
            "port": port,
            "reachable": name not in refused,
            "output": refused.get(name, f"{name} ({port}) open"),
        }
        for name, port in sorted(ports.items())
    ]


def alerts() -> list[Json]:
    """Return the alerts that fire."""
    return [
        {
            "labels": {
                "alertname": "CheckoutErrors",
                "severity": "critical",
                "namespace": "shop",
                "service": "checkout",
            },
            "annotations": {"summary": "more than 5 % of the requests to checkout answer 5xx"},
            "startsAt": at("14:06:00"),
            "status": {"state": "active"},
        },
        {
            "labels": {"alertname": "Watchdog", "severity": "none"},
            "annotations": {"summary": "an alert that always fires"},
            "startsAt": "2026-03-01T00:00:00Z",
            "status": {"state": "active"},
        },
    ]


def metrics() -> str:
    """Return half a minute's samples of memory, processor, request rate and success, as OpenMetrics text."""
    lines = ["# TYPE workload_memory_working_set_bytes gauge", "# UNIT workload_memory_working_set_bytes bytes"]
    for order, name in enumerate((*RUNNING, "pricing", "orders-db")):
        labels = f'{{namespace="shop",workload="{name}"}}'
        for number, moment in enumerate(every(30)):
            failing = moment >= at("14:03:00")
            ripple = 1 + 0.02 * math.sin(number + order)
            stamp = round(datetime.fromisoformat(moment).timestamp())
            memory, cores = (60 + 20 * order) * 1024**2 * ripple, 0.08 * ripple
            if name == "pricing":
                memory, cores = (400 * 1024**2 * ripple, cores) if not failing else (127 * 1024**2, 0.4 * ripple)
            lines.append(f"workload_memory_working_set_bytes{labels} {memory:.0f} {stamp}")
            lines.append(f"workload_cpu_usage_cores{labels} {cores:.3f} {stamp}")
            if name in {"web", "checkout", "orders"}:
                success = {"web": 0.62, "checkout": 0.04, "orders": 0.02}[name] if failing else 0.999
                lines.append(f"workload_request_rate{labels} {6 * ripple:.2f} {stamp}")
                lines.append(f"workload_request_success_ratio{labels} {success:.3f} {stamp}")
    return "\n".join([*lines, "# EOF", ""])


def units() -> dict[str, str]:
    """Return ``systemctl status`` of the kubelet and the runtime; nobody recorded node-c."""
    text = "● {unit}.service\n     Loaded: loaded (/etc/systemd/system/{unit}.service; enabled)\n     Active: active (running) since Thu 2025-11-20 07:00:12 UTC; 3 months ago\n"
    return {f"{node}/{unit}": text.format(unit=unit) for node in NODES[:2] for unit in ("kubelet", "containerd")}


def topology() -> dict[str, list[str]]:
    """Return who calls whom, as traces showed it."""
    return {
        "web": ["checkout", "catalog"],
        "checkout": ["orders", "cart"],
        "orders": ["pricing", "orders-db", "mailer"],
        "cart": ["cart-cache"],
    }
