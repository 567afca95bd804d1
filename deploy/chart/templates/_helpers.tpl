{{- define "hubfleet.labels" -}}
app.kubernetes.io/name: hubfleet
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "hubfleet.selector" -}}
app.kubernetes.io/name: hubfleet
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "hubfleet.host" -}}
{{- (urlParse .Values.address).host -}}
{{- end }}

{{- define "hubfleet.hostname" -}}
{{- regexReplaceAll ":[0-9]+$" (include "hubfleet.host" .) "" -}}
{{- end }}

{{- /* A container that may do nothing but run. */}}
{{- define "hubfleet.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "hubfleet.git" -}}
image: {{ .Values.fleet.git.image }}
args:
  - --repo={{ .Values.fleet.git.url }}
  - --ref={{ .Values.fleet.git.revision }}
  - --root=/fleet
  - --link=current
  - --depth=1
  - --period={{ .Values.fleet.git.period }}
{{- with .Values.fleet.git.credentialsSecret }}
env:
  - name: GITSYNC_USERNAME
    valueFrom: {secretKeyRef: {name: {{ . }}, key: username}}
  - name: GITSYNC_PASSWORD
    valueFrom: {secretKeyRef: {name: {{ . }}, key: password}}
{{- end }}
securityContext:
  {{- include "hubfleet.confined" . | nindent 2 }}
volumeMounts:
  - {name: fleet, mountPath: /fleet}
  - {name: tmp, mountPath: /tmp}
resources:
  requests: {cpu: 10m, memory: 32Mi}
  limits: {memory: 256Mi}
{{- end }}
