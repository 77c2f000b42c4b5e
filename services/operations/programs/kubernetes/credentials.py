"""How this process reaches the API server of Kubernetes: as a pod of the cluster, or by a kubeconfig."""

from __future__ import annotations

import base64
import binascii
import ssl
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from services.core.errors import ConfigurationError
from services.core.i18n import Text

POD_FILES: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
POD_ADDRESS: Final = (
    "https://kubernetes.default.svc"  # the API server's name in every cluster, also in its certificate
)


@dataclass(frozen=True)
class Access:
    """The API server's address, what its certificate is checked by (None for plain http), and who we are to it."""

    address: str
    tls: ssl.SSLContext | None
    token: Callable[[], str] = field(default=lambda: "", repr=False)  # "" when the certificate says it


def find_access(kubeconfig: str, pod_files: Path = POD_FILES) -> Access:
    """By the kubeconfig when one is named, else as the pod that this process is in.

    Raises ConfigurationError `kubernetes_unknown` when there is neither, or the file cannot be used.
    """
    if kubeconfig:
        return _of_file(Path(kubeconfig))
    token = pod_files / "token"
    if not token.exists():
        raise _unusable("this process is in no pod with a service account, and KUBECONFIG is not set")
    # Kubernetes puts another token into the file before the former one ends.
    return Access(POD_ADDRESS, ssl.create_default_context(cafile=pod_files / "ca.crt"), _reader(token))


def _of_file(path: Path) -> Access:
    try:
        known = yaml.safe_load(path.read_text())
        context = _named(known, "contexts", known["current-context"])["context"]
        cluster = _named(known, "clusters", context["cluster"])["cluster"]
        user = _named(known, "users", context["user"])["user"]
        address = str(cluster["server"]).rstrip("/")
        return Access(
            address,
            _tls(cluster, user, path.parent) if address.startswith("https:") else None,
            _token(user, path.parent),
        )
    except OSError as error:
        raise _unusable(f"KUBECONFIG: {error.strerror or 'a certificate or key cannot be used'}") from None
    except yaml.YAMLError:
        raise _unusable("KUBECONFIG is not YAML") from None
    except (KeyError, TypeError, AttributeError, ValueError, binascii.Error):
        raise _unusable("KUBECONFIG is not whole: it needs a current context with cluster and user") from None


def _named(known: Mapping[str, Any], section: str, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(each for each in [*known[section], {}] if each.get("name", name) == name)
    return found


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any], folder: Path) -> ssl.SSLContext:
    if cluster.get("insecure-skip-tls-verify"):
        raise _unusable("KUBECONFIG: insecure-skip-tls-verify is not heeded; give the cluster's authority")
    authority = _content(cluster, "certificate-authority", folder)
    context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    certificate, key = (_content(user, name, folder) for name in ("client-certificate", "client-key"))
    if certificate and key:
        with tempfile.NamedTemporaryFile() as file:  # mode 600; OpenSSL reads both from files alone
            file.write(certificate + b"\n" + key)
            file.flush()
            context.load_cert_chain(file.name)
    return context


def _token(user: Mapping[str, Any], folder: Path) -> Callable[[], str]:
    if "exec" in user or "auth-provider" in user:
        raise _unusable(
            "KUBECONFIG: users that a program signs in (exec, auth-provider) are not supported; use a token or certificate"
        )
    if "tokenFile" in user:
        return _reader(folder / str(user["tokenFile"]))
    token = str(user.get("token", ""))
    return lambda: token


def _content(values: Mapping[str, Any], name: str, folder: Path) -> bytes:
    """What stands in the file itself as `<name>-data`, or in the file it names; b"" for neither."""
    if inline := values.get(f"{name}-data"):
        return base64.b64decode(inline, validate=True)
    return (folder / str(values[name])).read_bytes() if values.get(name) else b""


def _reader(path: Path) -> Callable[[], str]:
    return lambda: path.read_text().strip()


def _unusable(why: str) -> ConfigurationError:
    return ConfigurationError(
        Text("WORKER_DRIVER=kubernetes: {why} (see docs/starting-workers.md)", why=why),
        code="kubernetes_unknown",
    )
