"""Notifications: one per change, in both languages, seen by their owner only."""

from __future__ import annotations

import pytest

from models import Notification
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import mark_read, notify, recent, text_of, unread_count
from services.core.i18n import translate
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.fleet.health.world import add_account

PARAMS = {"bot": "x", "pool": "P", "health": 75, "online": 3, "total": 4, "cause": "", "reason": ""}


@pytest.mark.parametrize(
    ("kind", "params", "locale", "expected"),
    [
        (
            "member_offline",
            {},
            "pt_BR",
            "⚠️ Bot @x do pool 'P' está offline.\nSaúde do pool: 75% (3/4 online)",
        ),
        ("member_offline", {}, "en", "⚠️ Bot @x of pool 'P' is offline.\nPool health: 75% (3/4 online)"),
        (
            "pool_critical",
            {"health": 33, "online": 1, "total": 3},
            "pt-BR",
            "🚨 CRÍTICO: Pool 'P' com apenas 33% de saúde!\nApenas 1 de 3 bots online. Adicione mais bots ou verifique os existentes.",
        ),
        (
            "pool_critical",
            {"health": 33, "online": 1, "total": 3},
            "en",
            "🚨 CRITICAL: Pool 'P' at only 33% health!\nOnly 1 of 3 bots online. Add more bots or check the existing ones.",
        ),
        (
            "member_online",
            {"health": 100, "online": 4},
            "pt",
            "✅ Bot @x voltou online no pool 'P'\nSaúde do pool: 100% (4/4 online)",
        ),
    ],
)
def test_the_texts_are_those_of_the_specification(
    kind: str, params: dict[str, object], locale: str, expected: str
) -> None:
    assert translate(text_of(Notification(kind=kind, params={**PARAMS, **params})), locale) == expected


def test_each_kind_has_its_portuguese_twin() -> None:
    for kind in Kind:
        told = text_of(Notification(kind=kind, params=PARAMS))
        assert translate(told, "pt_BR") != translate(told, "fr") == str(told), kind


def test_a_missing_parameter_and_braces_in_a_name_do_no_harm() -> None:
    shown = str(text_of(Notification(kind="member_online", params={"bot": "{pool}", "pool": "a{0.b}"})))
    assert shown == "✅ Bot @{pool} is back online in pool 'a{0.b}'\nPool health: ?% (?/? online)"


@pytest.mark.data
def test_one_change_is_told_once_and_only_to_its_owner(platform: Platform) -> None:
    with platform.database.transaction() as session:
        mine, other = add_account(session), add_account(session)
        assert notify(session, mine.id, Kind.MEMBER_OFFLINE, "warning", "k1", PARAMS)
        assert not notify(session, mine.id, Kind.MEMBER_OFFLINE, "warning", "k1", PARAMS)
        notify(session, mine.id, Kind.MEMBER_ONLINE, "recovery", "k2", PARAMS)
        notify(session, other.id, Kind.MEMBER_ONLINE, "recovery", "k3", PARAMS)
    caller, stranger = Principal(mine.id, "a"), Principal(other.id, "b")
    assert [row.dedupe_key for row in recent(platform, caller)] == ["k2", "k1"]
    assert [row.dedupe_key for row in recent(platform, caller, 1)] == ["k2"]
    ids = [row.id for row in recent(platform, caller)]
    assert mark_read(platform, stranger, ids) == 0
    assert unread_count(platform, caller) == 2
    assert mark_read(platform, caller, ids[:1]) == 1
    assert mark_read(platform, caller) == 1
    assert (unread_count(platform, caller), unread_count(platform, stranger)) == (0, 1)
