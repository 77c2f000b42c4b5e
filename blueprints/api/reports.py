"""Query parameters of reports and lists of clicks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from blueprints.api.body import DEFAULT_LIMIT, MAX_LIMIT, Moment
from models import Audience
from services.core.states import Device
from services.reporting.analytics.report import By

Text = Annotated[str, StringConstraints(max_length=80, strip_whitespace=True)]
DATE_OR_MOMENT = "a date such as 2026-11-20 in `tz`, or an ISO 8601 moment"


class PeriodQuery(BaseModel):
    """Of which period, and on whose clock."""

    begin: Text = Field("", alias="from", description=f"{DATE_OR_MOMENT}; left out, the last seven days")
    end: Text = Field("", alias="to", description=f"{DATE_OR_MOMENT}; a date is included, a moment is not")
    tz: Text = Field("UTC", description="time zone of days and labels, such as America/Sao_Paulo")


class AnalyticsQuery(PeriodQuery):
    """What a report's rows are, besides."""

    by: By = Field(By.DAY, description="what a row stands for")


class ClicksQuery(BaseModel):
    """Which clicks; conditions are joined by "and"."""

    pool_id: int | None = Field(None, ge=1, lt=2**63)
    bot_id: int | None = Field(None, ge=1, lt=2**63)
    begin: Moment | None = Field(None, alias="from", description="ISO 8601 with an offset, inclusive")
    end: Moment | None = Field(None, alias="to", description="ISO 8601 with an offset, exclusive")
    audience: Audience | Literal[""] = ""
    source: Text | None = Field(None, description="as in the analytics; empty for direct clicks")
    country: Annotated[str, StringConstraints(pattern=r"^([A-Z]{2})?$")] = ""
    device: Device | Literal[""] = ""
    counted: bool | None = None
    started: bool | None = Field(None, description="whether it became a start")
    cursor: Text = Field("", description="`next` of the page before")
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
