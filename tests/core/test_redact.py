"""Secrets never become the value of a fact, and no text makes the search slow."""

from __future__ import annotations

import pytest
from detect_secrets.core.scan import scan_line
from detect_secrets.settings import default_settings
from hypothesis import example, given
from hypothesis import strategies as st

from sre_orchestrator.core.redact import MASK, without_secrets

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("DB_PASSWORD: hunter2, user: app", "DB_PASSWORD: ***, user: app"),
        ("password='it is a phrase' port=1", "password='***' port=1"),
        ('{"api_key": "abc def", "a": 1}', '{"api_key": "***", "a": 1}'),
        (r"{\"password\": \"hunter2\", \"a\": 1}", r"{\"password\": \"***\", \"a\": 1}"),
        ("redis://:p@ss@cache:6379/0", "redis://:***@cache:6379/0"),
        ("amqp://shop:hunter2@mq", "amqp://shop:***@mq"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer ***"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
        (f"sent {JWT} to web", "sent *** to web"),
        ("id AKIAIOSFODNN7EXAMPLE used", "id *** used"),
        ("remote ghp_0123456789abcdefghijABCDEFGHIJ", "remote ***"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nxyz\n-----END", "-----BEGIN RSA PRIVATE KEY-----***-----END"),
        ("-----BEGIN PRIVATE KEY-----\ncut off", "-----BEGIN PRIVATE KEY-----***"),
        (r"cookie: \a1B2c3D4e5", r"cookie: \***"),
        ("cookie: ***a1B2c3D4e5", "cookie: ***"),
    ],
)
def test_a_secret_is_masked(text: str, clean: str) -> None:
    assert without_secrets(text) == clean


def made(prefix: str, length: int, alphabet: str = "a1B2c3D4e5F6") -> str:
    """Return a token as somebody makes it; put together here, so that none is in the repository."""
    return prefix + (alphabet * length)[:length]


def detected(text: str) -> list[str | None]:
    """Return what the library finds in a line, but for its guesses."""
    with default_settings():
        return [one.secret_value for one in scan_line(text) if "Entropy" not in one.type]


HEX = "0123456789abcdef"
TOKENS = {
    "GitHub": made("ghp_", 36),
    "GitHub, fine-grained": made("github_pat_", 60),
    "GitLab": made("glpat-", 20),
    "Grafana": made("glsa_", 40),
    "Slack bot": made("xoxb-123456789012-", 24),
    "Slack app": made("xapp-1-", 40),
    "Slack address": made("https://hooks.slack.com/services/T0AB12CD3/B0AB12CD3/", 24),
    "Stripe": made("sk_live_", 24),
    "webhook": made("whsec_", 32),
    "Google key": made("AIza", 35),
    "Google access": made("ya29.", 60),
    "Google client": made("GOCSPX-", 28),
    "npm": made("npm_", 36),
    "PyPI": made("pypi-AgEIcHlwaS5vcmc", 80),
    "Docker Hub": made("dckr_pat_", 27),
    "Artifactory": made("AKCp", 60),
    "Vault": made("hvs.", 90),
    "age": made("AGE-SECRET-KEY-1", 58, "QPZRY9X8"),
    "Atlassian": made("ATATT3", 80),
    "Databricks": made("dapi", 32, HEX),
    "DigitalOcean": made("dop_v1_", 64, HEX),
    "Hugging Face": made("hf_", 34),
    "SendGrid": made("SG.", 22) + made(".", 43),
    "Shopify": made("shpat_", 32, HEX),
    "New Relic": made("NRAK-", 27, "A1B2C3"),
    "Entra ID": made("a1b8Q~", 34),
    "OpenAI": made("sk-proj-", 48),
    "Anthropic": made("sk-ant-api03-", 95),
    "AWS": "AKIAIOSFODNN7EXAMPLE",
    "service account": JWT,
    "bootstrap": "abc123.0123456789abcdef",
    "kubeconfig": made("LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQ", 60),
    "registries": made("eyJhdXRocyI6", 60),
}


@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize(
    "form", ["{}", "sent {} to web", '{{"a": "{}"}}', "a\\n{}\\n", "x={};", "'{}'", "https://a.example/{}?b"]
)
def test_a_token_is_known_by_its_form_wherever_it_is(kind: str, form: str) -> None:
    secret = TOKENS[kind].rpartition("/")[2]

    clean = without_secrets(form.format(TOKENS[kind]))

    assert secret not in clean
    assert MASK in clean


@pytest.mark.parametrize(
    "text", [*TOKENS.values(), 'aws_secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"']
)
def test_a_kept_detector_of_secrets_finds_none_in_what_is_left(text: str) -> None:
    assert detected(without_secrets(text)) == []


def test_the_detector_would_have_found_many() -> None:
    found = [kind for kind, text in TOKENS.items() if detected(text)]

    assert {"AWS", "GitHub", "SendGrid", "Stripe", "Slack bot", "service account"} <= {*found}


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ('{"auths": {"r.example": {"auth": "am9lOmh1bnRlcjIy"}}}', '{"auths": {"r.example": {"auth": "***"}}}'),
        (r"{\"auth\":\"am9lOmh1bnRlcjIy\"}", r"{\"auth\":\"***\"}"),
        ("client-key-data: abcdefgh", "client-key-data: ***"),
        ("AccountName=a;AccountKey=abc+/def==;Suffix=b", "AccountName=a;AccountKey=***;Suffix=b"),
        ("Endpoint=sb://a/;SharedAccessKey=abcdef=", "Endpoint=sb://a/;SharedAccessKey=***"),
        ("Server=db;User ID=app;Password=hunter2;", "Server=db;User ID=app;Password=***;"),
        ("https://a.example/b?se=2030&sig=abcdefghijklmnop%3D&x=1", "https://a.example/b?se=2030&sig=***&x=1"),
        ("Set-Cookie: session=abc; Path=/\nHost: a", "Set-Cookie: ***\nHost: a"),
        ('{"Cookie": "session=abc", "a": 1}', '{"Cookie": "***", "a": 1}'),
        ("mongodb+srv://app:hunter2@db.example/shop", "mongodb+srv://app:***@db.example/shop"),
        ("data:\n  password: aHVudGVyMg==\n  port: ODA4MA==", "data:\n  password: ***\n  port: ODA4MA=="),
    ],
)
def test_a_secret_of_kubernetes_or_of_an_address_is_masked(text: str, clean: str) -> None:
    assert without_secrets(text) == clean


def test_a_token_after_its_name_is_masked_too() -> None:
    assert "opaque0token" not in without_secrets("token: Bearer opaque0token")


@pytest.mark.parametrize(
    "text",
    [
        "Basic authentication failed for user app",
        'secret "db-credentials" not found',
        "https://registry.example:5000/app@sha256:0123",
        "couldn't find key password in Secret shop/db",
        "password=*** was masked before",
        "monkey business, a passing token",
        "risk-assessment-of-the-quarterly-report, task-0123456789abcdef0123",
        "node.kubernetes.io/unreachable, 123456.1234567890123456, config.applicationsetti",
        "certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUM5akNDQWQ2",
        "cookie policy of sig=nal, an auth: none server, authenticate: basic",
        "npm_config_cache pypi-mirror glad_to_see hooks.slack.com SG.1 hf_a eyJ.a.b",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text


PIECES = [
    "password",
    "=",
    ":",
    " ",
    "'",
    '"',
    "\\",
    "Bearer ",
    "basic ",
    "://",
    "@",
    "/",
    "a1B2c3D4e5",
    "eyJ",
    ".",
    "\n",
    "cookie: ",
    "ghp_0123456789abcdefghijABCD",
    "abc123.0123456789abcdef",
]


@given(st.lists(st.sampled_from([*PIECES, MASK]), max_size=14).map("".join))
@example(r"cookie: \***")
@example(r"cookie: \a1B2c3D4e5")
@example(r"cookie: \\***")
@example('eyJ://password::"@a1B2c3D4e5=:://***')
def test_masking_twice_is_masking_once(text: str) -> None:
    once = without_secrets(text)

    assert without_secrets(once) == once


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "a." * 32_000 + " token",
        "eyJ-" * 16_000,
        "a-" * 32_000 + "://",
        "password='" * 6_000,
        "token" + " " * 60_000,
        "basic " + "a." * 30_000,
        "x://a:" * 10_000,
        "x://" + "@a:" * 20_000,
        "-----BEGIN " * 6_000,
        "cookie: " * 8_000,
        "xoxb-" * 12_000,
        "sk-" * 20_000,
        "a1b2c3." * 9_000,
        "8Q~" * 20_000,
        "a" * 60_000 + "8Q~",
        "LS0tLS1CRUdJTi" * 4_000,
        "SG." * 20_000,
        "?sig=" * 12_000,
        '"auth": ' * 8_000,
    ],
)
def test_a_hostile_log_line_takes_no_time(text: str) -> None:
    assert len(without_secrets(text)) <= len(text)
