"""What the Java services of the railway say: starts, chatter of healthy days, and stack traces."""

from __future__ import annotations

import json

LATE = ("46", "47", "48", "49", "50", "51", "52", "53", "54", "55", "56", "57", "58")


def spring(at: str, level: str, logger: str, text: str, *, thread: str = "main") -> str:
    """Return a line in Spring Boot's own layout."""
    return f"2030-05-01 {at}.271 {level:>5} 1 --- [{thread:>15}] {logger:<40} : {text}\n"


def logstash(at: str, level: str, logger: str, text: str, *, trace: str = "") -> str:
    """Return a line in the layout of the Logstash encoder."""
    said = {
        "@timestamp": f"2030-05-01T{at}.271Z",
        "@version": "1",
        "message": text,
        "logger_name": logger,
        "thread_name": "http-nio-auto-1",
        "level": level,
    }
    return json.dumps({**said, **({"stack_trace": trace} if trace else {})}) + "\n"


def boot(app: str, port: int, *, at: str = "09:00", up: bool = True, database: bool = True) -> str:
    """Return what a service says while it starts; without ``up`` it never comes to listen."""
    main = f"{app.title().replace('-', '')}Application"
    lines = [
        "\n  .   ____          _            __ _ _\n /\\\\ / ___'_ __ _ _(_)_ __  __ _ \\ \\ \\ \\\n  =========|_|==============|___/=/_/_/_/\n :: Spring Boot ::        (v2.3.12.RELEASE)\n\n",
        spring(
            f"{at}:01",
            "INFO",
            f"rail.{main}",
            f"Starting {main} v1.0 on {app} with PID 1 (/app/{app}.jar started by root in /)",
        ),
        spring(
            f"{at}:01",
            "INFO",
            f"rail.{main}",
            "No active profile set, falling back to default profiles: default",
        ),
        spring(
            f"{at}:06",
            "WARN",
            "c.a.nacos.client.naming",
            "[NA] failed to request 10.0.9.3:8848 from, retry: java.net.ConnectException: Connection refused",
        ),
        spring(
            f"{at}:09",
            "INFO",
            "o.s.b.w.embedded.tomcat.TomcatWebServer",
            f"Tomcat initialized with port(s): {port} (http)",
        ),
    ]
    if database:
        lines += [spring(f"{at}:12", "INFO", "com.zaxxer.hikari.HikariDataSource", "HikariPool-1 - Starting...")]
    if database and up:
        lines += [
            spring(f"{at}:14", "INFO", "com.zaxxer.hikari.HikariDataSource", "HikariPool-1 - Start completed."),
            spring(
                f"{at}:16",
                "WARN",
                "o.h.t.s.i.ExceptionHandlerLoggedImpl",
                'GenerationTarget encountered exception accepting command : Error executing DDL "alter table travel drop index UK_1" via JDBC Statement',
            ),
            "org.hibernate.tool.schema.spi.CommandAcceptanceException: Error executing DDL\n\tat org.hibernate.tool.schema.internal.exec.GenerationTargetToDatabase.accept(GenerationTargetToDatabase.java:67)\nCaused by: java.sql.SQLSyntaxErrorException: Table 'rail.travel' doesn't exist\n\t... 32 common frames omitted\n",
            spring(
                f"{at}:17",
                "WARN",
                "JpaBaseConfiguration$JpaWebConfiguration",
                "spring.jpa.open-in-view is enabled by default. Therefore, database queries may be performed during view rendering.",
            ),
        ]
    if up:
        lines += [
            spring(
                f"{at}:40",
                "INFO",
                "o.s.b.w.embedded.tomcat.TomcatWebServer",
                f"Tomcat started on port(s): {port} (http) with context path ''",
            ),
            spring(f"{at}:41", "INFO", f"rail.{main}", f"Started {main} in 40.382 seconds (JVM running for 43.117)"),
        ]
    return "".join(lines)


def chatter(app: str) -> str:
    """Return what a healthy service says all day, some of it as warnings and errors."""
    lines = []
    for minute in range(5, 59, 6):
        at = f"11:{minute:02}"
        lines += [
            spring(f"{at}:01", "INFO", f"rail.{app}.Controller", "[query][Query by id][id: 4d2a-46ab]", thread="nio-exec-4"),
            spring(f"{at}:02", "ERROR", f"rail.{app}.ServiceImpl", "[find][Find fail][no content][name: nowhere]", thread="nio-exec-7"),
            spring(f"{at}:03", "WARN", "o.s.w.s.m.s.DefaultHandlerExceptionResolver", "Resolved [org.springframework.web.bind.MissingServletRequestParameterException: Required String parameter 'date' is not present]", thread="nio-exec-2"),
            spring(f"{at}:31", "WARN", "com.zaxxer.hikari.pool.PoolBase", "HikariPool-1 - Failed to validate connection com.mysql.cj.jdbc.ConnectionImpl@1f (No operations allowed after connection closed.). Possibly consider using a shorter maxLifetime value.", thread="nio-exec-2"),
        ]  # fmt: skip
    return "".join(lines)


def hikari(why: str, *, at: str = "11:57") -> str:
    """Return how a service ends that cannot reach its database at its start; ``why`` is the trace from the driver."""
    return (
        spring(f"{at}:13", "ERROR", "com.zaxxer.hikari.pool.HikariPool", "HikariPool-1 - Exception during pool initialization.")
        + f"\n{why}"
        + spring(f"{at}:14", "WARN", "o.h.e.j.e.i.JdbcEnvironmentInitiator", f"HHH000342: Could not obtain connection to query metadata : {why.partition(chr(10))[0].partition(': ')[2]}")
        + spring(f"{at}:15", "WARN", "ConfigServletWebServerApplicationContext", "Exception encountered during context initialization - cancelling refresh attempt: org.springframework.beans.factory.BeanCreationException: Error creating bean with name 'entityManagerFactory' defined in class path resource [org/springframework/boot/autoconfigure/orm/jpa/HibernateJpaConfiguration.class]: Invocation of init method failed; nested exception is org.hibernate.service.spi.ServiceException: Unable to create requested service [org.hibernate.engine.jdbc.env.spi.JdbcEnvironment]")
        + spring(f"{at}:15", "INFO", "o.apache.catalina.core.StandardService", "Stopping service [Tomcat]")
        + spring(f"{at}:16", "ERROR", "o.s.boot.SpringApplication", "Application run failed")
        + "\norg.springframework.beans.factory.BeanCreationException: Error creating bean with name 'entityManagerFactory': Invocation of init method failed\n"
        + "\tat org.springframework.beans.factory.support.AbstractAutowireCapableBeanFactory.initializeBean(AbstractAutowireCapableBeanFactory.java:1794)\n" * 9
        + "Caused by: org.hibernate.service.spi.ServiceException: Unable to create requested service [org.hibernate.engine.jdbc.env.spi.JdbcEnvironment]\n"
        + "\tat org.hibernate.service.internal.AbstractServiceRegistryImpl.createService(AbstractServiceRegistryImpl.java:275)\n" * 6
        + "Caused by: org.hibernate.HibernateException: Access to DialectResolutionInfo cannot be null when 'hibernate.dialect' not set\n"
        + "\t... 22 common frames omitted\n"
    )  # fmt: skip


FRAMES = "\tat com.mysql.cj.jdbc.ConnectionImpl.createNewIO(ConnectionImpl.java:836)\n\tat com.zaxxer.hikari.pool.PoolBase.newConnection(PoolBase.java:358)\n\tat com.zaxxer.hikari.pool.HikariPool.<init>(HikariPool.java:115)\n"
TOO_MANY = f'java.sql.SQLNonTransientConnectionException: Data source rejected establishment of connection,  message from server: "Too many connections"\n{FRAMES}'


def denied(user: str, address: str) -> str:
    """Return the driver's trace of a refused password."""
    return f"java.sql.SQLException: Access denied for user '{user}'@'{address}' (using password: YES)\n{FRAMES}"


def link_failure(cause: str) -> str:
    """Return the driver's trace of a connection that was never made."""
    return (
        f"com.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure\n\nThe last packet sent successfully to the server was 0 milliseconds ago. The driver has not received any packets from the server.\n{FRAMES}"
        f"Caused by: com.mysql.cj.exceptions.CJCommunicationsException: Communications link failure\n\nThe last packet sent successfully to the server was 0 milliseconds ago. The driver has not received any packets from the server.\n\tat jdk.internal.reflect.NativeConstructorAccessorImpl.newInstance0(Native Method)\n"
        f"Caused by: {cause}\n\tat java.net.PlainSocketImpl.socketConnect(Native Method)\n\tat java.net.Socket.connect(Socket.java:607)\n\t... 41 common frames omitted\n"
    )


def servlet(at: str, why: str, *, logger: str = "o.a.c.c.C.[.[.[/].[dispatcherServlet]") -> str:
    """Return how Tomcat logs a request that ended in an exception."""
    summary = why.partition("\n")[0]
    return spring(
        at,
        "ERROR",
        logger,
        f"Servlet.service() for servlet [dispatcherServlet] in context with path [] threw exception [Request processing failed; nested exception is {summary}] with root cause",
        thread="nio-exec-3",
    ) + f"\n{why}\tat org.apache.tomcat.util.threads.TaskThread$WrappingRunnable.run(TaskThread.java:61)\n"  # fmt: skip


def resource(callee: str, port: int, why: str) -> str:
    """Return RestTemplate's trace of a call that failed."""
    return f'org.springframework.web.client.ResourceAccessException: I/O error on POST request for "http://{callee}:{port}/api/v1/{callee}/items": {why}; nested exception is java.net.ConnectException: {why}\n\tat org.springframework.web.client.RestTemplate.doExecute(RestTemplate.java:785)\nCaused by: java.net.ConnectException: {why}\n'


def answered(status: str) -> str:
    """Return RestTemplate's trace of an answer that tells of an error at the callee."""
    body = f'{{"timestamp":"2030-05-01T11:50:01.1+0000","status":{status.partition(" ")[0]},"error":"{status.partition(" ")[2]}","message":"","path":"/api/v1/items"}}'
    kind = "HttpServerErrorException$InternalServerError" if status.startswith("5") else "HttpClientErrorException"
    return f"org.springframework.web.client.{kind}: {status}: [{body}]\n\tat org.springframework.web.client.RestTemplate.handleResponse(RestTemplate.java:774)\n"
