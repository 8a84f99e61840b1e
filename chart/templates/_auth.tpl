{{/* Who may call, and where the service keeps incidents. */}}

{{/* "true" where service accounts may call, else nothing. */}}
{{- define "sre-orchestrator.accountsCall" -}}
{{- $enabled := toString .Values.auth.serviceAccounts.enabled }}
{{- if or (eq $enabled "true") (and (eq $enabled "auto") (eq .Values.rbac.mode "cluster")) }}true{{ end }}
{{- end }}

{{/* The Secrets that are mounted, as JSON. */}}
{{- define "sre-orchestrator.secrets" -}}
{{- $secrets := .Values.secrets }}
{{- range .Values.auth.keys }}
{{- $secrets = append $secrets .secret }}
{{- end }}
{{- with .Values.database.existingSecret }}
{{- $secrets = append $secrets . }}
{{- end }}
{{- $secrets | uniq | toJson }}
{{- end }}

{{/* Settings of the group `service` that follow from other values. It starts though nobody can come in yet: the first key
     is made in the pod. Whoever can have a token of the release's own account could read the cluster with it, too. */}}
{{- define "sre-orchestrator.serviceSettings" -}}
{{- with .Values.database }}
{{- if .existingSecret }}
database_url_file: /etc/sre-orchestrator/secrets/{{ .existingSecret }}/{{ .key }}
{{- end }}
{{- end }}
{{- if .Values.serviceMonitor.enabled }}
open_metrics: true
{{- end }}
auth:
  start_closed: true
  {{- with .Values.auth.keys }}
  keys:
    {{- range . }}
    - {{ merge (dict "file" (printf "/etc/sre-orchestrator/secrets/%s/%s" .secret .key)) (omit . "secret" "key") | toJson }}
    {{- end }}
  {{- end }}
  {{- if include "sre-orchestrator.accountsCall" . }}
  service_accounts:
    enabled: true
    audiences: [sre-orchestrator]
    allowed:
      {{- with .Values.auth.serviceAccounts.allowed }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
      - name: system:serviceaccount:{{ .Release.Namespace }}:{{ include "sre-orchestrator.account" . }}
        scopes: [read, report]
  {{- end }}
{{- end }}
