"""REST API of analytics over all pools of the account."""

from __future__ import annotations

from flask import Blueprint, Response

from blueprints.api.downloads import CSV, as_csv, as_workbook
from blueprints.api.operation import operation
from blueprints.api.reports import AccountQuery
from services.core.times import utc_now
from services.platform.accounts.principal import Scope
from services.reporting.analytics.account import account_analytics
from services.reporting.analytics.account_report import AccountAnalytics, AccountAnalyticsView
from services.reporting.analytics.file_rows import for_files
from services.reporting.analytics.period import period
from services.reporting.analytics.workbook import XLSX
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("analytics", __name__)


@blueprint.get("/analytics")
@api(Scope.READ)
@operation(errors=(404,))
def show(query: AccountQuery) -> AccountAnalyticsView:
    """Clicks, visitors, starts and conversion over all pools, or of a segment, and against the time before."""
    return _report(query).as_json()


@blueprint.get("/analytics.csv")
@api(Scope.READ)
@operation(media=CSV, errors=(404,))
def show_csv(query: AccountQuery) -> Response:
    """The rows of the same report as CSV, for programs."""
    report = _report(query)
    return as_csv(_file_name(report), *for_files(report.cells, report.listed(report.rows)))


@blueprint.get("/analytics.xlsx")
@api(Scope.READ)
@operation(media=XLSX, errors=(404,))
def show_xlsx(query: AccountQuery) -> Response:
    """The rows of the same report as a workbook, for spreadsheets."""
    report = _report(query)
    return as_workbook(_file_name(report), *for_files(report.cells, report.listed(report.rows)))


def _report(asked: AccountQuery) -> AccountAnalytics:
    about = period(asked.begin, asked.end, asked.tz, utc_now())
    return account_analytics(platform(), caller(), about, asked.by, asked.segment)


def _file_name(report: AccountAnalytics) -> str:
    return f"analytics-{report.by}-{report.period.day_of(report.period.begin)}"
