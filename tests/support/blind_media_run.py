"""Blind incidents of the media platform: programs that run and fail, leak, starve or are killed, and nodes that do."""

from __future__ import annotations

from blind_media import BILLING, NODES, SINCE, VOD, Site
from blind_media_cases import bff_errors, edge_errors, incident, payments_errors
from blind_media_site import http_probe
from blind_media_words import each, ecs, pino, serilog, slog, tracing

GIB = 1 << 30


def labels(at: str, pod: str, inside: str) -> str:
    """Return the labels of cAdvisor for a container."""
    namespace = at.rpartition("/")[0]
    return f'namespace="{namespace}",pod="{pod.rpartition("/")[2]}",container="{inside}",node="{NODES[0]}",image="x"'


@incident
def limit_lowered_in_the_last_release(site: Site) -> tuple[str, str]:
    """A right-sizing tool halved the limit of a Java service; its heap does not fit, and it dies soon after each start."""
    at = f"{VOD}/catalog"
    site.containers(at, resources={"limits": {"memory": "384Mi"}})
    site.crash(
        at,
        ecs(
            "11:55:04",
            "org.springframework.boot.StartupInfoLogger",
            "Starting CatalogApplication v6.2.1 using Java 21.0.4 with PID 1",
            "INFO",
        )
        + "\n",
        code=137,
        reason="OOMKilled",
        seconds=19,
    )
    for pod in site.pods(at):
        name = labels(at, pod, "catalog-service")
        site.series(
            "container_memory_working_set_bytes",
            name,
            [(0.9 if place < 70 else (0.12, 0.26, 0.372)[place % 3]) * GIB for place in range(120)],
        )
        site.series(
            "kube_pod_container_status_restarts_total", name, [max(0, (place - 70) // 6) for place in range(120)]
        )
    bff_errors(site, "catalog:8080/titles", "connect ECONNREFUSED 172.20.0.60:8080")
    return "memory-limit-too-low", site.workload(at)


def sawtooth(low: float, high: float, period: int, count: int = 360) -> list[float]:
    """Return memory that climbs steadily, is cut off at ``high`` and climbs anew."""
    return [low + (high - low) * ((place + 40) % period) / period for place in range(count)]


@incident
def node_heap_grows_until_killed(site: Site) -> tuple[str, str]:
    """A map of sessions is never emptied: memory climbs for an hour, the kernel kills, and it climbs again."""
    at = f"{VOD}/web-bff"
    for number, pod in enumerate(site.pods(at)):
        ended = {
            "exitCode": 137,
            "reason": "OOMKilled",
            "startedAt": f"2030-05-01T10:2{number}:10Z",
            "finishedAt": f"2030-05-01T11:2{number}:04Z",
        }
        site.state(
            pod,
            {"running": {"startedAt": f"2030-05-01T11:2{number}:06Z"}},
            last={"terminated": ended},
            restarts=31,
            ready=True,
        )
        name = labels(at, pod, "bff")
        site.series("container_memory_working_set_bytes", name, sawtooth(0.14 * GIB, 0.75 * GIB, 120))
        site.series("container_spec_memory_limit_bytes", name, [0.75 * GIB] * 360)
        site.series(
            "kube_pod_container_status_restarts_total", name, [28 + (place + 40) // 120 for place in range(360)]
        )
    site.say(at, each(lambda at: pino(at, "slow event loop", 40, lag=412, heapUsed=511243008)))
    site.alert(
        "KubeContainerOOMKilled",
        "Container bff of pod web-bff was killed by the kernel",
        namespace=VOD,
        container="bff",
    )
    site.alert("HTTPErrorBudgetBurn", "5xx at the edge", severity="warning", namespace=VOD, service="web-bff")
    edge_errors(site, "/home", "10.0.1.14:3000", 502)
    return "memory-leak", site.workload(at)


@incident
def dotnet_heap_leak(site: Site) -> tuple[str, str]:
    """A .NET service has been leaking for hours; it has been killed twice today, and the log says why requests fail."""
    at = f"{VOD}/identity"
    for pod in site.pods(at):
        ended = {
            "exitCode": 137,
            "reason": "OOMKilled",
            "startedAt": "2030-05-01T07:02:10Z",
            "finishedAt": "2030-05-01T10:12:04Z",
        }
        site.state(
            pod, {"running": {"startedAt": "2030-05-01T10:12:06Z"}}, last={"terminated": ended}, restarts=2, ready=True
        )
        name = labels(at, pod, "identity-api")
        site.series(
            "container_memory_working_set_bytes", name, [(0.20 + 0.5 * place / 216) * GIB for place in range(216)]
        )
    trace = "System.OutOfMemoryException: Exception of type 'System.OutOfMemoryException' was thrown.\n   at System.Text.StringBuilder..ctor(Int32 capacity)\n   at Tessera.Identity.Audit.AuditBuffer.Append(AuditEvent e) in /src/Audit/AuditBuffer.cs:line 41"
    site.say(
        at,
        each(
            lambda at: serilog(
                at,
                "HTTP {RequestMethod} {RequestPath} responded {StatusCode}",
                error=trace,
                RequestMethod="POST",
                RequestPath="/connect/token",
                StatusCode=500,
            )
        ),
    )
    bff_errors(site, "identity:8080/connect/token", "Internal Server Error", "ERR_BAD_RESPONSE")
    return "memory-leak", site.workload(at)


@incident
def spring_needs_longer_than_the_probe_waits(site: Site) -> tuple[str, str]:
    """The initial delay of a liveness probe was shortened; the JVM needs a minute."""
    at = f"{VOD}/catalog"
    probe = http_probe("/actuator/health/liveness", initialDelaySeconds=5, periodSeconds=5)
    site.containers(at, livenessProbe=probe)
    log = (
        ecs(
            "11:55:04",
            "org.springframework.boot.StartupInfoLogger",
            "Starting CatalogApplication v6.2.1 using Java 21.0.4 with PID 1",
            "INFO",
        )
        + "\n"
        + ecs(
            "11:55:17",
            "org.hibernate.jpa.internal.util.LogHelper",
            "HHH000204: Processing PersistenceUnitInfo [name: default]",
            "INFO",
        )
        + "\n"
    )
    site.crash(at, log, code=143, seconds=21)
    for pod in site.pods(at):
        site.event(
            ("Pod", pod),
            "Unhealthy",
            'Liveness probe failed: Get "http://10.0.1.61:8080/actuator/health/liveness": dial tcp 10.0.1.61:8080: connect: connection refused',
            count=26,
        )
        site.event(
            ("Pod", pod),
            "Killing",
            "Container catalog-service failed liveness probe, will be restarted",
            count=8,
            type="Normal",
        )
    bff_errors(site, "catalog:8080/titles", "connect ECONNREFUSED 172.20.0.60:8080")
    return "liveness-probe-too-tight", site.workload(at)


@incident
def health_path_moved(site: Site) -> tuple[str, str]:
    """The new version serves its health at another path; the probe of the chart asks the old one."""
    at = f"{VOD}/identity"
    site.containers(at, image="tessera.azurecr.io/identity:1.45.0")
    for pod in site.pods(at):
        site.state(pod, {"running": {"startedAt": SINCE}})
        site.event(
            ("Pod", pod), "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404", count=107
        )
    site.say(
        at,
        each(
            lambda at: serilog(
                at,
                "HTTP {RequestMethod} {RequestPath} responded {StatusCode} in {Elapsed:0.0000} ms",
                "Information",
                RequestMethod="GET",
                RequestPath="/healthz/ready",
                StatusCode=404,
                Elapsed=0.2,
            )
        ),
    )
    site.reslice(at)
    bff_errors(site, "identity:8080/connect/token", "connect ECONNREFUSED 172.20.0.71:8080")
    return "readiness-probe-wrong-protocol", site.workload(at)


@incident
def probe_asks_a_port_nobody_opens(site: Site) -> tuple[str, str]:
    """The management port was dropped from the server, the liveness probe still asks it."""
    at = f"{BILLING}/payments"
    site.containers(at, livenessProbe=http_probe("/health", 9091))
    for pod in site.pods(at):
        ended = {
            "exitCode": 2,
            "reason": "Error",
            "startedAt": "2030-05-01T11:56:30Z",
            "finishedAt": "2030-05-01T11:57:30Z",
        }
        site.state(
            pod, {"running": {"startedAt": "2030-05-01T11:57:31Z"}}, last={"terminated": ended}, restarts=14, ready=True
        )
        site.event(
            ("Pod", pod),
            "Unhealthy",
            'Liveness probe failed: Get "http://10.0.2.31:9091/health": dial tcp 10.0.2.31:9091: connect: connection refused',
            count=45,
        )
        site.event(
            ("Pod", pod),
            "Killing",
            "Container payments-server failed liveness probe, will be restarted",
            count=14,
            type="Normal",
        )
    edge_errors(site, "/v1/charges", "10.0.2.31:8080", 502, BILLING)
    return "liveness-probe-wrong-port", site.workload(at)


@incident
def ruby_misses_a_variable(site: Site) -> tuple[str, str]:
    """A variable was dropped from the release's values; Ruby fetches it while it boots."""
    at = f"{BILLING}/ledger"
    kept = [
        one
        for one in site.get("Deployment", at)["spec"]["template"]["spec"]["containers"][0]["env"]
        if one["name"] != "LEDGER_SIGNING_KEY"
    ]
    site.containers(at, env=kept)
    log = (
        '=> Booting Puma\n=> Rails 7.1.3 application starting in production\n[1] ! Unable to load application: KeyError: key not found: "LEDGER_SIGNING_KEY"\n'
        "/app/config/initializers/signing.rb:3:in `fetch': key not found: \"LEDGER_SIGNING_KEY\" (KeyError)\n\tfrom /app/config/initializers/signing.rb:3:in `<main>'\n\tfrom /usr/local/bundle/gems/railties-7.1.3/lib/rails/engine.rb:683:in `load'\n"
    )
    site.crash(at, log)
    payments_errors(
        site,
        "post entry failed",
        'Post "http://ledger:3000/v2/entries": dial tcp 172.20.0.120:3000: connect: connection refused',
    )
    return "application-configuration-wrong", site.workload(at)


@incident
def options_of_dotnet_do_not_validate(site: Site) -> tuple[str, str]:
    """A section of appsettings was renamed; .NET validates its options at start and ends."""
    at = f"{VOD}/identity"
    log = '{"@t":"2030-05-01T11:55:03.1120031Z","@mt":"Host terminated unexpectedly","@l":"Fatal","@x":"Microsoft.Extensions.Options.OptionsValidationException: DataAnnotation validation failed for \'JwtOptions\' members: \'Authority\' with the error: \'The Authority field is required.\'.\\n   at Microsoft.Extensions.Options.OptionsFactory`1.Create(String name)\\n   at Program.<Main>$(String[] args) in /src/Program.cs:line 57"}\n'
    site.crash(at, log, code=134)
    bff_errors(site, "identity:8080/connect/token", "connect ECONNREFUSED 172.20.0.71:8080")
    return "application-configuration-wrong", site.workload(at)


@incident
def go_panics_under_a_request(site: Site) -> tuple[str, str]:
    """A request with an empty device ends the process, now and then, minutes after its start."""
    at = f"{VOD}/playback"
    panic = (
        slog("11:52:40", "request", "INFO", method="POST", path="/v1/sessions", status=201, duration_ms=11) + "\n"
        "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x8f2c1d]\n\ngoroutine 8812 [running]:\n"
        "github.com/tessera-tv/playback/internal/session.(*Manager).open(0xc0003a2000, {0xc5a3e0, 0xc00098a1e0}, 0x0)\n\t/src/internal/session/manager.go:188 +0x5d\ncreated by github.com/tessera-tv/playback/internal/session.(*Manager).Start in goroutine 41\n\t/src/internal/session/manager.go:97 +0x1f1\n"
    )
    for pod in site.pods(at):
        ended = {
            "exitCode": 2,
            "reason": "Error",
            "startedAt": "2030-05-01T11:46:12Z",
            "finishedAt": "2030-05-01T11:52:41Z",
        }
        site.state(
            pod, {"running": {"startedAt": "2030-05-01T11:53:02Z"}}, last={"terminated": ended}, restarts=5, ready=True
        )
        site.logs[f"{pod}/playback-previous"] = panic
        site.event(
            ("Pod", pod),
            "BackOff",
            f"Back-off restarting failed container playback in pod {pod.rpartition('/')[2]}_vod(6e0c)",
            count=4,
        )
    bff_errors(site, "playback:8080/v1/sessions", "socket hang up", "ECONNRESET")
    return "application-crash", site.workload(at)


@incident
def flyway_cannot_apply(site: Site) -> tuple[str, str]:
    """A migration that ran by hand before is applied again at start."""
    at = f"{VOD}/catalog"
    text = "Failed to initialize JPA EntityManagerFactory: Migration V42__shelf_rank.sql failed"
    trace = 'org.flywaydb.core.internal.command.DbMigrate$FlywayMigrateException: Migration V42__shelf_rank.sql failed\nSQL State  : 42701\nError Code : 0\nMessage    : ERROR: column "rank" of relation "shelf" already exists\nLocation   : db/migration/V42__shelf_rank.sql\nLine       : 1\nStatement  : ALTER TABLE shelf ADD COLUMN rank int\n'
    log = (
        ecs(
            "11:55:04",
            "org.flywaydb.core.internal.command.DbMigrate",
            'Migrating schema "public" to version "42 - shelf rank"',
            "INFO",
        )
        + "\n"
        + ecs(
            "11:55:05",
            "org.springframework.boot.SpringApplication",
            "Application run failed: " + text,
            **{
                "error.type": "org.flywaydb.core.internal.command.DbMigrate$FlywayMigrateException",
                "error.stack_trace": trace,
            },
        )
        + "\n"
    )
    site.crash(at, log)
    bff_errors(site, "catalog:8080/titles", "connect ECONNREFUSED 172.20.0.60:8080")
    return "migration-failed", site.workload(at)


@incident
def data_owned_by_another_user(site: Site) -> tuple[str, str]:
    """A volume was restored from a backup with root's files; the database may not write."""
    at = f"{BILLING}/ledger-mariadb"
    site.containers(at, volumeMounts=[{"name": "data", "mountPath": "/bitnami/mariadb"}])
    log = "\x1b[38;5;6mmariadb \x1b[38;5;5m11:55:02.11 \x1b[0m\x1b[38;5;2mINFO \x1b[0m ==> ** Starting MariaDB setup **\n\x1b[38;5;6mmariadb \x1b[38;5;5m11:55:02.30 \x1b[0m\x1b[38;5;2mINFO \x1b[0m ==> Configuring default settings\nmkdir: cannot create directory '/bitnami/mariadb/data': Permission denied\n"
    site.crash(at, log, seconds=1)
    site.say(
        f"{BILLING}/ledger",
        "".join(
            f"E, [2030-05-01T11:{minute}:09.330187 #1] ERROR -- : [5b1f] Mysql2::Error::ConnectionError (Can't connect to server on 'ledger-mariadb' (111))\n"
            for minute in (44, 48, 52, 56, 59)
        ),
    )
    return "volume-permission-denied", site.workload(at)


@incident
def transcoder_dies_of_a_broken_file(site: Site) -> tuple[str, str]:
    """A Rust worker panics on one file of the queue, again and again, some minutes after it starts."""
    at = f"{VOD}/transcoder"
    log = (
        tracing("11:49:02", "transcoder::job", "started rendition=2160p asset=7741", "INFO")
        + "\nthread 'tokio-runtime-worker' panicked at src/probe.rs:118:41:\ncalled `Option::unwrap()` on a `None` value\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n"
    )
    site.crash(at, log, code=101, seconds=200)
    site.alert(
        "KubePodCrashLooping",
        "Pod vod/transcoder-6c8d4bb9f7-k2xvd (worker) is in waiting state (reason: CrashLoopBackOff)",
        namespace=VOD,
        pod="transcoder-6c8d4bb9f7-k2xvd",
        container="worker",
    )
    return "application-crash", site.workload(at)
