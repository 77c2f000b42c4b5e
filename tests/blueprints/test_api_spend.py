"""Costs over the REST API: noted, brought as a table and looked at before, reported with rates; wrong ones refused with a reason."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from models import Account
from services.platform.platform import Platform
from services.traffic.spend import importing
from tests.blueprints.people import make_account, make_key

TABLE = "Day,Campaign,Cost,Currency\n2026-11-01,launch,10.50,BRL\n2026-11-02,launch,4,BRL\n"
CUT = TABLE.index("2026-11-02")  # behind the end of a line
NOVEMBER = "from=2026-11-01&to=2026-11-30"


@pytest.fixture
def account(platform: Platform) -> Account:
    return make_account(platform)


@pytest.fixture
def key(platform: Platform, account: Account) -> dict[str, str]:
    return make_key(platform, account)


def post(client: FlaskClient, key: dict[str, str], path: str, **body: Any) -> Any:
    return client.post(f"/api/v1/{path}", json=body, headers=key)


def get(client: FlaskClient, key: dict[str, str], path: str) -> Any:
    return client.get(f"/api/v1/{path}", headers=key)


def test_a_table_is_looked_at_brought_in_parts_reported_and_taken_back(
    platform: Platform, client: FlaskClient, key: dict[str, str]
) -> None:
    looked = post(client, key, "spend/preview", sample=TABLE, source="fb").json
    assert [row["amount_micros"] for row in looked["rows"]] == [10_500_000, 4_000_000]
    table = {"name": "costs.csv", "layout": looked["layout"], "content": TABLE[:CUT], "is_last": False}
    made = post(client, key, "spend/imports", **table)
    assert (made.status_code, made.json["status"]) == (201, "uploading")
    path = f"spend/imports/{made.json['id']}"
    assert made.headers["Location"].endswith(path)
    assert post(client, key, f"{path}/parts", number=1, content=TABLE[CUT:]).json["status"] == "reading"
    late = post(client, key, f"{path}/parts", number=2, content="x")
    assert (late.status_code, late.json["code"]) == (409, "import_complete")
    importing.go_on(platform, made.json["id"])
    done = get(client, key, path).json
    assert (done["status"], done["lines"], done["sums"]) == ("done", 2, {"BRL": 14_500_000})
    report = get(client, key, f"returns?{NOVEMBER}&by=campaign").json
    assert [(row["key"], row["cost_micros"]) for row in report["rows"]] == [("fb/launch", 14_500_000)]
    assert (report["currency"], report["totals"]["roi_percent"]) == ("BRL", -100.0)
    file = get(client, key, f"returns.csv?{NOVEMBER}&by=day").text
    assert '"2026-11-01","2026-11-01","BRL","0","0","0","10.50","0.00","-10.50","-100.0"' in file
    assert client.delete(f"/api/v1/{path}", headers=key).status_code == 204
    assert get(client, key, f"returns?{NOVEMBER}").json["rows"] == []


def test_single_amounts_and_rates_are_noted_or_refused_with_their_field(
    client: FlaskClient, key: dict[str, str]
) -> None:
    line = {"day": "2026-11-01", "source": "fb", "amount": "10", "currency": "USD"}
    assert post(client, key, "spend", lines=[line]).json["sums"] == {"USD": 10_000_000}
    for wrong, code, field in (
        ({"amount": "ten"}, "spend_amount_wrong", "lines.0"),
        ({"day": "01/11/2026"}, "invalid_input", "lines.0.day"),
        ({"currency": "dollars"}, "invalid_input", "lines.0.currency"),
        ({"until": "2026-10-01"}, "spend_days_reversed", "lines.0"),
    ):
        refused = post(client, key, "spend", lines=[{**line, **wrong}])
        assert (refused.status_code, refused.json["code"], refused.json["field"]) == (422, code, field)
    missing = get(client, key, f"returns?{NOVEMBER}&currency=BRL").json
    assert missing["missing_rates"] == [{"currency": "USD", "day": "2026-11-01"}]
    rate = {"currency": "USD", "into": "BRL", "day": "2026-10-01", "rate": "5,5"}
    assert post(client, key, "exchange-rates", **rate).json["rate"] == "5.5"
    whole = get(client, key, f"returns?{NOVEMBER}&currency=BRL").json
    assert (whole["missing_rates"], whole["totals"]["cost_micros"]) == ([], 55_000_000)
    [entered] = get(client, key, "exchange-rates").json["items"]
    assert client.delete(f"/api/v1/exchange-rates/{entered['id']}", headers=key).status_code == 204
    refused = post(client, key, "exchange-rates", **{**rate, "rate": "0"})
    assert (refused.status_code, refused.json["code"], refused.json["field"]) == (422, "rate_wrong", "rate")
