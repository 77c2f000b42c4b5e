"""Moments as people and programs name them: with their offset, and brought to UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

from services.core.validation_texts import refusal


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # the first or last hours of the calendar, seen from another offset
        raise refusal("moment_out_of_range") from None


NamedMoment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
