"""The kinds of object that a program consists of, in the order in which they are applied."""

from __future__ import annotations

from typing import Final

from services.operations.programs.kubernetes.client import Kind

SERVICE_ACCOUNT: Final = Kind("v1", "ServiceAccount", "serviceaccounts")
SECRET: Final = Kind("v1", "Secret", "secrets")
NETWORK_POLICY: Final = Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
TRIGGER_AUTHENTICATION: Final = Kind("keda.sh/v1alpha1", "TriggerAuthentication", "triggerauthentications")
DEPLOYMENT: Final = Kind("apps/v1", "Deployment", "deployments")
SCALED_OBJECT: Final = Kind("keda.sh/v1alpha1", "ScaledObject", "scaledobjects")
POD: Final = Kind("v1", "Pod", "pods")  # never applied: the Deployment's

# The network is closed and the secret is there before a pod can start, and it is scaled once it can.
APPLIED: Final = (
    SERVICE_ACCOUNT,
    SECRET,
    NETWORK_POLICY,
    TRIGGER_AUTHENTICATION,
    DEPLOYMENT,
    SCALED_OBJECT,
)
# Whose changes by others are seen at once. Secrets are not: for that we would have to be let read all of the namespace.
WATCHED: Final = (DEPLOYMENT, NETWORK_POLICY, SCALED_OBJECT)
