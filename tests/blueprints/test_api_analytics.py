"""Reports, clicks, transitions, failures and the QR code over HTTP: as JSON, as CSV, and in the panel, all the same."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from models import Account, PoolBot, PoolBotTransition
from services.core.times import utc_now
from services.platform.platform import Platform
from services.reporting.analytics.workbook import XLSX
from services.traffic.clicks.flush import flush
from tests.blueprints.people import caller_of, make_account, make_key, sign_in
from tests.services.fleet.pools.fleet import new_pool
from tests.services.reporting.analytics.reading_workbooks import cells_of
from tests.services.traffic.clicks.clicking import click, unstarted

pytestmark = pytest.mark.data


@pytest.fixture
def pool_id(platform: Platform) -> int:
    """A pool of owner@example.com with two bots, 6 counted clicks, 2 of a crawler, 1 of them from a formula."""
    pool = new_pool(platform, caller_of(make_account(platform)), "red1", 2)
    road = unstarted(platform)
    for number in range(6):
        click(
            road,
            QUERY_STRING="utm_source==cmd()" if number == 0 else "utm_source=fb",
            REMOTE_ADDR=f"203.0.113.{number}",
        )
    for _ in range(2):
        click(road, REQUEST_METHOD="HEAD")
    flush(platform)
    return pool.id


@pytest.fixture
def key(platform: Platform, pool_id: int) -> dict[str, str]:
    """The owner's key, for reading."""
    with platform.database.reading() as session:
        account = session.scalars(select(Account)).first()
    assert account is not None
    return make_key(platform, account, "read")


def rows_of_csv(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.mark.parametrize("by", ["hour", "day", "source", "ad", "country", "device", "bot"])
def test_json_csv_and_panel_say_the_same(
    client: FlaskClient, pool_id: int, key: dict[str, str], by: str
) -> None:
    asked = f"by={by}&tz=America/Sao_Paulo"
    report = client.get(f"/api/v1/redirect-pools/{pool_id}/analytics?{asked}", headers=key).get_json()
    table = client.get(f"/api/v1/redirect-pools/{pool_id}/analytics.csv?{asked}", headers=key)
    assert table.mimetype == "text/csv"
    assert [int(row["redirects"]) for row in rows_of_csv(table)] == [
        row["redirects"] for row in report["rows"]
    ]
    book = client.get(f"/api/v1/redirect-pools/{pool_id}/analytics.xlsx?{asked}", headers=key)
    assert book.mimetype == XLSX
    assert book.headers["Content-Disposition"].endswith('.xlsx"')
    header, *rows = cells_of(book.data)
    columns = next(csv.reader(io.StringIO(table.text)))
    assert header == columns
    assert rows == [[row.get(name) for name in columns] for row in report["rows"]]
    sign_in(client)
    page = client.get(f"/panel/live/pools/{pool_id}/analytics?{asked}").get_json()
    assert page["rows"] == report["rows"]
    assert page["totals"] == report["totals"]
    assert report["totals"]["redirects"] == 6
    for rows in page["breakdowns"].values():
        assert sum(row["redirects"] for row in rows) == 6
    status = client.get(f"/api/redirect-pools/{pool_id}/status").get_json()
    assert report["now"] == {name: status[name] for name in report["now"]}


def test_uptime_is_that_of_the_asked_time_in_status_report_csv_and_panel(
    client: FlaskClient, platform: Platform, pool_id: int, key: dict[str, str]
) -> None:
    now = utc_now()
    with platform.database.transaction() as session:
        for member in session.scalars(select(PoolBot)):
            member.added_at, member.status = now - timedelta(days=30), "online"
            back = PoolBotTransition(pool_bot_id=member.id, from_status="offline", to_status="online")
            back.at = now - timedelta(days=3)
            session.add(back)
    sign_in(client)
    base = f"/api/v1/redirect-pools/{pool_id}"
    shares = []
    for days in (2, 4, 20):
        asked = f"from={(now - timedelta(days=days)).date()}&tz=America/Sao_Paulo"
        status = client.get(f"{base}/status?{asked}", headers=key).get_json()
        report = client.get(f"{base}/analytics?{asked}&by=bot", headers=key).get_json()
        page = client.get(f"/panel/live/pools/{pool_id}/analytics?{asked}").get_json()
        table = rows_of_csv(client.get(f"{base}/analytics.csv?{asked}&by=bot", headers=key))
        shown = {member["bot_id"]: member["uptime_percent"] for member in status["members"]}
        assert status["uptime_from"] == report["from"]
        for answer in (report, page):
            assert {one["bot_id"]: one["uptime_percent"] for one in answer["members"]} == shown
        told = {int(row["key"]): row["uptime_percent"] for row in table}
        assert told == {bot: "" if bot == 0 else str(shown[bot]) for bot in told}
        assert any(told.values())
        shares.append(next(iter(shown.values())))
    assert shares[0] == 100.0 > shares[1] > shares[2] > 0
    assert client.get(f"{base}/status?from=x", headers=key).get_json()["field"] == "from"


def test_a_formula_in_a_source_is_text_in_the_csv(
    client: FlaskClient, pool_id: int, key: dict[str, str]
) -> None:
    answer = client.get(f"/api/v1/redirect-pools/{pool_id}/analytics.csv?by=source", headers=key)
    assert sorted(row["key"] for row in rows_of_csv(answer)) == ["'=cmd()", "fb"]
    assert "attachment" in answer.headers["Content-Disposition"]


def test_wrong_questions_name_their_field(client: FlaskClient, pool_id: int, key: dict[str, str]) -> None:
    base = f"/api/v1/redirect-pools/{pool_id}/analytics"
    for asked, field in (
        ("by=week", "by"),
        ("tz=Nowhere", "tz"),
        ("from=x", "from"),
        ("from=0001-01-01T00:00:00Z", "from"),
        ("to=9999-12-31", "to"),
        ("to=0001-01-01T00:00:00-14:00", "to"),
        ("until=1", "until"),
    ):
        answer = client.get(f"{base}?{asked}", headers=key)
        assert (answer.status_code, answer.get_json()["field"]) == (422, field)


def test_clicks_are_listed_newest_first_page_by_page_and_filtered(
    client: FlaskClient, pool_id: int, key: dict[str, str]
) -> None:
    def get(query: str) -> dict[str, Any]:
        answer = client.get(f"/api/v1/clicks?{query}", headers=key)
        assert answer.status_code == 200, answer.get_json()
        found: dict[str, Any] = answer.get_json()
        return found

    seen: list[dict[str, Any]] = []
    cursor = ""
    for _ in range(4):
        page = get(f"limit=3&cursor={cursor}")
        seen += page["items"]
        cursor = page["next"] or ""
        if not cursor:
            break
    assert [one["at"] for one in seen] == sorted((one["at"] for one in seen), reverse=True)
    assert len({one["id"] for one in seen}) == len(seen) == 8
    assert len(get(f"pool_id={pool_id}&counted=true")["items"]) == 6
    assert len(get("audience=head")["items"]) == 2
    assert len(get("source=fb&audience=human")["items"]) == 5
    assert get("started=true")["items"] == []
    bot_id = seen[0]["bot_id"]
    assert all(one["bot_id"] == bot_id for one in get(f"bot_id={bot_id}")["items"])
    tomorrow = (utc_now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert get(f"from={tomorrow}")["items"] == []
    assert len(get(f"to={tomorrow}")["items"]) == 8
    wrong = client.get("/api/v1/clicks?cursor=rubbish", headers=key)
    assert (wrong.status_code, wrong.get_json()["field"]) == (422, "cursor")
    missing = client.get(f"/api/v1/clicks?pool_id={pool_id + 1}", headers=key)
    assert (missing.status_code, missing.get_json()["code"]) == (404, "pool_not_found")


def test_transitions_and_failures_are_the_members(
    client: FlaskClient, platform: Platform, pool_id: int, key: dict[str, str]
) -> None:
    with platform.database.transaction() as session:
        member = session.scalars(select(PoolBot).where(PoolBot.pool_id == pool_id)).first()
        assert member is not None
        member.last_failures = [{"at": "2026-01-01T00:00:00Z", "cause": "timeout", "detail": ""}]
        for status in ("degraded", "offline", "online"):
            session.add(PoolBotTransition(pool_bot_id=member.id, from_status="online", to_status=status))
            session.flush()
    base = f"/api/v1/redirect-pools/{pool_id}"
    first = client.get(f"{base}/transitions?limit=2", headers=key).get_json()
    rest = client.get(f"{base}/transitions?limit=2&cursor={first['next']}", headers=key).get_json()
    assert [one["to"] for one in first["items"] + rest["items"]] == ["online", "offline", "degraded"]
    assert rest["next"] is None
    (failure,) = client.get(f"{base}/failures", headers=key).get_json()["items"]
    assert (failure["bot_id"], failure["cause"]) == (member.bot_id, "timeout")


def test_the_qr_code_is_an_svg_of_the_link(client: FlaskClient, pool_id: int, key: dict[str, str]) -> None:
    answer = client.get(f"/api/v1/redirect-pools/{pool_id}/qr.svg", headers=key)
    assert answer.mimetype == "image/svg+xml"
    drawing = ElementTree.fromstring(answer.text)
    assert drawing.tag.endswith("svg")
    title = next(part.text for part in drawing.iter() if part.tag.endswith("title"))
    assert title == "http://localhost/go/red1"


def test_the_analytics_page_is_the_owners(client: FlaskClient, platform: Platform, pool_id: int) -> None:
    sign_in(client)
    assert client.get(f"/panel/pools/{pool_id}/analytics").status_code == 200
    make_account(platform, "other@example.com")
    stranger = client.application.test_client()
    sign_in(stranger, "other@example.com")
    for path in (f"/panel/pools/{pool_id}/analytics", f"/panel/live/pools/{pool_id}/analytics"):
        assert stranger.get(path).status_code == 404


def test_the_openapi_document_names_the_questions(client: FlaskClient) -> None:
    paths = client.get("/api/v1/openapi.json").get_json()["paths"]
    asked = paths["/api/v1/redirect-pools/{pool_id}/analytics"]["get"]["parameters"]
    assert {"from", "to", "by", "tz"} <= {one["name"] for one in asked}
    assert "cursor" in {one["name"] for one in paths["/api/v1/clicks"]["get"]["parameters"]}


def test_the_report_over_all_pools_is_the_same_as_json_csv_workbook_and_page(
    client: FlaskClient, platform: Platform, pool_id: int, key: dict[str, str]
) -> None:
    summer = "utm_source=fb&utm_campaign=summer&utm_content=/a%25"
    click(unstarted(platform), QUERY_STRING=summer, REMOTE_ADDR="203.0.113.9")
    flush(platform)
    sign_in(client)
    days = [utc_now().date() + timedelta(days=shift) for shift in (-5, 1)]  # the clock may strike meanwhile
    for asked, count in (
        ("by=day", 7),
        ("by=pool", 7),
        ("by=campaign&source=fb", 6),
        ("by=hour&source=fb&campaign=summer", 1),
        (f"by=source&pool_id={pool_id}", 7),
    ):
        query = f"{asked}&from={days[0]}&to={days[1]}"
        report = client.get(f"/api/v1/analytics?{query}", headers=key).get_json()
        assert report["totals"]["redirects"] == count, asked
        table = client.get(f"/api/v1/analytics.csv?{query}", headers=key)
        columns = next(csv.reader(io.StringIO(table.text)))
        told = [int(row["redirects"]) for row in rows_of_csv(table)]
        assert told == [row["redirects"] for row in report["rows"]], asked
        header, *cells = cells_of(client.get(f"/api/v1/analytics.xlsx?{query}", headers=key).data)
        assert header == columns, asked
        assert cells == [[row.get(name) for name in columns] for row in report["rows"]], asked
        page = client.get(f"/panel/live/analytics?{query}").get_json()
        for name in ("totals", "rows", "by", "from", "to"):
            assert page[name] == report[name], (asked, name)
        for rows in page["breakdowns"].values():
            assert sum(row["redirects"] for row in rows) == count, asked
        assert ("country" in page["breakdowns"]) is ("source=" not in asked.replace("by=source", ""))


def test_live_clicks_are_those_of_the_segment_and_nobody_elses(
    client: FlaskClient, platform: Platform, pool_id: int, key: dict[str, str]
) -> None:
    road = unstarted(platform)
    for number in range(2):
        click(road, QUERY_STRING="utm_source=fb&utm_campaign=summer", REMOTE_ADDR=f"203.0.113.{20 + number}")
    foreign = new_pool(platform, caller_of(make_account(platform, "other@example.com")), "red2", 1)
    road.book.refresh()
    click(road, "red2", QUERY_STRING="utm_source=fb")
    flush(platform)
    sign_in(client)
    url = "/panel/live/analytics/clicks"
    every = client.get(url).get_json()
    assert [click["pool_id"] for click in every["clicks"]] == [pool_id] * 8
    assert every["pools"] == {str(pool_id): "red1"}
    assert [click["at"] for click in every["clicks"]] == sorted(
        (c["at"] for c in every["clicks"]), reverse=True
    )
    chosen = {"source": "fb", "campaign": "summer"}
    found = client.get(url, query_string=chosen).get_json()["clicks"]
    assert [(one["source"], one["campaign"], one["ad"]) for one in found] == [("fb", "summer", "")] * 2
    listed = client.get("/api/v1/clicks", query_string=chosen, headers=key).get_json()["items"]
    assert [one["id"] for one in listed] == [one["id"] for one in found]
    for path in (url, "/panel/live/analytics", "/api/v1/analytics", "/api/v1/analytics.xlsx"):
        assert client.get(path, query_string={"pool_id": foreign.id}).status_code == 404


def test_a_segment_that_is_not_kept_is_refused_with_its_field(
    client: FlaskClient, key: dict[str, str]
) -> None:
    for asked, code, field in (
        ("campaign=x", "segment_incomplete", "campaign"),
        ("source=fb&ad=x", "segment_incomplete", "ad"),
        ("source=fb&country=BR", "segment_not_kept", "country"),
        ("source=fb&by=device", "segment_not_kept", "by"),
        ("country=br", "invalid_input", "country"),
        ("by=bot", "invalid_input", "by"),
        ("colour=red", "invalid_input", "colour"),
    ):
        answer = client.get(f"/api/v1/analytics?{asked}", headers=key)
        problem = answer.get_json()
        assert (answer.status_code, problem["code"], problem["field"]) == (422, code, field), asked
