"""What is read from a request: audience, device, client, visitor, language, referrer, parameters."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as given_by

from models import Audience
from services.fleet.pools.start_payload import (
    LONGEST_PAYLOAD,
    looks_tracked,
    new_token,
    split_payload,
    start_payload,
)
from services.traffic.clicks.audience import agent_class
from services.traffic.clicks.facts import (
    ClickFacts,
    DailyHash,
    kept_params,
    language_of,
    read_facts,
    referrer_host,
    rule_facts,
    visitor_of,
)
from tests.services.traffic.clicks import agents
from tests.services.traffic.clicks.clicking import ENVIRON

NOON = 1_800_014_400.0


def facts(**environ: str) -> ClickFacts:
    """The facts of a person's request with these changes to its environment."""
    keyed_hash = DailyHash(lambda day: b"key of day %d" % day)
    return read_facts({**ENVIRON, **environ}, NOON, country_from="", keyed_hash=keyed_hash)


@pytest.mark.parametrize(
    ("device", "agent"), [(device, agent) for device, known in agents.PEOPLE.items() for agent in known]
)
def test_browsers_of_people_are_people_in_applications_too(device: str, agent: str) -> None:
    assert agent_class(agent) == (Audience.HUMAN, device)


@pytest.mark.parametrize("agent", agents.PREVIEWS)
def test_link_previews_are_previews(agent: str) -> None:
    assert agent_class(agent)[0] is Audience.PREVIEW


@pytest.mark.parametrize("agent", agents.CRAWLERS)
def test_crawlers_and_programs_are_crawlers(agent: str) -> None:
    assert agent_class(agent)[0] is Audience.CRAWLER


@pytest.mark.parametrize(
    ("headers", "audience"),
    [
        ({"HTTP_SEC_PURPOSE": "prefetch"}, Audience.PREFETCH),
        ({"HTTP_SEC_PURPOSE": "prefetch;prerender"}, Audience.PREFETCH),
        ({"HTTP_PURPOSE": "prefetch"}, Audience.PREFETCH),
        ({"HTTP_X_PURPOSE": "preview"}, Audience.PREFETCH),
        ({"HTTP_X_MOZ": "prefetch"}, Audience.PREFETCH),
        ({"REQUEST_METHOD": "HEAD"}, Audience.HEAD),
        ({"HTTP_SEC_PURPOSE": ""}, Audience.HUMAN),
    ],
    ids=str,
)
def test_prefetches_and_head_requests_are_told_from_people(
    headers: dict[str, str], audience: Audience
) -> None:
    assert facts(**headers).audience is audience


def test_a_visitor_is_its_cookie_and_without_one_its_address_and_agent_for_the_day() -> None:
    first = facts()
    assert not first.has_cookie
    assert facts().visitor == first.visitor
    assert facts(REMOTE_ADDR="203.0.113.6").visitor != first.visitor
    assert facts(HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux)").visitor != first.visitor
    elsewhere = facts(HTTP_COOKIE=f"flv={first.visitor}", REMOTE_ADDR="198.51.100.7")
    assert (elsewhere.has_cookie, elsewhere.visitor, elsewhere.unique_hash) == (
        True,
        first.visitor,
        first.unique_hash,
    )


def test_what_is_counted_on_one_day_cannot_be_joined_to_the_next() -> None:
    keyed_hash = DailyHash(lambda day: b"key of day %d" % day)
    environ = {**ENVIRON, "HTTP_COOKIE": "flv=abcdefABCDEF"}
    days = [read_facts(environ, NOON + 86400 * day, country_from="", keyed_hash=keyed_hash) for day in (0, 1)]
    assert days[0].visitor == days[1].visitor
    assert days[0].unique_hash != days[1].unique_hash


def test_the_client_is_a_hash_that_changes_with_the_day_and_never_the_address() -> None:
    keyed_hash = DailyHash(lambda day: b"key of day %d" % day)
    today = keyed_hash("203.0.113.5", NOON)
    assert today == keyed_hash("203.0.113.5", NOON + 3600)
    assert today != keyed_hash("203.0.113.6", NOON)
    assert today != keyed_hash("203.0.113.5", NOON + 86400)
    assert "203" not in str(facts().client + facts().unique_hash)[:3]
    assert "203.0.113.5" not in repr(facts())


@pytest.mark.parametrize(
    ("cookies", "visitor"),
    [
        ("flv=abcdefABCDEF", "abcdefABCDEF"),
        ("a=b; flv=abcdefABCDEF; c=d", "abcdefABCDEF"),
        ("xflv=abcdefABCDEF", ""),
        ("flv=short", ""),
        ('flv="; drop', ""),
        ("flv=" + "a" * 33, ""),
        ("", ""),
    ],
)
def test_only_a_sound_visitor_cookie_is_believed(cookies: str, visitor: str) -> None:
    assert visitor_of(cookies) == visitor


def test_parameters_are_kept_by_name_and_cut() -> None:
    query = "utm_source=f%20b&utm_campaign=a+b&gclid=" + "x" * 300 + "&password=1&utm_term=&=&&utm_id"
    assert kept_params(query) == {"utm_source": "f b", "utm_campaign": "a b", "gclid": "x" * 200}


@pytest.mark.parametrize(
    "query",
    [
        "utm%5Fsource=fb&fbclid=1",
        "UTM_SOURCE=fb&FBCLID=1",
        "Utm%5fSource=fb&%66bclid=1&x%=2",
        "a=b&amp;utm_source=fb&AMP%3Bfbclid=1",
    ],
)
def test_names_of_parameters_are_read_in_capitals_and_with_percent_signs(query: str) -> None:
    assert kept_params(query) == {"utm_source": "fb", "fbclid": "1"}
    known = rule_facts(facts(), {**ENVIRON, "QUERY_STRING": query}).query
    assert known is not None
    assert (known["utm_source"], known["fbclid"]) == ("fb", "1")


def test_names_of_other_parameters_are_as_they_are_written() -> None:
    assert rule_facts(facts(), {**ENVIRON, "QUERY_STRING": "Offer=A&offer=b"}).query == {
        "Offer": "A",
        "offer": "b",
    }


@given(given_by.text(max_size=300), given_by.text(max_size=60), given_by.text(max_size=60))
def test_no_request_however_odd_raises(query: str, language: str, referrer: str) -> None:
    environ: dict[str, Any] = {
        "QUERY_STRING": query,
        "HTTP_ACCEPT_LANGUAGE": language,
        "HTTP_REFERER": f"https://{referrer}",
        "HTTP_COOKIE": query,
        "REMOTE_ADDR": language,
    }
    found = facts(**environ)
    assert len(found.language) <= 8
    assert len(found.referrer_host) <= 253


def test_language_and_referrer_are_short_and_plain() -> None:
    assert [language_of(text) for text in ("pt-BR,pt;q=0.9", "en", "*", "", "zh-Hant-TW")] == [
        "pt-BR",
        "en",
        "",
        "",
        "zh",
    ]
    assert referrer_host("https://L.Instagram.com:443/?u=x") == "l.instagram.com"
    assert referrer_host("https://[broken") == ""


@given(given_by.from_regex(r"\A[A-Za-z0-9_-]{1,51}\Z"))
def test_every_start_parameter_survives_the_payload(start_param: str) -> None:
    token = new_token()
    payload = start_payload(start_param, token)
    assert len(payload) <= LONGEST_PAYLOAD
    assert split_payload(payload) == (start_param, token)
    if not looks_tracked(start_param):
        assert split_payload(start_param) == (start_param, None)


def test_tokens_do_not_repeat_and_use_their_whole_alphabet() -> None:
    tokens = {new_token() for _ in range(5000)}
    assert len(tokens) == 5000
    assert len(set("".join(tokens))) == 62
