"""What a process tells to programs that watch from outside, beside its log and `/metrics`."""

from __future__ import annotations

from services.core.error_reporting import report_errors
from services.core.settings import Settings
from services.core.trace_export import start_tracing


def watch_from_outside(settings: Settings, service: str) -> None:
    """Begin it, as far as the settings want it; after `configure_logging`, in the process that works."""
    report_errors(settings, service)
    start_tracing(settings, service)
