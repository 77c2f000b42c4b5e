"""Conditions on the click that brought a person: that of the first touch. Clicks deleted by age are nobody's any more."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, exists, func

from models import Click, Lead


def came_from(sources: Sequence[str], campaigns: Sequence[str]) -> ColumnElement[bool]:
    """The condition of leads whose first click is of one of the sources, and of one of the campaigns; either may be empty.

    Campaigns are `utm_campaign`, without one `utm_id`, as `services.traffic.clicks.source` reads them.
    """
    click = exists().where(Click.id == Lead.first_click_id)
    if sources:
        click = click.where(Click.source.in_([source.strip().lower() for source in sources]))
    if campaigns:
        named = (Click.params[name].as_string() for name in ("utm_campaign", "utm_id"))
        written = func.coalesce(*(func.nullif(name, "") for name in named), "")
        click = click.where(func.trim(written).in_([campaign.strip() for campaign in campaigns]))
    return click
