"""What programs of the media platform print: loggers of eight languages, and servers as their images ship them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

MINUTES = ("42", "43", "45", "46", "48", "50", "51", "53", "54", "56", "57", "58", "59")
QUIET = ("12", "17", "23", "29", "34", "38", "44", "49", "53", "57")


def each(line: Callable[[str], str], minutes: Iterable[str] = MINUTES) -> str:
    """Return a line of each minute of the incident; ``line`` gets the time of day."""
    return "".join(line(f"11:{minute}:0{int(minute) % 7}") + "\n" for minute in minutes)


def pino(at: str, message: str, level: int = 50, **fields: object) -> str:
    """Return a line of Node's pino."""
    millis = 1903824000000 + sum(int(one) * by for one, by in zip(at.split(":"), (3600000, 60000, 1000), strict=True))
    return json.dumps(
        {"level": level, "time": millis, "pid": 1, "hostname": "web-bff-6c8d4bb9f7-k2xvd", **fields, "msg": message}
    )


def slog(at: str, message: str, level: str = "ERROR", **fields: object) -> str:
    """Return a line of Go's log/slog."""
    return json.dumps({"time": f"2030-05-01T{at}.482113907Z", "level": level, "msg": message, **fields})


def zap(at: str, message: str, level: str = "error", **fields: object) -> str:
    """Return a line of Go's zap in production."""
    seconds = 1903824000 + sum(int(one) * by for one, by in zip(at.split(":"), (3600, 60, 1), strict=True))
    return json.dumps(
        {"level": level, "ts": seconds + 0.1377, "caller": "server/handler.go:212", "msg": message, **fields}
    )


def ecs(at: str, logger: str, message: str, level: str = "ERROR", **fields: object) -> str:
    """Return a line of Spring Boot in the format of the Elastic Common Schema."""
    said = {
        "@timestamp": f"2030-05-01T{at}.031Z",
        "log.level": level,
        "message": message,
        "ecs.version": "1.2.0",
        "service.name": "catalog",
    }
    return json.dumps({**said, "process.thread.name": "http-nio-8080-exec-4", "log.logger": logger, **fields})


def serilog(at: str, template: str, level: str = "Error", error: str = "", **fields: object) -> str:
    """Return a line of .NET's Serilog in compact JSON."""
    said: dict[str, object] = {"@t": f"2030-05-01T{at}.7713402Z", "@mt": template}
    if level != "Information":
        said["@l"] = level
    if error:
        said["@x"] = error
    return json.dumps({**said, **fields, "SourceContext": "Tessera.Identity.Startup"})


def structlog(at: str, event: str, level: str = "error", **fields: object) -> str:
    """Return a line of Python's structlog as logfmt."""
    more = " ".join(f'{key}="{value}"' for key, value in fields.items())
    return f'timestamp=2030-05-01T{at}.220145Z level={level} logger=recommender.api event="{event}" {more}'.rstrip()


def tracing(at: str, target: str, message: str, level: str = "ERROR") -> str:
    """Return a line of Rust's tracing."""
    return f"2030-05-01T{at}.905512Z {level:>5} {target}: {message}"


def rails(at: str, text: str, level: str = "ERROR") -> str:
    """Return a line of a Rails logger with tags."""
    return f"{level[0]}, [2030-05-01T{at}.330187 #1] {level:>5} -- : [5b1f0c7e-6d0a-4a53-a6cf-0f5f3f3f8a11] {text}"


def monolog(at: str, text: str, level: str = "ERROR") -> str:
    """Return a line of PHP's Monolog under Laravel."""
    return f"[2030-05-01 {at}] production.{level}: {text}"


def lograge(at: str, status: int, path: str = "/v2/entries", took: float = 31.4) -> str:
    """Return a line of a Rails request in key=value form."""
    return f"method=POST path={path} format=json controller=EntriesController action=create status={status} duration={took} view=0.4 db={took * 0.7:.1f} time=2030-05-01T{at}Z"


def traefik(at: str, path: str, status: int, router: str, backend: str, took: int = 24) -> str:
    """Return a line of Traefik's access log in the common format."""
    return f'10.42.0.9 - - [01/May/2030:{at} +0000] "GET {path} HTTP/2.0" {status} 19 "-" "okhttp/4.12.0" 48211 "{router}" "http://{backend}" {took}ms'


def chatter(app: str) -> str:
    """Return what a healthy pod of ``app`` printed."""
    return STARTS.get(app, "") + "".join(each(line, QUIET) for line in USUAL.get(app, ()))


STARTS = {
    "web-bff": pino("06:10:49", "server listening on 0.0.0.0:3000", 30) + "\n",
    "playback": slog("06:10:46", "http server started", "INFO", addr=":8080", version="v4.18.0") + "\n",
    "catalog": ecs(
        "06:11:20",
        "tv.tessera.catalog.CatalogApplication",
        "Started CatalogApplication in 21.884 seconds (process running for 23.102)",
        "INFO",
    )
    + "\n",
    "identity": serilog("06:10:52", "Now listening on: {address}", "Information", address="http://[::]:8080") + "\n",
    "recommender": "INFO:     Started server process [1]\nINFO:     Waiting for application startup.\nINFO:     Application startup complete.\nINFO:     Uvicorn running on http://0.0.0.0:8000 (Press CTRL+C to quit)\n",
    "transcoder": tracing("06:10:47", "transcoder", "worker pool ready workers=4 prefetch=8", "INFO") + "\n",
    "payments": zap("06:10:46", "listening", "info", addr=":8080", version="3.9.2") + "\n",
    "ledger": "=> Booting Puma\n=> Rails 7.1.3 application starting in production\nPuma starting in cluster mode...\n* Puma version: 6.4.2 (ruby 3.3.0-p0)\n* Listening on http://0.0.0.0:3000\n",
    "fraud": '{"asctime": "2030-04-22T06:10:59Z", "levelname": "INFO", "name": "fraud.server", "message": "gRPC server listening on [::]:50051"}\n',
    "invoices": "[22-Apr-2030 06:10:46] NOTICE: fpm is running, pid 1\n[22-Apr-2030 06:10:46] NOTICE: ready to handle connections\n",
    "catalog-postgresql": (
        "\x1b[38;5;6mpostgresql \x1b[38;5;5m06:10:45.91 \x1b[0m\x1b[38;5;2mINFO \x1b[0m ==> ** PostgreSQL setup finished! **\n"
        "2030-04-22 06:10:46.040 GMT [1] LOG:  starting PostgreSQL 16.4 on x86_64-pc-linux-gnu, compiled by gcc (Debian 12.2.0-14) 12.2.0, 64-bit\n"
        '2030-04-22 06:10:46.041 GMT [1] LOG:  listening on IPv4 address "0.0.0.0", port 5432\n'
        "2030-04-22 06:10:46.162 GMT [1] LOG:  database system is ready to accept connections\n"
        "2030-05-01 11:25:46.263 GMT [77] LOG:  checkpoint complete: wrote 102 buffers (0.6%); 0 WAL file(s) added, 0 removed, 1 recycled\n"
    ),
    "ledger-mariadb": (
        "2030-04-22  6:10:47 0 [Note] Starting MariaDB 11.4.3-MariaDB source revision 3aa6c0b7f as process 1\n"
        "2030-04-22  6:10:47 0 [Note] InnoDB: Buffer pool(s) load completed at 300422  6:10:47\n"
        "2030-04-22  6:10:47 0 [Note] /opt/bitnami/mariadb/sbin/mariadbd: ready for connections.\nVersion: '11.4.3-MariaDB'  socket: '/opt/bitnami/mariadb/tmp/mysql.sock'  port: 3306  Source distribution\n"
    ),
    "payments-mongodb": '{"t":{"$date":"2030-04-22T06:10:48.123+00:00"},"s":"I","c":"NETWORK","id":23016,"ctx":"listener","msg":"Waiting for connections","attr":{"port":27017,"ssl":"off"}}\n',
    "sessions-redis-master": "1:M 22 Apr 2030 06:10:45.018 * Running mode=standalone, port=6379.\n1:M 22 Apr 2030 06:10:45.021 * Ready to accept connections tcp\n1:M 01 May 2030 11:31:12.402 * Background saving terminated with success\n",
    "events-rabbitmq-server": "2030-04-22 06:11:09.402106+00:00 [info] <0.9.0> Time to start RabbitMQ: 7812 ms\n2030-05-01 11:31:04.120338+00:00 [info] <0.1811.0> accepting AMQP connection <0.1811.0> (10.0.2.41:40012 -> 10.0.1.9:5672)\n",
    "coredns": "[INFO] plugin/reload: Running configuration SHA512 = 591cf328cccc12bc490481273e738df59329c62c0b729d94e8b61db9961c2fa5f046dd37f1cf888b953814040d180f52594972691cd6ff41be96639138a43908\nCoreDNS-1.11.3\nlinux/amd64, go1.21.11, a6338e9\n",
    "traefik": "2030-04-22T06:10:46Z INF Traefik version 3.1.4 built on 2024-09-19T13:47:15Z version=3.1.4\n2030-04-22T06:10:46Z INF Starting provider *ingress.Provider\n",
    "cert-manager": 'I0422 06:10:46.291025       1 controller.go:263] "starting cert-manager" logger="cert-manager" version="v1.15.3"\n',
}
USUAL: dict[str, tuple[Callable[[str], str], ...]] = {
    "web-bff": (lambda at: pino(at, "request completed", 30, req={"method": "GET", "url": "/home"}, res={"statusCode": 200}, responseTime=38),),
    "playback": (lambda at: slog(at, "request", "INFO", method="POST", path="/v1/sessions", status=201, duration_ms=12),),
    "catalog": (lambda at: ecs(at, "tv.tessera.catalog.web.TitleController", "served 24 titles of shelf trending in 14 ms", "INFO"),),
    "identity": (
        lambda at: serilog(at, "HTTP {RequestMethod} {RequestPath} responded {StatusCode} in {Elapsed:0.0000} ms", "Information",
                           RequestMethod="POST", RequestPath="/connect/token", StatusCode=200, Elapsed=9.4021),
    ),
    "recommender": (lambda _: 'INFO:     10.0.1.17:51344 - "GET /v1/rows?profile=41 HTTP/1.1" 200 OK', lambda at: structlog(at, "rows ranked", "info", took_ms=21)),
    "transcoder": (lambda at: tracing(at, "transcoder::job", "finished rendition=1080p took=48.2s", "INFO"),),
    "payments": (lambda at: zap(at, "charge captured", "info", amount=1299, currency="EUR", took="212ms"),),
    "ledger": (lambda at: lograge(at, 201),),
    "fraud": (lambda at: f'{{"asctime": "2030-05-01T{at}Z", "levelname": "INFO", "name": "fraud.score", "message": "scored in 8ms"}}',),
    "invoices": (lambda at: f'127.0.0.1 -  01/May/2030:{at} +0000 "POST /index.php" 200', lambda at: monolog(at, 'invoice rendered {"pages":2}', "INFO")),
    "traefik": (lambda at: traefik(at, "/home", 200, "vod-web-www-tessera-tv@kubernetes", "10.0.1.14:3000"),),
}  # fmt: skip
