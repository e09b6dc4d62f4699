{{- define "ringmain.name" -}}
{{- if contains "ringmain" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-ringmain" (.Release.Name | trunc 31 | trimSuffix "-") }}{{ end }}
{{- end }}

{{- define "ringmain.selector" -}}
app.kubernetes.io/name: ringmain
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ringmain.labels" -}}
{{ include "ringmain.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* Where other nodes and clients reach the node of an ordinal. */}}
{{- define "ringmain.host" -}}
{{- $name := include "ringmain.name" .root -}}
{{ printf "%s-%d.%s-nodes.%s.svc.%s" $name (int .ordinal) $name .root.Release.Namespace .root.Values.clusterDomain }}
{{- end }}

{{/* The config of the node of an ordinal; nodes are numbered from 1. */}}
{{- define "ringmain.config" -}}
{{- $root := .root -}}
cluster = {{ $root.Values.cluster | quote }}
node = {{ add1 .ordinal }}
data_dir = "/var/lib/ringmain"
tokens = "/etc/ringmain/tokens/tokens.toml"

[listen]
api = "0.0.0.0:7111"
peer = "0.0.0.0:7112"
http = "0.0.0.0:7113"
{{- range $ordinal := until (int $root.Values.nodes) }}
{{- $host := include "ringmain.host" (dict "root" $root "ordinal" $ordinal) }}

[[peers]]
node = {{ add1 $ordinal }}
region = {{ $root.Values.region | quote }}
peer = {{ printf "%s:7112" $host | quote }}
api = {{ printf "%s:7111" $host | quote }}
{{- end }}

[timeouts]
{{- range $name, $ms := $root.Values.timeouts }}
{{ $name }} = {{ int64 $ms }}
{{- end }}

[log]
format = {{ $root.Values.log.format | quote }}
filter = {{ $root.Values.log.filter | quote }}
{{- end }}
