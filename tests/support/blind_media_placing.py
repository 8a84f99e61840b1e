"""Blind incidents of the media platform: pods that are refused, not placed, or wait for their volume or network."""

from __future__ import annotations

from blind_media import BILLING, NODES, SINCE, VOD, Site
from blind_media_cases import bff_errors, incident, payments_errors
from shop import thing


@incident
def limits_quota_of_the_team(site: Site) -> tuple[str, str]:
    """Autoscaling took all CPU limits that the team has; a rollout finds none."""
    hard = {"limits.cpu": "20", "limits.memory": "64Gi", "pods": "80"}
    site.add(
        thing(
            "ResourceQuota",
            "team-vod",
            namespace=VOD,
            spec={"hard": hard},
            status={"hard": hard, "used": {"limits.cpu": "19500m", "limits.memory": "17Gi", "pods": "22"}},
        )
    )
    site.uncreated(
        f"{VOD}/recommender",
        "FailedCreate",
        'Error creating: pods "recommender-6c8d4bb9f7-9tw2c" is forbidden: exceeded quota: team-vod, requested: limits.cpu=1, used: limits.cpu=19500m, limited: limits.cpu=20',
    )
    bff_errors(site, "recommender:8000/v1/rows", "connect ECONNREFUSED 172.20.0.88:8000")
    return "quota-cpu-exceeded", f"namespace/{VOD}"


@incident
def restricted_pod_security(site: Site) -> tuple[str, str]:
    """The namespace was labelled restricted; the next rollout of a service is refused."""
    site.edit(
        "Namespace",
        f"/{BILLING}",
        metadata={
            "labels": {
                "pod-security.kubernetes.io/enforce": "restricted",
                "pod-security.kubernetes.io/enforce-version": "latest",
            }
        },
    )
    text = 'Error creating: pods "fraud-6c8d4bb9f7-h4kzm" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "scorer" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "scorer" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "scorer" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "scorer" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
    site.uncreated(f"{BILLING}/fraud", "FailedCreate", text)
    payments_errors(
        site,
        "fraud check failed",
        'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 172.20.0.101:50051: connect: connection refused"',
    )
    return "pod-security-refused", site.workload(f"{BILLING}/fraud")


@incident
def policy_engine_has_no_pods(site: Site) -> tuple[str, str]:
    """Kyverno has no pods, and its webhook fails closed."""
    site.add(thing("Namespace", "kyverno", namespace="", status={"phase": "Active"}))
    site.deploy(
        "kyverno/kyverno-admission-controller", 9443, "ghcr.io/kyverno/kyverno:v1.12.5", inside="kyverno", replicas=1
    )
    site.serve("kyverno/kyverno-admission-controller", "kyverno-svc", 443)
    site.crash(
        "kyverno/kyverno-admission-controller",
        'I0501 11:55:02.118231       1 setup.go:23] setup "msg"="starting..."\npanic: failed to wait for cache sync\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/cmd/kyverno/main.go:412 +0x1b5\n',
        code=2,
    )
    text = 'Error creating: Internal error occurred: failed calling webhook "validate.kyverno.svc-fail": failed to call webhook: Post "https://kyverno-svc.kyverno.svc:443/validate/fail?timeout=10s": no endpoints available for service "kyverno-svc"'
    site.uncreated(f"{VOD}/playback", "FailedCreate", text)
    site.uncreated(f"{BILLING}/fraud", "FailedCreate", text)
    bff_errors(site, "playback:8080/v1/sessions", "connect ECONNREFUSED 172.20.0.140:8080")
    return "admission-webhook-down", "service/kyverno/kyverno-svc"


@incident
def dedicated_pool_not_tolerated(site: Site) -> tuple[str, str]:
    """All nodes that are big enough are kept for another team by a taint."""
    for name in NODES:
        site.edit(
            "Node", f"/{name}", spec={"taints": [{"key": "dedicated", "value": "analytics", "effect": "NoSchedule"}]}
        )
    site.unscheduled(
        f"{VOD}/transcoder",
        "0/4 nodes are available: 4 node(s) had untolerated taint {dedicated: analytics}. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.",
    )
    site.event(
        ("Pod", site.pods(f"{VOD}/transcoder")[-1]),
        "NotTriggerScaleUp",
        "pod didn't trigger scale-up: 1 node(s) had untolerated taint {dedicated: analytics}",
        by="cluster-autoscaler",
        type="Normal",
    )
    return "taint-not-tolerated", site.workload(f"{VOD}/transcoder")


@incident
def no_gpu_left(site: Site) -> tuple[str, str]:
    """The transcoder was moved to GPUs, of which the cluster has one, in use."""
    at = f"{VOD}/transcoder"
    site.edit(
        "Node",
        f"/{NODES[3]}",
        status={"allocatable": {"nvidia.com/gpu": "1"}, "capacity": {"nvidia.com/gpu": "1"}},
        metadata={"labels": {"node.kubernetes.io/instance-type": "g5.xlarge"}},
    )
    site.containers(at, resources={"limits": {"nvidia.com/gpu": "1"}, "requests": {"nvidia.com/gpu": "1"}})
    site.edit("Pod", site.pods(at)[0], spec={"nodeName": NODES[3]})
    site.unscheduled(
        at,
        "0/4 nodes are available: 4 Insufficient nvidia.com/gpu. preemption: 0/4 nodes are available: 4 No preemption victims found for incoming pod.",
    )
    return "extended-resource-insufficient", site.workload(at)


@incident
def spread_over_a_zone_without_room(site: Site) -> tuple[str, str]:
    """Pods must be spread over three zones with a skew of one; the node of a zone is gone."""
    at = f"{VOD}/web-bff"
    rule = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app.kubernetes.io/instance": "web-bff"}},
        "minDomains": 3,
    }
    site.spec(at, topologySpreadConstraints=[rule])
    gone = NODES[2]
    site.drop("Node", f"/{gone}")
    for (kind, namespace, name), one in list(site.objects.items()):
        if kind == "Pod" and one["spec"].get("nodeName") == gone:
            site.edit("Pod", f"{namespace}/{name}", spec={"nodeName": NODES[0]})
    site.edit("Pod", site.pods(at)[0], spec={"nodeName": NODES[0]})
    site.edit("Pod", site.pods(at)[1], spec={"nodeName": NODES[1]})
    site.unscheduled(
        at,
        "0/3 nodes are available: 3 node(s) didn't match pod topology spread constraints. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
    )
    return "topology-spread-unsatisfiable", site.workload(at)


@incident
def database_pod_bound_to_another_zone(site: Site) -> tuple[str, str]:
    """The only node of the volume's zone was taken away; the database cannot follow."""
    at = f"{VOD}/catalog-postgresql"
    zone = "eu-west-1d"
    volume = site.get("PersistentVolumeClaim", f"{VOD}/data-catalog-postgresql-0")["spec"]["volumeName"]
    term = {"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone]}]}
    site.edit("PersistentVolume", f"/{volume}", spec={"nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}})
    site.unscheduled(
        at,
        "0/4 nodes are available: 4 node(s) had volume node affinity conflict. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.",
    )
    site.event(
        ("Pod", site.pods(at)[0]),
        "FailedScheduling",
        'Failed to schedule pod, incompatible with nodepool "general", daemonset overhead={"cpu":"180m"}, no instance type satisfied resources and requirements topology.kubernetes.io/zone In [eu-west-1d]',
        by="karpenter",
    )
    bff_errors(site, "catalog:8080/titles", "Internal Server Error", "ERR_BAD_RESPONSE")
    return "volume-node-conflict", f"persistentvolumeclaim/{VOD}/data-catalog-postgresql-0"


@incident
def volume_held_by_the_old_node(site: Site) -> tuple[str, str]:
    """The database moved; its volume is still attached where it was."""
    at = f"{BILLING}/ledger-mariadb"
    pod = site.pods(at)[0]
    site.edit("Pod", pod, metadata={"creationTimestamp": SINCE})
    site.waits(pod, "ContainerCreating", "")
    volume = site.get("PersistentVolumeClaim", f"{BILLING}/data-ledger-mariadb-0")["spec"]["volumeName"]
    site.event(
        ("Pod", pod),
        "FailedAttachVolume",
        f'Multi-Attach error for volume "{volume}" Volume is already exclusively attached to one node and can\'t be attached to another',
        by="attachdetach-controller",
        count=1,
    )
    site.event(
        ("Pod", pod),
        "FailedMount",
        "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[]: timed out waiting for the condition",
        count=6,
    )
    site.reslice(at)
    site.say(
        f"{BILLING}/ledger",
        "".join(
            f"F, [2030-05-01T11:{minute}:09.330187 #1] FATAL -- : [5b1f] ActiveRecord::ConnectionNotEstablished (Can't connect to server on 'ledger-mariadb' (111))\n"
            for minute in (44, 48, 52, 56, 59)
        ),
    )
    return "volume-multi-attach", site.workload(at)


@incident
def cilium_out_of_addresses(site: Site) -> tuple[str, str]:
    """A small subnet: the CNI of one node has no address for new pods."""
    text = 'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "7d3f0a9c41": plugin type="cilium-cni" failed (add): unable to allocate IP via local cilium agent: [POST /ipam][502] postIpamFailure "No more IPs available"'
    for at in (f"{VOD}/playback", f"{VOD}/recommender"):
        pod = site.roll(
            at,
            node=NODES[1],
            image=site.get("Deployment", at)["spec"]["template"]["spec"]["containers"][0]["image"].replace(".0", ".1"),
        )
        site.waits(pod, "ContainerCreating", "")
        site.event(("Pod", pod), "FailedCreatePodSandBox", text, count=44)
    return "pod-addresses-exhausted", f"node/{NODES[1]}"
