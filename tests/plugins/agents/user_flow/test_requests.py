"""Requests in lines of many access logs."""

from __future__ import annotations

import pytest

from sre_orchestrator.plugins.agents.user_flow.requests import likely, request_in

CLF = "10.0.0.1 - - [01/May/2030:12:00:00 +0000] "
LINES = {
    CLF + '"GET /cart?x=1 HTTP/1.1" 503 19 "-" "curl" rt=0.25': ("GET", "/cart?x=1", 503, 0.25),
    CLF + '"GET /cart HTTP/1.1" 200 19': ("GET", "/cart", 200, None),
    CLF + '"GET /x HTTP/1.1" 502 11 "-" "-" 7 "cart@kubernetes" "http://10.1.0.7:80" 12ms': ("GET", "/x", 502, 0.012),
    'INFO:     10.0.0.1:5123 - "POST /orders HTTP/1.1" 500 Internal Server Error': ("POST", "/orders", 500, None),
    '[2030-05-01T12:00:00.000Z] "GET /cart HTTP/1.1" 503 UF upstream_reset{x} - "-" 0 91 12 - "-" "curl/8" "id"': (
        "GET", "/cart", 503, 0.012,
    ),
    '{"http.req.method":"GET","http.req.path":"/cart","http.resp.status":500,"http.resp.took_ms":1}': (
        "GET", "/cart", 500, 0.001,
    ),
    '2030-05-01T12:00:00Z {"method":"get","uri":"/a","status":"404","request_time":"1.500"}': ("GET", "/a", 404, 1.5),
    '{"http":{"request":{"method":"GET"},"response":{"status_code":502}},"url":{"path":"/x"},"event":{"duration":12000000}}': (
        "GET", "/x", 502, 0.012,
    ),
    '{"httpRequest":{"requestMethod":"GET","requestUrl":"/a","status":404,"latency":"0.12s"}}': ("GET", "/a", 404, 0.12),
    '{"request":"GET /y HTTP/1.1","status":504,"elapsed":30}': ("GET", "/y", 504, 0.03),
    '{"grpc.code":"Unavailable","grpc.service":"shop.Cart","grpc.method":"Add","grpc.duration_ms":3}': (
        "POST", "/shop.Cart/Add", 503, 0.003,
    ),
    "msg=done grpc.code=OK grpc.service=shop.Cart grpc.method=Get": ("POST", "/shop.Cart/Get", 200, None),
    "msg=done grpc.code=NotFound grpc.service=shop.Cart grpc.method=Get": ("POST", "/shop.Cart/Get", 400, None),
    "msg=done grpc.code=Internal grpc.service=shop.Cart grpc.method=Get": ("POST", "/shop.Cart/Get", 500, None),
    'level=info method=GET path="/x y" status=500 duration=12ms': ("GET", "/x y", 500, 0.012),
    "level=info method=GET path=/x status_code=500 took_seconds=2": ("GET", "/x", 500, 2.0),
    '[GIN] 2030/05/01 - 12:00:00 | 500 |    1.5ms |  10.0.0.1 | GET      "/api/x"': ("GET", "/api/x", 500, 0.0015),
    "GET /x 500 12.5 ms - 12": ("GET", "/x", 500, 0.0125),
    "GET /x 304 - - 0": ("GET", "/x", 304, None),
    "Request finished HTTP/1.1 GET http://shop/api/x - 500 0 - 12.5ms": ("GET", "/api/x", 500, 0.0125),
    'haproxy: 10.0.0.1:33 [x] in cart/s1 10/0/30/69/109 503 2750 - - ---- 1/1 0/0 {} "GET /index HTTP/1.1"': (
        "GET", "/index", 503, 0.109,
    ),
    "c.e.Filter : GET /orders/12 status=500 time=12ms": ("GET", "/orders/12", 500, 0.012),
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_a_request_is_read_from_many_formats(line: str) -> None:
    request = request_in(line)

    assert likely(line)
    assert request is not None
    assert (request.method, request.path, request.status, request.seconds) == LINES[line]


@pytest.mark.parametrize(
    "line",
    [
        "the cart has 503 items",
        '{"status":"ok","path":"/x"}',
        '{"status":200}',
        '{"status":200, broken}',
        "Completed 500 Internal Server Error in 12ms",
        "status=500",
        "status = great",
        "{ no json }",
    ],
)
def test_other_lines_are_no_requests(line: str) -> None:
    assert request_in(line) is None


def test_a_time_field_is_kept() -> None:
    request = request_in('{"path":"/x","status":200,"ts":1903780800,"ok":true}')

    assert request is not None
    assert request.time == 1903780800


def test_a_time_that_is_no_time_is_not_kept() -> None:
    request = request_in('{"path":"/x","status":200,"time":true}')

    assert request is not None
    assert request.time is None
