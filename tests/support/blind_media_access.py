"""Blind incidents of the media platform: certificates, tokens, keys and rights."""

from __future__ import annotations

from blind_media import BILLING, SINCE, VOD, Site
from blind_media_cases import bff_errors, edge_errors, incident, payments_errors
from blind_media_site import ingress
from blind_media_words import each, slog, structlog, zap
from shop import thing


@incident
def edge_certificate_never_issued(site: Site) -> tuple[str, str]:
    """The DNS challenge of a new host fails; cert-manager has no certificate to give, and the secret does not exist."""
    site.add(ingress(BILLING, "partners", "partners.tessera.tv", ("/", "payments", 8080)))
    text = "Issuing certificate as Secret does not exist"
    conditions = [
        {"type": "Ready", "status": "False", "reason": "DoesNotExist", "message": text, "lastTransitionTime": SINCE},
        {"type": "Issuing", "status": "True", "reason": "DoesNotExist", "message": text, "lastTransitionTime": SINCE},
    ]
    site.add(
        thing(
            "Certificate",
            "partners-tls",
            namespace=BILLING,
            spec={
                "secretName": "partners-tls",
                "issuerRef": {"name": "letsencrypt", "kind": "ClusterIssuer"},
                "dnsNames": ["partners.tessera.tv"],
            },
            status={"conditions": conditions},
        )
    )
    site.say(
        "cert-manager/cert-manager",
        each(
            lambda at: (
                f'E0501 {at}.291025       1 controller.go:162] "re-queuing item due to error processing" err="failed to determine Route 53 hosted zone ID: zone partners.tessera.tv. not found in Route 53 for domain _acme-challenge.partners.tessera.tv." logger="cert-manager.challenges" key="billing/partners-tls-1-2841-991"'
            )
        ),
    )
    site.say(
        "traefik/traefik",
        each(
            lambda at: (
                f'2030-05-01T{at}Z ERR Error configuring TLS error="secret billing/partners-tls does not exist" ingress=partners namespace=billing providerName=kubernetes'
            )
        ),
    )
    site.event(
        ("Certificate", f"{BILLING}/partners-tls"),
        "Issuing",
        text,
        by="cert-manager-certificates-trigger",
        type="Normal",
        count=1,
    )
    return "certificate-not-issued", f"certificate/{BILLING}/partners-tls"


@incident
def serving_certificate_expired(site: Site) -> tuple[str, str]:
    """The internal certificate of the ledger ran out at six in the morning; nobody had automated it."""
    payments_errors(
        site,
        "post entry failed",
        'Post "https://ledger.billing.svc:3000/v2/entries": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2030-05-01T11:50:03Z is after 2030-05-01T06:00:00Z',
    )
    site.say(
        f"{BILLING}/ledger",
        each(
            lambda at: (
                f"2030-05-01 {at} +0000 SSL error, peer: 10.0.2.31, peer cert: , #<OpenSSL::SSL::SSLError: SSL_accept returned=1 errno=0 peeraddr=10.0.2.31:41102 state=error: ssl/tls alert certificate expired (SSL alert number 45)>"
            )
        ),
    )
    return "certificate-expired", f"service/{BILLING}/ledger"


@incident
def flags_may_not_be_read(site: Site) -> tuple[str, str]:
    """A role lost a verb; the Python client of the recommender may not read its flags."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}],
    }
    site.add(thing("Role", "recommender-flags", namespace=VOD, **role))
    site.add(
        thing(
            "RoleBinding",
            "recommender-flags",
            namespace=VOD,
            roleRef={"kind": "Role", "name": "recommender-flags", "apiGroup": "rbac.authorization.k8s.io"},
            subjects=[{"kind": "ServiceAccount", "name": "recommender", "namespace": VOD}],
        )
    )
    body = '{\\"kind\\":\\"Status\\",\\"apiVersion\\":\\"v1\\",\\"status\\":\\"Failure\\",\\"message\\":\\"configmaps \\\\\\"recommender-flags\\\\\\" is forbidden: User \\\\\\"system:serviceaccount:vod:recommender\\\\\\" cannot get resource \\\\\\"configmaps\\\\\\" in API group \\\\\\"\\\\\\" in the namespace \\\\\\"vod\\\\\\"\\",\\"reason\\":\\"Forbidden\\",\\"code\\":403}'
    site.say(
        f"{VOD}/recommender",
        each(
            lambda at: structlog(
                at,
                "flags unavailable",
                exc="kubernetes.client.exceptions.ApiException: (403) Reason: Forbidden HTTP response body: " + body,
            )
        ),
    )
    bff_errors(site, "recommender:8000/v1/rows", "Internal Server Error", "ERR_BAD_RESPONSE")
    return "api-access-denied", f"deployment/{VOD}/recommender"


@incident
def key_of_the_payment_provider_revoked(site: Site) -> tuple[str, str]:
    """A key was rolled at the payment provider; the secret still holds the old one."""
    payments_errors(
        site,
        "capture failed",
        '{"code":"api_key_expired","status":401,"message":"Expired API Key provided: sk_live_*********************4hQ2","request_id":"req_X1","type":"invalid_request_error"}',
    )
    return "service-access-denied", f"deployment/{BILLING}/payments"


@incident
def tokens_for_another_audience(site: Site) -> tuple[str, str]:
    """Playback asks for entitlements with tokens whose audience the payments service does not accept."""
    site.say(
        f"{BILLING}/payments",
        each(
            lambda at: zap(
                at,
                "token rejected",
                "warn",
                error="token has invalid claims: token has invalid audience",
                client="playback",
            )
        ),
    )
    site.say(
        f"{VOD}/playback",
        each(
            lambda at: slog(
                at,
                "entitlement check failed",
                status=401,
                body='{"error":"invalid_token","error_description":"The audience is invalid"}',
                url="http://payments.billing.svc.cluster.local:8080/v1/entitlements",
            )
        ),
    )
    edge_errors(site, "/v1/sessions", "10.0.1.22:8080", 500)
    return "token-invalid", f"deployment/{BILLING}/payments"
