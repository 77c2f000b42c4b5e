"""What is wrong with an installation, and how badly."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from services.core.i18n import Text


class Condition(StrEnum):
    READY = "ready"
    DEGRADED = "degraded"
    UNREADY = "unready"


@dataclass(frozen=True)
class Finding:
    """Something that is wrong: a stable code, what it means, and whether the process is unready by it."""

    code: str
    sentence: Text
    fatal: bool = False


@dataclass(frozen=True)
class Readiness:
    """All findings; `condition` is the worst of them."""

    findings: tuple[Finding, ...]

    @property
    def condition(self) -> Condition:
        """`unready` with a fatal finding, `degraded` with any, else `ready`."""
        if any(finding.fatal for finding in self.findings):
            return Condition.UNREADY
        return Condition.DEGRADED if self.findings else Condition.READY

    def as_json(self) -> dict[str, Any]:
        """{status, reasons: [{code, sentence}], warnings: [...]}; holds nothing an outsider may not know."""
        return {
            "status": str(self.condition),
            "reasons": [_public(finding) for finding in self.findings if finding.fatal],
            "warnings": [_public(finding) for finding in self.findings if not finding.fatal],
        }


def _public(finding: Finding) -> dict[str, str | Text]:
    return {"code": finding.code, "sentence": finding.sentence}
