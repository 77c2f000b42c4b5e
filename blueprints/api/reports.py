"""Query parameters of reports and lists of clicks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from blueprints.api.body import DEFAULT_LIMIT, MAX_LIMIT
from models import Audience
from services.core.moments import NamedMoment
from services.core.states import Device
from services.reporting.analytics.account_report import AccountBy
from services.reporting.analytics.report import By
from services.reporting.analytics.segment import Segment

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


class SegmentQuery(BaseModel):
    """Of which clicks; an empty text is the direct or unknown ones."""

    pool_id: int | None = Field(None, ge=1, lt=2**63)
    source: Text | None = None
    campaign: Text | None = Field(None, description="with its source")
    ad: Text | None = Field(None, description="with its campaign")
    country: Annotated[str, StringConstraints(pattern=r"^([A-Z]{2})?$")] | None = None
    device: Device | Literal[""] | None = None

    @property
    def segment(self) -> Segment:
        """For the services."""
        return Segment(**self.model_dump(include=set(Segment.__dataclass_fields__)))


class AccountQuery(SegmentQuery, PeriodQuery):
    """What the rows of a report over all pools are, besides."""

    by: AccountBy = Field(AccountBy.DAY, description="what a row stands for")


class ClicksQuery(BaseModel):
    """Which clicks; conditions are joined by "and"."""

    pool_id: int | None = Field(None, ge=1, lt=2**63)
    bot_id: int | None = Field(None, ge=1, lt=2**63)
    begin: NamedMoment | None = Field(None, alias="from", description="ISO 8601 with an offset, inclusive")
    end: NamedMoment | None = Field(None, alias="to", description="ISO 8601 with an offset, exclusive")
    audience: Audience | Literal[""] = ""
    source: Text | None = Field(None, description="as in the analytics; empty for direct clicks")
    campaign: Text | None = Field(None, description="utm_campaign, else utm_id; empty for clicks without")
    ad: Text | None = Field(None, description="utm_content; empty for clicks without")
    country: Annotated[str, StringConstraints(pattern=r"^([A-Z]{2})?$")] = ""
    device: Device | Literal[""] = ""
    counted: bool | None = None
    started: bool | None = Field(None, description="whether it became a start")
    cursor: Text = Field("", description="`next` of the page before")
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
