"""Bots' own programs as Deployments of a Kubernetes cluster, scaled by KEDA (ADR 45)."""
