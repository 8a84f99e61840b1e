"""Blind incidents of the media platform: pods that are not made, not placed or not started."""

from __future__ import annotations

from blind_media import BILLING, EDGE, NODES, SINCE, VOD, Site
from blind_media_cases import bff_errors, edge_errors, incident, payments_errors, playback_errors
from blind_media_site import env, of_secret
from shop import thing


@incident
def tag_that_was_never_pushed(site: Site) -> tuple[str, str]:
    """A rollout waits for an image that the registry does not know; the old pods serve."""
    image = "ghcr.io/tessera-tv/playback:v4.19.0"
    pod = site.roll(f"{VOD}/playback", image=image)
    site.waits(
        pod,
        "ImagePullBackOff",
        f'Back-off pulling image "{image}": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": {image}: not found',
    )
    site.event(
        ("Pod", pod),
        "Failed",
        f'Failed to pull image "{image}": rpc error: code = NotFound desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": {image}: not found',
        count=6,
    )
    site.event(("Pod", pod), "Failed", "Error: ErrImagePull", count=6)
    site.event(("Pod", pod), "BackOff", f'Back-off pulling image "{image}"', count=58, type="Normal")
    site.alert(
        "KubeDeploymentRolloutStuck",
        "Rollout of deployment vod/playback is not progressing",
        namespace=VOD,
        deployment="playback",
    )
    return "image-reference-wrong", site.workload(f"{VOD}/playback")


@incident
def registry_token_expired(site: Site) -> tuple[str, str]:
    """The pull secret of a private registry has expired; a node was replaced and pulls anew."""
    image = "tessera.azurecr.io/identity:1.44.0"
    text = f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://tessera.azurecr.io/oauth2/token?scope=repository%3Aidentity%3Apull&service=tessera.azurecr.io: 401 Unauthorized'
    site.spec(f"{VOD}/identity", imagePullSecrets=[{"name": "acr-pull"}])
    site.add(
        thing(
            "Secret", "acr-pull", namespace=VOD, type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": ""}
        )
    )
    for pod in site.pods(f"{VOD}/identity"):
        site.waits(pod, "ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {text}')
        site.event(("Pod", pod), "Failed", f'Failed to pull image "{image}": {text}')
        site.event(("Pod", pod), "Failed", "Error: ImagePullBackOff", count=30)
    site.reslice(f"{VOD}/identity")
    bff_errors(site, "identity:8080/connect/userinfo", "connect ECONNREFUSED 172.20.0.71:8080")
    return "image-pull-denied", site.workload(f"{VOD}/identity")


@incident
def docker_hub_rate_limit(site: Site) -> tuple[str, str]:
    """A cache restarts on another node and Docker Hub has had enough."""
    at, image = f"{VOD}/sessions-redis-master", "docker.io/bitnami/redis:7.4.0-debian-12-r2"
    text = f'failed to pull and unpack image "{image}": failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/bitnami/redis/manifests/sha256:1f0c: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit'
    pod = site.pods(at)[0]
    site.waits(pod, "ErrImagePull", text)
    site.event(("Pod", pod), "Failed", f'Failed to pull image "{image}": {text}')
    site.reslice(at)
    site.say(
        f"{VOD}/identity",
        "".join(
            f'{{"@t":"2030-05-01T11:{minute}:09.1Z","@mt":"Session store unavailable","@l":"Error","@x":"StackExchange.Redis.RedisConnectionException: No connection is active/available to service this operation: GET sess:41; It was not possible to connect to the redis server(s). UnableToConnect on sessions-redis-master:6379/Interactive, Initializing/NotStarted, last: NONE"}}\n'
            for minute in (44, 48, 52, 56, 59)
        ),
    )
    bff_errors(site, "identity:8080/connect/userinfo", "Internal Server Error", "ERR_BAD_RESPONSE")
    return "image-pull-rate-limited", site.workload(at)


@incident
def key_missing_in_secret(site: Site) -> tuple[str, str]:
    """A new revision wants a key of a Secret that nobody has added."""
    wanted = [
        *site.get("Deployment", f"{BILLING}/payments")["spec"]["template"]["spec"]["containers"][0]["env"],
        *of_secret("payments-env", "STRIPE_WEBHOOK_SECRET"),
    ]
    pod = site.roll(f"{BILLING}/payments", image="ghcr.io/tessera-tv/payments:3.10.0", env=wanted)
    site.waits(
        pod, "CreateContainerConfigError", "couldn't find key STRIPE_WEBHOOK_SECRET in Secret billing/payments-env"
    )
    site.event(
        ("Pod", pod),
        "Failed",
        "Error: couldn't find key STRIPE_WEBHOOK_SECRET in Secret billing/payments-env",
        count=83,
    )
    return "secret-missing", site.workload(f"{BILLING}/payments")


@incident
def mounted_secret_not_synced(site: Site) -> tuple[str, str]:
    """The Secret that an operator should have synced is not there; the pod waits for its volume."""
    at = f"{BILLING}/ledger"
    site.spec(at, volumes=[{"name": "signing", "secret": {"secretName": "ledger-signing-keys", "defaultMode": 420}}])
    site.containers(at, volumeMounts=[{"name": "signing", "mountPath": "/keys", "readOnly": True}])
    for pod in site.pods(at):
        site.waits(pod, "ContainerCreating", "")
        site.event(
            ("Pod", pod),
            "FailedMount",
            'MountVolume.SetUp failed for volume "signing" : secret "ledger-signing-keys" not found',
            count=16,
        )
    site.reslice(at)
    payments_errors(
        site,
        "post entry failed",
        'Post "http://ledger:3000/v2/entries": dial tcp 172.20.0.120:3000: connect: connection refused',
    )
    return "secret-missing", site.workload(at)


@incident
def amd64_image_on_graviton(site: Site) -> tuple[str, str]:
    """The provisioner added an arm64 node; the transcoder's image has no such variant."""
    at = f"{VOD}/transcoder"
    site.edit(
        "Node",
        f"/{NODES[3]}",
        metadata={"labels": {"kubernetes.io/arch": "arm64", "node.kubernetes.io/instance-type": "m7g.xlarge"}},
        status={"nodeInfo": {"architecture": "arm64"}},
    )
    for pod in site.pods(at):
        site.edit("Pod", pod, spec={"nodeName": NODES[3]})
    site.crash(at, "exec /usr/local/bin/transcoder: exec format error\n", code=255, seconds=0)
    return "image-wrong-architecture", site.workload(at)


@incident
def root_image_under_restricted_policy(site: Site) -> tuple[str, str]:
    """The base image of a service changed its user to root, which the pod's security context forbids."""
    at = f"{VOD}/recommender"
    site.spec(at, securityContext={"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}})
    text = 'container has runAsNonRoot and image will run as root (pod: "recommender-6c8d4bb9f7-k2xvd_vod(6e0c1d52-44a1-4b0e-9b53-6a1f3a0b7a11)", container: api)'
    for pod in site.pods(at):
        site.waits(pod, "CreateContainerConfigError", text)
        site.event(("Pod", pod), "Failed", f"Error: {text}", count=40)
    site.reslice(at)
    bff_errors(site, "recommender:8000/v1/rows", "connect ECONNREFUSED 172.20.0.88:8000")
    return "root-refused", site.workload(at)


@incident
def evicted_for_scratch_space(site: Site) -> tuple[str, str]:
    """Transcoding writes more scratch files than the limit allows, and the kubelet evicts."""
    at = f"{VOD}/transcoder"
    site.containers(at, resources={"limits": {"ephemeral-storage": "4Gi"}, "requests": {"ephemeral-storage": "1Gi"}})
    pod = site.pods(at)[0]
    text = "Pod ephemeral local storage usage exceeds the total limit of containers 4Gi. "
    found = site.get("Pod", pod)
    site.add(
        {
            **found,
            "status": {
                "phase": "Failed",
                "reason": "Evicted",
                "message": text,
                "startTime": found["status"]["startTime"],
            },
        }
    )
    site.event(("Pod", pod), "Evicted", text, count=1)
    site.event(("Pod", pod), "Killing", "Stopping container worker", count=1, type="Normal")
    site.reslice(at)
    return "ephemeral-storage-exceeded", site.workload(at)


@incident
def entry_point_renamed(site: Site) -> tuple[str, str]:
    """The command of the container does not exist in the new image."""
    at = f"{BILLING}/ledger"
    pod = site.roll(at, image="ghcr.io/tessera-tv/ledger:9.1.0", command=["./bin/start-server"])
    text = 'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "./bin/start-server": stat ./bin/start-server: no such file or directory: unknown'
    ended = {
        "exitCode": 128,
        "reason": "StartError",
        "message": text,
        "startedAt": "1970-01-01T00:00:00Z",
        "finishedAt": "2030-05-01T11:58:00Z",
    }
    site.state(
        pod,
        {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container=rails"}},
        last={"terminated": ended},
        restarts=7,
    )
    site.event(("Pod", pod), "Failed", f"Error: {text}", count=7)
    site.logs = {key: value for key, value in site.logs.items() if not key.startswith(pod)}
    return "command-not-found", site.workload(at)


@incident
def scaled_to_zero_and_forgotten(site: Site) -> tuple[str, str]:
    """Somebody scaled a service down for a migration and did not scale it up again."""
    at = f"{VOD}/identity"
    for pod in site.pods(at):
        site.drop("Pod", pod)
        site.logs.pop(f"{pod}/identity-api")
    zero = {"replicas": 0, "readyReplicas": 0, "availableReplicas": 0}
    site.edit("Deployment", at, spec={"replicas": 0}, status={**zero, "updatedReplicas": 0})
    site.edit("ReplicaSet", f"{at}-6c8d4bb9f7", spec={"replicas": 0}, status=zero)
    site.slices(at, "identity", 8080, empty=True)
    site.event(
        ("Deployment", at),
        "ScalingReplicaSet",
        "Scaled down replica set identity-6c8d4bb9f7 from 2 to 0",
        count=1,
        by="deployment-controller",
        type="Normal",
    )
    bff_errors(site, "identity:8080/connect/userinfo", "connect ECONNREFUSED 172.20.0.71:8080")
    playback_errors(site, "identity:8080/introspect", "dial tcp 172.20.0.71:8080: connect: connection refused")
    return "scaled-to-zero", site.workload(at)


@incident
def auth_sidecar_takes_the_port(site: Site) -> tuple[str, str]:
    """A proxy for logins was added beside a server on the port that the server wants."""
    at = f"{BILLING}/payments"
    agent = {
        "name": "oauth2-proxy",
        "image": "quay.io/oauth2-proxy/oauth2-proxy:v7.6.0",
        "args": ["--http-address=0.0.0.0:8080", "--upstream=http://127.0.0.1:8080"],
        "ports": [{"containerPort": 8080, "name": "auth"}],
    }
    site.spec(at, containers=[agent, *site.get("Deployment", at)["spec"]["template"]["spec"]["containers"]])
    ended = {
        "exitCode": 1,
        "reason": "Error",
        "startedAt": "2030-05-01T11:58:00Z",
        "finishedAt": "2030-05-01T11:58:01Z",
    }
    for pod in site.pods(at):
        server = {
            "name": "payments-server",
            "ready": False,
            "restartCount": 9,
            "state": {
                "waiting": {
                    "reason": "CrashLoopBackOff",
                    "message": "back-off 5m0s restarting failed container=payments-server",
                }
            },
            "lastState": {"terminated": ended},
        }
        site.edit(
            "Pod",
            pod,
            status={
                "containerStatuses": [
                    {
                        "name": "oauth2-proxy",
                        "ready": True,
                        "restartCount": 0,
                        "state": {"running": {"startedAt": SINCE}},
                        "lastState": {},
                    },
                    server,
                ],
                "conditions": [
                    {"type": "Ready", "status": "False", "lastTransitionTime": SINCE},
                    {"type": "PodScheduled", "status": "True", "lastTransitionTime": SINCE},
                ],
            },
        )
        text = '{"level":"fatal","ts":1903866900.113,"caller":"cmd/main.go:88","msg":"http server","error":"listen tcp :8080: bind: address already in use"}\n'
        site.logs[f"{pod}/payments-server"] = site.logs[f"{pod}/payments-server-previous"] = text
        site.logs[f"{pod}/oauth2-proxy"] = (
            "[2030/05/01 11:41:25] [oauthproxy.go:172] OAuthProxy configured for OpenID Connect Client ID: payments\n[2030/05/01 11:58:00] [http.go:48] HTTP: listening on [::]:8080\n"
        )
        site.event(
            ("Pod", pod),
            "BackOff",
            f"Back-off restarting failed container payments-server in pod {pod.rpartition('/')[2]}_{BILLING}(6e0c)",
            count=40,
        )
    site.reslice(at)
    edge_errors(site, "/v1/charges", "10.0.2.31:8080", 502, BILLING)
    return "port-conflict-in-pod", site.workload(at)


@incident
def variable_points_to_an_old_namespace(site: Site) -> tuple[str, str]:
    """The identity service moved to another namespace last week; a caller still asks the old name after its rollout."""
    at = f"{VOD}/playback"
    site.containers(
        at,
        env=env(
            IDENTITY_URL="http://identity.auth.svc.cluster.local:8080",
            CATALOG_URL="http://catalog.vod.svc.cluster.local:8080",
            PAYMENTS_URL="http://payments.billing.svc.cluster.local:8080",
        ),
    )
    playback_errors(
        site,
        "identity.auth.svc.cluster.local:8080/introspect",
        "dial tcp: lookup identity.auth.svc.cluster.local on 172.20.0.10:53: no such host",
    )
    return "dependency-address-wrong", site.workload(at)


@incident
def edge_with_a_tiny_limit(site: Site) -> tuple[str, str]:
    """The edge itself is killed at start: its limit is below what it needs to load its routes."""
    at = f"{EDGE}/traefik"
    site.namespaces = (VOD, BILLING, EDGE)
    site.containers(
        at, resources={"limits": {"memory": "24Mi", "cpu": "1"}, "requests": {"memory": "24Mi", "cpu": "100m"}}
    )
    site.crash(
        at,
        "2030-05-01T11:55:02Z INF Traefik version 3.1.4 built on 2024-09-19T13:47:15Z version=3.1.4\n",
        code=137,
        reason="OOMKilled",
        seconds=2,
    )
    return "memory-limit-too-low", site.workload(at)
