"""Settings of what is told to programs that watch from outside: Sentry, and collectors of traces."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from services.core.setting_types import BaseUrl, SettingsPart

EXTRAS: Final = {  # what each needs to be installed: module -> requirements
    "sentry_sdk": "'sentry-sdk>=2.75,<3'",
    "opentelemetry.exporter.otlp.proto.http": "'opentelemetry-exporter-otlp-proto-http>=1.45,<2' 'opentelemetry-sdk>=1.45,<2'",
}


class ObservabilitySettings(SettingsPart):
    """A part of `Settings`."""

    sentry_dsn: SecretStr = Field(
        SecretStr(""),
        description="`https://<key>@<host>/<project>`: where errors are told to Sentry, scrubbed of secrets and of what people wrote; needs the "
        "extra `sentry`. Empty means nowhere",
    )
    sentry_environment: str = Field("", description="environment in Sentry; empty means APP_ENV")
    sentry_release: str = Field("", description="release in Sentry, such as a commit; empty means none")
    sentry_sample_rate: float = Field(1.0, ge=0, le=1, description="share of errors that Sentry is told")
    otel_exporter_otlp_endpoint: BaseUrl = Field(
        "",
        description="collector of traces by OTLP over HTTP, as `http://collector:4318`; `/v1/traces` is put behind it; needs the extra `otel`. "
        "Empty means no traces",
    )
    otel_exporter_otlp_headers: SecretStr = Field(
        SecretStr(""), description="headers for the collector, as `authorization=Basic%20…,tenant=a`"
    )
    otel_service_name: str = Field(
        "flotilla", min_length=1, description="name of this installation in traces"
    )
    otel_traces_sampler_arg: float = Field(
        1.0,
        ge=0,
        le=1,
        description="share of updates and clicks that are traced; all processes choose the same ones",
    )

    @model_validator(mode="after")
    def _sentry_is_whole(self) -> Self:
        dsn = self.sentry_dsn.get_secret_value()
        if not dsn:
            return self
        parts = urlsplit(dsn)
        if (
            parts.scheme not in ("http", "https")
            or not (parts.username and parts.hostname)
            or not parts.path.rpartition("/")[2].isdecimal()
        ):
            raise ValueError("SENTRY_DSN must look like https://<key>@<host>/<project number>")
        _need("SENTRY_DSN", "sentry", "sentry_sdk")
        return self

    @model_validator(mode="after")
    def _otel_is_whole(self) -> Self:
        if self.otel_exporter_otlp_endpoint:
            _need("OTEL_EXPORTER_OTLP_ENDPOINT", "otel", "opentelemetry.exporter.otlp.proto.http")
        return self


def _need(variable: str, extra: str, module: str) -> None:
    """Raises ValueError where the packages of an extra are not installed."""
    try:
        missing = find_spec(module) is None
    except ModuleNotFoundError:  # a package above it is not there
        missing = True
    if missing:
        raise ValueError(
            f"{variable} needs the extra `{extra}`, which is not installed here: .venv/bin/pip install {EXTRAS[module]}"
        )
