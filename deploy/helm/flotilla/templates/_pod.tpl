{{/*
The template of a pod: (dict "root" . "component" "worker" "command" (list …) "resources" … "grace" 30), and for web "ports", "probes", "lifecycle".
Every pod waits for the schema of its release first: with kubectl the migration is a Job like any other, and nobody orders them.
*/}}
{{- define "flotilla.pod" -}}
{{- $values := .root.Values -}}
metadata:
  labels:
    {{- include "flotilla.labels" (dict "root" .root "component" .component) | nindent 4 }}
    {{- if and (eq .component "web") (eq $values.programs.driver "kubernetes") }}
    flotilla/open-to-programs: "true"
    {{- end }}
  annotations:
    checksum/settings: {{ include "flotilla.settings" .root | sha256sum }}
spec:
  {{- include "flotilla.podSpec" . | nindent 2 }}
  terminationGracePeriodSeconds: {{ .grace }}
  topologySpreadConstraints:
    {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "flotilla.selector" (dict "root" $.root "component" $.component) | nindent 10 }}
      matchLabelKeys: [pod-template-hash]
    {{- end }}
  initContainers:
    - name: schema
      {{- include "flotilla.container" . | nindent 6 }}
      command: [python, -m, launch.schema_wait]
      resources: {{ .root.Values.migration.resources | toJson }}
  containers:
    - name: {{ .component }}
      {{- include "flotilla.container" . | nindent 6 }}
      command: {{ .command | toJson }}
      resources: {{ .resources | toJson }}
      {{- with .ports }}
      ports:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .lifecycle }}
      lifecycle:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- .probes | default (include "flotilla.execProbes" .component) | nindent 6 }}
{{- end -}}

{{/* What the pods of the migration and of the processes have in common. */}}
{{- define "flotilla.podSpec" -}}
{{- $values := .root.Values -}}
{{- $programs := and (eq .component "programs") (eq $values.programs.driver "kubernetes") -}}
{{- if $programs }}
serviceAccountName: {{ include "flotilla.name" .root }}-programs
automountServiceAccountToken: true
{{- else }}
{{- if ne .component "migrate" }}
serviceAccountName: {{ include "flotilla.name" .root }}
{{- end }}
automountServiceAccountToken: false
{{- end }}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ $values.podSecurity.user }}
  runAsGroup: {{ $values.podSecurity.user }}
  fsGroup: {{ $values.podSecurity.user }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: { type: RuntimeDefault }
{{- with $values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $values.scheduling.nodeSelector }}
nodeSelector: {{ . | toJson }}
{{- end }}
{{- with $values.scheduling.tolerations }}
tolerations: {{ . | toJson }}
{{- end }}
{{- with $values.scheduling.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
volumes:
  - name: data
    emptyDir: { sizeLimit: {{ eq .component "web" | ternary $values.web.dataSizeLimit "1Gi" }} }
  - name: tmp
    emptyDir: { sizeLimit: 256Mi }
  {{- if $values.secret.asFiles }}
  - name: secrets
    projected:
      defaultMode: 0440
      sources:
        {{- range include "flotilla.secrets" .root | fromJsonArray }}
        - secret: { name: {{ .name }}, items: [{ key: {{ .key }}, path: {{ .setting }} }] }
        {{- end }}
  {{- end }}
  {{- range $name, $configMap := dict "plugins" $values.plugins.configMap "bots" $values.bots.configMap }}
  {{- with $configMap }}
  - name: {{ $name }}
    configMap: { name: {{ . }} }
  {{- end }}
  {{- end }}
  {{- with $values.files.existingClaim }}
  - name: files
    persistentVolumeClaim: { claimName: {{ . }} }
  {{- end }}
{{- end -}}

{{/* What all containers have in common. */}}
{{- define "flotilla.container" -}}
{{- $values := .root.Values -}}
image: {{ include "flotilla.image" .root }}
imagePullPolicy: {{ $values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  privileged: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities: { drop: [ALL] }
{{- if eq .component "migrate" }}
env:
  {{- include "flotilla.plainEnvironment" .root | nindent 2 }}
  {{- include "flotilla.secretEnvironment" .root | nindent 2 }}
{{- else }}
envFrom:
  - configMapRef: { name: {{ include "flotilla.name" .root }} }
env:
  {{- include "flotilla.secretEnvironment" .root | nindent 2 }}
{{- end }}
volumeMounts:
  - { name: data, mountPath: /data }
  - { name: tmp, mountPath: /tmp }
  {{- if $values.secret.asFiles }}
  - { name: secrets, mountPath: /run/secrets/flotilla, readOnly: true }
  {{- end }}
  {{- range $name, $configMap := dict "plugins" $values.plugins.configMap "bots" $values.bots.configMap }}
  {{- if $configMap }}
  - { name: {{ $name }}, mountPath: /etc/flotilla/{{ $name }}, readOnly: true }
  {{- end }}
  {{- end }}
  {{- if $values.files.existingClaim }}
  - { name: files, mountPath: /data/files }
  {{- end }}
{{- end -}}

{{/*
Of a process without a port: its heartbeat, as it stands in Redis. It is ended after some minutes only: that of a process which waits for
Redis to return comes a little later, and one whose loop is blocked ends itself. Each look is a Python of its own, so they are rare.
Nothing sends requests here, so there is no readiness: once started, it is ready.
*/}}
{{- define "flotilla.execProbes" -}}
{{- $command := list "python" "-m" "launch.healthcheck" . | toJson -}}
startupProbe:
  exec: { command: {{ $command }} }
  periodSeconds: 5
  timeoutSeconds: 10
  failureThreshold: 60
livenessProbe:
  exec: { command: {{ $command }} }
  periodSeconds: 60
  timeoutSeconds: 20
  failureThreshold: 5
{{- end -}}

{{/*
Of web: it is taken into service when everything is there (/health/ready), and stays in it as long as it answers at all: with Redis or
the database away it goes on redirecting from memory, and were it taken out of service then, all copies would be at once.
*/}}
{{- define "flotilla.webProbes" -}}
startupProbe:
  httpGet: { path: /health/ready, port: http }
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 120
readinessProbe:
  httpGet: { path: /health/live, port: http }
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 3
livenessProbe:
  httpGet: { path: /health/live, port: http }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end -}}
