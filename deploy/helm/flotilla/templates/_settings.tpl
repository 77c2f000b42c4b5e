{{/* All settings that are no secrets, as a map. What the chart must know itself, ports and paths, nobody changes. */}}
{{- define "flotilla.settings" -}}
{{- $url := printf "https://%s" .Values.host -}}
{{- $ours := dict "APP_ENV" "prod" "LOG_FORMAT" "json" "TRUSTED_PROXIES" "1" "WEBHOOK_BASE_URL" $url "PUBLIC_URL" $url -}}
{{- $_ := set $ours "DB_POOL_SIZE" (toString .Values.postgresql.poolSize) -}}
{{- $_ := set $ours "DB_MAX_OVERFLOW" (toString .Values.postgresql.maxOverflow) -}}
{{- $_ := set $ours "WORKER_DRIVER" .Values.programs.driver -}}
{{- if eq .Values.programs.driver "kubernetes" -}}
{{- $_ := set $ours "KUBERNETES_NAMESPACE" .Values.programs.namespace -}}
{{- $_ := set $ours "WORKER_API_URL" (printf "http://%s-web.%s.svc" (include "flotilla.name" .) .Release.Namespace) -}}
{{- $_ := set $ours "WORKER_REDIS_URL" (printf "%s://%s:%d/%d" (.Values.redis.tls | ternary "rediss" "redis") .Values.redis.host (int .Values.redis.port) (int .Values.redis.database)) -}}
{{- end -}}
{{- if .Values.plugins.configMap }}{{ $_ := set $ours "PLUGINS_DIR" "/etc/flotilla/plugins" }}{{ end -}}
{{- if .Values.bots.configMap }}{{ $_ := set $ours "CONFIG_DIR" "/etc/flotilla/bots" }}{{ end -}}
{{- $fixed := dict "PORT" "8000" "DATA_DIR" "/data" -}}
{{- merge $fixed .Values.settings $ours | toYaml -}}
{{- end -}}

{{/* Where each secret stands: a list of {setting, name, key}. */}}
{{- define "flotilla.secrets" -}}
{{- $shared := .Values.secret.existing -}}
{{- $found := list -}}
{{- range concat (list "SECRET_KEY" "ENCRYPTION_KEYS" "METRICS_TOKEN") .Values.secret.more }}{{ $found = append $found (dict "setting" . "name" $shared "key" .) }}{{ end -}}
{{- range $setting, $part := dict "DATABASE_URL" .Values.postgresql "REDIS_URL" .Values.redis -}}
{{- $found = append $found (dict "setting" $setting "name" ($part.secret.name | default $shared) "key" $part.secret.key) -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* Of a container: secrets by reference, or the paths of their files. */}}
{{- define "flotilla.secretEnvironment" -}}
{{- $asFiles := .Values.secret.asFiles -}}
{{- range include "flotilla.secrets" . | fromJsonArray }}
{{- if $asFiles }}
- name: {{ .setting }}_FILE
  value: /run/secrets/flotilla/{{ .setting }}
{{- else }}
- name: {{ .setting }}
  valueFrom:
    secretKeyRef: { name: {{ .name }}, key: {{ .key }} }
{{- end }}
{{- end }}
{{- end -}}

{{/* The same settings as in the ConfigMap, one by one: a Job before the installation has no ConfigMap yet. */}}
{{- define "flotilla.plainEnvironment" -}}
{{- range $name, $value := include "flotilla.settings" . | fromYaml }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}
