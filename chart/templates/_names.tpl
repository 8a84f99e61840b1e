{{/* Names, labels, image. */}}

{{- define "sre-orchestrator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* 52 characters: a StatefulSet's pods carry the name, a dash, and a hash of 10 in a label of at most 63. */}}
{{- define "sre-orchestrator.fullname" -}}
{{- $name := include "sre-orchestrator.name" . }}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $full .Values.fullnameOverride | replace "." "-" | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "sre-orchestrator.selector" -}}
app.kubernetes.io/name: {{ include "sre-orchestrator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sre-orchestrator.labels" -}}
{{ include "sre-orchestrator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "sre-orchestrator.account" -}}
{{- default (ternary (include "sre-orchestrator.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end }}

{{/* Names of what is no namespaced object carry the release's namespace, so that two releases do not meet. */}}
{{- define "sre-orchestrator.clusterName" -}}
{{ include "sre-orchestrator.fullname" . }}-{{ .Release.Namespace }}
{{- end }}

{{- define "sre-orchestrator.image" -}}
{{- $image := .Values.image }}
{{- if $image.digest }}{{ $image.repository }}@{{ $image.digest }}{{ else }}{{ $image.repository }}:{{ default .Chart.AppVersion $image.tag }}{{ end }}
{{- end }}
