{{/* Files from elsewhere: `from` is one of claim, configMap, imageVolume and image (values.schema.json). */}}

{{/* A volume named `name` that holds what `from` says; of an image it is filled by the init container below. */}}
{{- define "sre-orchestrator.volume" -}}
- name: {{ .name }}
{{- if .from.claim }}
  persistentVolumeClaim:
    claimName: {{ .from.claim }}
    readOnly: true
{{- else if .from.configMap }}
  configMap:
    name: {{ .from.configMap }}
{{- else if .from.imageVolume }}
{{- if semverCompare "<1.33.0-0" .root.Capabilities.KubeVersion.Version }}
{{- fail (printf "%s.from.imageVolume: Kubernetes %s has no image volumes; 1.33 has; use %s.from.image" .key .root.Capabilities.KubeVersion.Version .key) }}
{{- end }}
  image:
    reference: {{ .from.imageVolume }}
    pullPolicy: IfNotPresent
{{- else }}
  emptyDir: {}
{{- end }}
{{- end }}

{{- define "sre-orchestrator.copy" -}}
- name: copy-{{ .name }}
  image: {{ .from.image.reference }}
  imagePullPolicy: IfNotPresent
  command: [cp, -R, {{ printf "%s/." (trimSuffix "/" .from.image.path) | quote }}, /{{ .name }}/]
  securityContext:
    {{- include "sre-orchestrator.containerSecurity" .root | nindent 4 }}
  resources:
    {{- toYaml .root.Values.resources | nindent 4 }}
  volumeMounts:
    - {name: {{ .name }}, mountPath: /{{ .name }}}
{{- end }}
