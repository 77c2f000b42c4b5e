"""REST API of what advertising cost: single amounts, tables brought in parts, exchange rates; and the report of returns."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, Response, url_for
from pydantic import ConfigDict, Field

from blueprints.api.body import Body, Page, listing, page_of
from blueprints.api.downloads import CSV, as_csv
from blueprints.api.operation import Created, operation
from blueprints.api.reports import PeriodQuery
from services.core.answer_types import Listing
from services.core.times import utc_now
from services.platform.accounts.principal import Scope
from services.reporting.analytics.period import period
from services.reporting.returns.report import ReturnsBy, ReturnsReport, ReturnsView
from services.reporting.returns.reporting import returns
from services.traffic.spend import imports, rates
from services.traffic.spend.fields import MOST_LINES, Layout, SpendLine
from services.traffic.spend.guessing import PreviewView, preview
from services.traffic.spend.imports import ImportView, describe_import
from services.traffic.spend.rates import NewRate, RateView, describe_rate
from web.access import api, caller
from web.platform import platform

LONGEST_PART = 400_000  # characters; the whole request is at most a megabyte
LONGEST_SAMPLE = 100_000
CurrencyOrNone = Annotated[str, Field(pattern=r"^([A-Z]{3})?$")]
blueprint = Blueprint("spend", __name__)
IMPORT = "/spend/imports/<int:import_id>"


class Lines(Body):
    """Costs, noted together or not at all; those of the same day and names are added up, and replace what stands there."""

    lines: list[SpendLine] = Field(min_length=1, max_length=MOST_LINES)


class AsIs(Body):
    """Texts keep the blanks at their ends: a part of a table may end with its line."""

    model_config = ConfigDict(str_strip_whitespace=False)


class Sample(AsIs):
    """The beginning of a table."""

    sample: str = Field(min_length=1, max_length=LONGEST_SAMPLE)
    layout: Layout | None = Field(None, description="left out, it is guessed")
    source: str = Field("", max_length=60, description="of all lines, where no column says it")
    currency: CurrencyOrNone = Field("", description="of all lines, where no column says it")


class Part(AsIs):
    """A further part of a table."""

    number: int = Field(ge=0, le=imports.MOST_PARTS, description="0 came with the import itself")
    content: str = Field(max_length=LONGEST_PART)
    is_last: bool = True


class NewImport(AsIs):
    """A table in text, or its first part."""

    name: str = Field(min_length=1, max_length=100, description="of the file")
    layout: Layout
    content: str = Field(min_length=1, max_length=LONGEST_PART)
    is_last: bool = Field(True, description="false: further parts follow")


class ReturnsQuery(PeriodQuery):
    """What the report's rows are, besides, and in which currency."""

    by: ReturnsBy = Field(ReturnsBy.CAMPAIGN, description="what a row stands for")
    currency: CurrencyOrNone = Field("", description="left out, that of most costs")


@blueprint.post("/spend")
@api(Scope.WRITE)
@operation()
def create(body: Lines) -> Created[ImportView]:
    """Note what advertising cost."""
    return Created(describe_import(imports.note_spend(platform(), caller(), body.lines)))


@blueprint.post("/spend/preview")
@api(Scope.WRITE)
@operation()
def look(body: Sample) -> PreviewView:
    """How a table would be read; nothing is kept."""
    return preview(body.sample, body.layout, body.source, body.currency)


@blueprint.get("/spend/imports")
@api(Scope.READ)
@operation()
def list_imports(query: Page) -> Listing[ImportView]:
    """The account's imports, newest first."""
    found = imports.list_imports(platform(), caller(), before=query.after, limit=query.limit + 1)
    return page_of(found, query, describe_import)


@blueprint.post("/spend/imports")
@api(Scope.WRITE)
@operation(errors=(409,))
def create_import(body: NewImport) -> Created[ImportView]:
    """Bring a table; a worker reads it, and writes all of it or, with a mistake in it, nothing."""
    made = imports.begin_import(
        platform(), caller(), body.name, body.layout, body.content, is_last=body.is_last
    )
    return Created(describe_import(made), url_for(".show_import", import_id=made.id))


@blueprint.post(f"{IMPORT}/parts")
@api(Scope.WRITE)
@operation(errors=(409,))
def create_part(import_id: int, body: Part) -> ImportView:
    """Bring the next part of a table; one that is there already changes nothing."""
    one = imports.add_part(platform(), caller(), import_id, body.number, body.content, is_last=body.is_last)
    return describe_import(one)


@blueprint.get(IMPORT)
@api(Scope.READ)
@operation()
def show_import(import_id: int) -> ImportView:
    """An import and how far it has come."""
    return describe_import(imports.get_import(platform(), caller(), import_id))


@blueprint.delete(IMPORT)
@api(Scope.WRITE)
@operation()
def delete_import(import_id: int) -> None:
    """Take an import back, with the amounts that no later one replaced."""
    imports.delete_import(platform(), caller(), import_id)


@blueprint.get("/exchange-rates")
@api(Scope.READ)
@operation()
def list_rates() -> Listing[RateView]:
    """The account's exchange rates, newest day first."""
    return listing([describe_rate(rate) for rate in rates.list_rates(platform(), caller())])


@blueprint.post("/exchange-rates")
@api(Scope.WRITE)
@operation()
def enter_rate(body: NewRate) -> Created[RateView]:
    """Enter what a currency is worth from a day on; one of the same day and pair is replaced."""
    return Created(describe_rate(rates.enter_rate(platform(), caller(), body)))


@blueprint.delete("/exchange-rates/<int:rate_id>")
@api(Scope.WRITE)
@operation()
def delete_rate(rate_id: int) -> None:
    """Take an exchange rate away."""
    rates.delete_rate(platform(), caller(), rate_id)


@blueprint.get("/returns")
@api(Scope.READ)
@operation()
def show(query: ReturnsQuery) -> ReturnsView:
    """What clicks cost and earned, in one currency."""
    return _report(query).as_json()


@blueprint.get("/returns.csv")
@api(Scope.READ)
@operation(media=CSV)
def show_csv(query: ReturnsQuery) -> Response:
    """The rows of the same report as CSV."""
    report = _report(query)
    name = f"returns-{report.by}-{report.period.day_of(report.period.begin)}"
    return as_csv(name, *report.file_rows())


def _report(asked: ReturnsQuery) -> ReturnsReport:
    about = period(asked.begin, asked.end, asked.tz, utc_now())
    return returns(platform(), caller(), about, asked.by, asked.currency)
