"""Words that name nobody: they are the same in every cluster, and a model understands an incident by them."""

from __future__ import annotations

KINDS = """
pod pods deployment deployments statefulset statefulsets daemonset daemonsets replicaset replicasets job jobs cronjob
cronjobs service services endpoints endpointslice ingress ingresses ingressclass httproute gateway virtualservice
networkpolicy configmap configmaps secret secrets serviceaccount resourcequota limitrange persistentvolume
persistentvolumeclaim storageclass horizontalpodautoscaler poddisruptionbudget namespace namespaces node nodes release
certificate rollout container containers image images volume volumes claim event events log logs metric metrics alert
cluster clusters user users group account quota webhook probe route routes workload workloads replica replicas
"""
SYSTEM = """
kube-system kube-public kube-node-lease kubernetes kubernetes.default default kubelet kubectl kube-apiserver
kube-scheduler kube-controller-manager kube-proxy kube-dns coredns etcd metrics-server local-path-provisioner
istio istiod envoy cilium calico flannel linkerd traefik nginx ingress-nginx haproxy apache tomcat cert-manager
prometheus alertmanager grafana loki tempo jaeger opentelemetry otel fluentd fluent-bit vector thanos keda argocd flux
helm docker containerd cri-o redis memcached postgres postgresql mysql mariadb mongodb mongo elasticsearch opensearch
cassandra rabbitmq kafka zookeeper nats minio vault consul keycloak java python node.js golang linux ubuntu debian
alpine root nobody admin system
"""
DOMAINS = """
svc local cluster internal com net org edu gov int io dev cloud lan intranet home private example test invalid info biz
co app www api k8s x-k8s docker quay gcr ghcr github githubusercontent gitlab google googleapis pkg registry index mcr
microsoft azure azurecr windows core blob database amazonaws aws ec2 compute elb rds s3 ecr dkr eks elasticache
cache iam gserviceaccount cloudapp local-path rancher redhat sh library
"""
PARTS = """
a an the and or not no is are was be to of in on at by for from with as it this that all any none true false null
api app apps web backend frontend server client worker service svc headless config conf settings secret secrets tls
cert certs key keys data db cache queue storage disk token tokens sa role public internal external primary replica main
init sidecar proxy test tests prod dev stage staging canary blue green v1 v2 v3 latest stable
error errors fail failed failure failing warning info debug fatal unknown ready unready running pending completed
terminated waiting restart restarts restarted down up slow timeout refused denied missing found healthy unhealthy
cpu memory network dns http https tcp udp grpc sql json yaml name names kind type id ids status state reason message
count value time at since until query rule rules fact facts cause causes component components symptom symptoms
agent agents question questions answer read ask narrate suggest summary explanation text title object array string
number integer boolean enum properties required items description label labels annotation annotations host hosts port
ports address path url method code line file sentence sentences language
change changes start started stop stopped create created delete deleted update updated
"""
GENERIC = frozenset(" ".join((KINDS, SYSTEM, DOMAINS, PARTS)).split())
TOP = """
com net org edu gov int io dev app cloud internal local lan corp intranet home private example test invalid info biz co
xyz online site tech ai arpa svc consul de uk fr nl eu us ca au jp cn in br ch at it es se no fi dk be ie nz kr sg hk ru
tr mx za il pt cz gr hu ro ua pl
"""
ENDINGS = frozenset(TOP.split())
"""What a name with dots ends with when it is that of a host: not ``py``, not ``phase``."""
