{{/* What runs, how it is confined, what it is told. */}}

{{- define "sre-orchestrator.command" -}}
- sre-orchestrator
- serve
- --watch
- --host=0.0.0.0
- --port=8080
- --settings=/etc/sre-orchestrator/settings.yaml
{{- end }}

{{- define "sre-orchestrator.podSecurity" -}}
runAsNonRoot: true
{{- with .Values.user }}
runAsUser: {{ int64 . }}
runAsGroup: {{ int64 . }}
fsGroup: {{ int64 . }}
{{- end }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "sre-orchestrator.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The settings file, as JSON, which is YAML: Helm writes large whole numbers as 1e+06 in YAML.
     What `settings` says wins over what follows from other values. */}}
{{- define "sre-orchestrator.settings" -}}
{{- $own := dict "state_dir" "/var/lib/sre-orchestrator" "helm_history" .Values.helm.history }}
{{- $_ := set $own "service" (include "sre-orchestrator.serviceSettings" . | fromYaml) }}
{{- if eq .Values.rbac.mode "namespaced" }}
{{- $_ := set $own "namespace" (join "," .Values.rbac.namespaces) }}
{{- end }}
{{- if and .Values.networkPolicy.enabled .Values.networkPolicy.egress.namespaces }}
{{- $_ := set $own "probes" (dict "enabled" false) }}
{{- end }}
{{- $settings := merge (deepCopy .Values.settings) $own }}
{{- $folders := .Values.settings.rule_folders | default list }}
{{- range .Values.rules.configMaps }}
{{- $folders = append $folders (printf "/etc/sre-orchestrator/rules/%s" .) }}
{{- end }}
{{- if $folders }}
{{- $_ := set $settings "rule_folders" $folders }}
{{- end }}
{{- toPrettyJson $settings }}
{{- end }}
