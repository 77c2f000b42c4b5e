{{/* The name of everything: at most 40 characters of the release's, since Services take 63 with what is appended, begin with a letter and have no dots. */}}
{{- define "flotilla.name" -}}
{{- $name := .Values.nameOverride | default (contains "flotilla" .Release.Name | ternary .Release.Name (printf "%s-flotilla" .Release.Name)) -}}
{{- $name = $name | lower | replace "." "-" -}}
{{- if not (regexMatch "^[a-z]" $name) }}{{ $name = printf "f-%s" $name }}{{ end -}}
{{- $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* What pods are selected by: (dict "root" . "component" "web"), without a component all of the release. */}}
{{- define "flotilla.selector" -}}
app.kubernetes.io/name: flotilla
app.kubernetes.io/instance: {{ include "flotilla.name" .root }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "flotilla.labels" -}}
{{ include "flotilla.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
{{- if .root.Values.managedByHelm }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}
{{- end -}}

{{- define "flotilla.metadata" -}}
name: {{ include "flotilla.name" .root }}{{ with .component }}-{{ . }}{{ end }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "flotilla.labels" . | nindent 2 }}
{{- end -}}

{{- define "flotilla.image" -}}
{{- .Values.image.repository -}}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end -}}

{{/* Refuse, with what to do, where something without a default is missing. */}}
{{- define "flotilla.check" -}}
{{- $missing := list -}}
{{- if not .Values.image.repository }}{{ $missing = append $missing "image.repository: build the image from the repository's Dockerfile, push it, and say where it is" }}{{ end -}}
{{- if not .Values.host }}{{ $missing = append $missing "host: the name that people and Telegram reach the installation by, as bots.example.com" }}{{ end -}}
{{- if not .Values.secret.existing }}{{ $missing = append $missing "secret.existing: a Secret of this namespace with SECRET_KEY, ENCRYPTION_KEYS, METRICS_TOKEN, DATABASE_URL (an external PostgreSQL) and REDIS_URL (an external Valkey or Redis)" }}{{ end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.tlsSecret) }}{{ $missing = append $missing "ingress.tlsSecret: the Secret with the certificate of host, or the name under which cert-manager shall make it" }}{{ end -}}
{{- if and (or .Values.worker.autoscaling.enabled (eq .Values.programs.driver "kubernetes")) (not .Values.redis.host) }}{{ $missing = append $missing "redis.host: where KEDA finds the Valkey of REDIS_URL, or set worker.autoscaling.enabled to false" }}{{ end -}}
{{- if $missing }}{{ fail (printf "\n\nFlotilla cannot be installed before this is said:\n  - %s\n(docs/kubernetes/installation.md)" (join "\n  - " $missing)) }}{{ end -}}
{{- $lanes := int (get .Values.settings "UPDATE_LANES" | default "8") -}}
{{- if and .Values.worker.autoscaling.enabled (gt (int .Values.worker.autoscaling.max) $lanes) }}{{ fail (printf "\n\nworker.autoscaling.max is %d, but more than UPDATE_LANES (%d) workers would have nothing to take" (int .Values.worker.autoscaling.max) $lanes) }}{{ end -}}
{{- end -}}
