"""What each driver makes of an event, in the networks' own words, and what it says of their answers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError

from models import PostbackEvent
from services.alerts.notifications.destinations.webhook import SIGNATURE, sign
from services.queueing.pinned_http import Answered
from services.traffic.postbacks.drivers.driver import Network, Unwanted, refusal_by_status
from services.traffic.postbacks.drivers.google.config import GoogleConfig
from services.traffic.postbacks.drivers.google.output import lines
from services.traffic.postbacks.drivers.meta import output as meta
from services.traffic.postbacks.drivers.meta.config import MetaConfig
from services.traffic.postbacks.drivers.tiktok import output as tiktok
from services.traffic.postbacks.drivers.tiktok.config import TiktokConfig
from services.traffic.postbacks.drivers.url import output as url
from services.traffic.postbacks.drivers.url.config import UrlConfig
from services.traffic.postbacks.drivers.webhook import output as webhook
from services.traffic.postbacks.drivers.webhook.config import WebhookConfig
from services.traffic.postbacks.facts import EventFacts

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NETWORK = Network("https://graph.example/v25.0", "https://tiktok.example/v1.3")
SECRET = "the-access-token"
BOUGHT = EventFacts(
    event=PostbackEvent.GOAL,
    event_id="goal:7",
    at=AT,
    click_id="abcdefghijkl",
    clicked_at=datetime(2026, 11, 20, 11, 0, tzinfo=UTC),
    params={"gclid": "Cj0K_x-1", "fbclid": "IwAR1", "ttclid": "E.C.P.1", "utm_campaign": "black & white/50%"},
    goal="purchase",
    amount_micros=19_900_000,
    currency="BRL",
    person="ab" * 32,
    country="BR",
)


def test_macros_are_filled_in_and_encoded() -> None:
    template = (
        "https://t.example/p?c={click_id}&g={gclid}&v={value}&cur={currency}&camp={utm_campaign}&t={time}"
    )
    request = url.output(UrlConfig(url=template), "", BOUGHT, NETWORK)
    assert request.url == (
        "https://t.example/p?c=abcdefghijkl&g=Cj0K_x-1&v=19.90&cur=BRL&camp=black%20%26%20white%2F50%25&t=1795176000"
    )
    assert (request.method, request.body) == ("GET", None)


@pytest.mark.parametrize(
    "value",
    ["{gclid}", "{{ad.id}}", "__CLICKID__", "${click}", "[click_id]", "<gclid>", "%7Bgclid%7D", "%%CLICK%%"],
)
def test_a_macro_that_arrived_unexpanded_counts_as_none(value: str) -> None:
    facts = replace(BOUGHT, params={"gclid": value, "fbclid": value, "ttclid": value}, person="")
    assert url.output(UrlConfig(url="https://t.example/?g={gclid}"), "", facts, NETWORK).url.endswith("?g=")
    with pytest.raises(Unwanted):
        url.output(UrlConfig(url="https://t.example/?g={gclid}", needs=["gclid"]), "", facts, NETWORK)
    for driver, config in (
        (meta, MetaConfig(pixel_id="12345")),
        (tiktok, TiktokConfig(pixel_code="ABCDEFGHIJ")),
    ):
        with pytest.raises(Unwanted):
            driver.output(config, SECRET, facts, NETWORK)
    assert list(lines(GoogleConfig(), [facts]))[1:] == []


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "https://t.example/?x={unknown}"},
        {"url": "https://{click_id}.example/"},
        {"url": "https://t.example/?x={click_id"},
        {"url": "https://t.example/?x={{click_id}}"},
        {"url": "https://t.example/", "needs": ["unknown"]},
    ],
)
def test_a_template_that_cannot_be_filled_in_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        UrlConfig(**fields)


def test_a_webhook_is_signed_over_its_body() -> None:
    request = webhook.output(WebhookConfig(url="https://t.example/"), "whsec", BOUGHT, NETWORK)
    assert request.body is not None
    at = int(request.headers[SIGNATURE].partition(",")[0].removeprefix("t="))
    assert request.headers[SIGNATURE] == sign("whsec", request.body, at)
    told = json.loads(request.body)
    assert (told["goal"], told["amount_micros"], told["event_id"]) == ("purchase", 19_900_000, "goal:7")


def test_meta_gets_the_click_the_hashed_person_and_the_value_and_the_token_in_the_body() -> None:
    request = meta.output(MetaConfig(pixel_id="12345"), SECRET, BOUGHT, NETWORK)
    assert request.url == "https://graph.example/v25.0/12345/events"
    fields = parse_qs((request.body or b"").decode())
    assert fields["access_token"] == [SECRET]
    assert SECRET not in request.url + str(request.headers)
    [event] = json.loads(fields["data"][0])
    assert (event["event_name"], event["action_source"], event["event_id"]) == ("Purchase", "other", "goal:7")
    assert event["event_time"] == int(AT.timestamp())
    assert event["custom_data"] == {"value": 19.9, "currency": "BRL"}
    assert event["user_data"]["fbc"] == "fb.1.1795172400000.IwAR1"
    assert event["user_data"]["external_id"] == ["ab" * 32]
    with pytest.raises(Unwanted):
        meta.output(MetaConfig(pixel_id="12345"), SECRET, replace(BOUGHT, amount_micros=-1), NETWORK)


def test_a_test_carries_metas_code_and_a_real_event_does_not() -> None:
    config = MetaConfig(pixel_id="12345", test_event_code="TEST1")
    real = meta.output(config, SECRET, BOUGHT, NETWORK).body or b""
    test = meta.output(config, SECRET, replace(BOUGHT, event_id="test:1"), NETWORK).body or b""
    assert ("test_event_code" in parse_qs(real.decode()), "test_event_code" in parse_qs(test.decode())) == (
        False,
        True,
    )


def test_tiktok_gets_its_click_and_the_token_in_the_header() -> None:
    request = tiktok.output(TiktokConfig(pixel_code="ABCDEFGHIJ"), SECRET, BOUGHT, NETWORK)
    assert request.url == "https://tiktok.example/v1.3/event/track/"
    assert request.headers["Access-Token"] == SECRET
    told = json.loads(request.body or b"")
    assert (told["event_source"], told["event_source_id"]) == ("web", "ABCDEFGHIJ")
    [event] = told["data"]
    assert (event["event"], event["event_id"]) == ("CompletePayment", "goal:7")
    assert event["user"] == {"ttclid": "E.C.P.1", "external_id": "ab" * 32}
    assert event["properties"] == {"value": 19.9, "currency": "BRL"}


def test_google_gets_a_line_for_each_goal_of_its_clicks() -> None:
    config = GoogleConfig(names={"purchase": "Telegram purchase"})
    refund, other = replace(BOUGHT, amount_micros=-1), replace(BOUGHT, params={"gclid": "=cmd()"})
    lead = replace(BOUGHT, goal="lead", amount_micros=None, currency="")
    assert list(lines(config, [BOUGHT, refund, other, lead])) == [
        "Google Click ID,Conversion Name,Conversion Time,Conversion Value,Conversion Currency\r\n",
        "Cj0K_x-1,Telegram purchase,2026-11-20 09:00:00-0300,19.90,BRL\r\n",
        "Cj0K_x-1,lead,2026-11-20 09:00:00-0300,,\r\n",
    ]
    with pytest.raises(ValidationError):
        GoogleConfig(names={"purchase": "=HYPERLINK()"})


def test_stars_are_told_to_networks_as_money_or_not_at_all() -> None:
    stars = replace(BOUGHT, amount_micros=150_000_000, currency="XTR")
    worth = {"star_value": "0.013", "star_currency": "EUR"}
    asked = meta.output(MetaConfig(pixel_id="12345", **worth), SECRET, stars, NETWORK).body or b""
    [event] = json.loads(parse_qs(asked.decode())["data"][0])
    assert event["custom_data"] == {"value": 1.95, "currency": "EUR"}
    told = tiktok.output(TiktokConfig(pixel_code="ABCDEFGHIJ", **worth), SECRET, stars, NETWORK).body
    assert json.loads(told or b"")["data"][0]["properties"] == {"value": 1.95, "currency": "EUR"}
    assert list(lines(GoogleConfig(**worth), [stars]))[1].endswith(",1.95,EUR\r\n")
    with pytest.raises(Unwanted):
        meta.output(MetaConfig(pixel_id="12345"), SECRET, stars, NETWORK)
    with pytest.raises(Unwanted):
        tiktok.output(TiktokConfig(pixel_code="ABCDEFGHIJ"), SECRET, stars, NETWORK)
    assert list(lines(GoogleConfig(), [stars]))[1].endswith(",,\r\n")
    for value in ("0", "-1", "x", "1e9", "nan"):
        with pytest.raises(ValidationError):
            MetaConfig(pixel_id="12345", star_value=value)


@pytest.mark.parametrize(
    ("driver", "status", "body", "expected"),
    [
        ("url", 204, {}, None),
        ("url", 302, {}, True),
        ("url", 404, {}, True),
        ("url", 429, {}, False),
        ("url", 503, {}, False),
        ("meta", 200, {"events_received": 1}, None),
        ("meta", 400, {"error": {"code": 190, "message": "Bad token"}}, True),
        ("meta", 400, {"error": {"code": 2, "message": "Later"}}, False),
        ("meta", 400, {"error": {"code": 100, "is_transient": True}}, False),
        ("meta", 500, "?", False),
        ("tiktok", 200, {"code": 0, "message": "OK"}, None),
        ("tiktok", 200, {"code": 40105, "message": "Bad token"}, True),
        ("tiktok", 200, {"code": 40100, "message": "Too many"}, False),
        ("tiktok", 200, "?", False),
    ],
)
def test_an_answer_is_read_as_its_network_means_it(
    driver: str, status: int, body: Any, expected: bool | None
) -> None:
    """`expected`: None where it was taken, else whether repeating is of no use."""
    judge = {"url": refusal_by_status, "meta": meta.refusal, "tiktok": tiktok.refusal}[driver]
    refused = judge(Answered(status, None, json.dumps(body).encode()))
    assert (refused.permanent if refused else None) is expected
