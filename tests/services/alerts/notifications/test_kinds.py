"""Every kind of notification is told by somebody, in words that people know."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from models import Notification
from plugins.texts import TelegramText
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify, text_of
from services.alerts.notifications.texts import REASONS, SENTENCES, parameters_of
from services.core.i18n import translate
from services.fleet.health.delivery import SHARED, DeliveryCause
from services.platform.platform import Platform

ROOT = Path(__file__).parents[4]
# Where kinds are named without anything being told.
ABOUT = {
    ROOT / "services" / "alerts" / "notifications" / f"{name}.py"
    for name in ("kinds", "texts", "planning", "links")
}


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_is_told_somewhere(kind: Kind) -> None:
    files = (*(ROOT / "services").rglob("*.py"), *(ROOT / "plugins").rglob("*.py"))
    tellers = [path for path in files if path not in ABOUT]
    named = re.compile(rf'\bKind\.{kind.name}\b|notify_owner\("{kind}"')
    assert any(named.search(path.read_text()) for path in tellers)


@pytest.mark.parametrize("kind", Kind)
def test_no_text_names_a_command_that_does_not_exist(kind: Kind) -> None:
    named = re.findall(r"flask (\w+)", SENTENCES[kind])
    assert all((ROOT / "commands" / f"{name}.py").exists() for name in named)


def test_a_kind_has_one_shape_and_no_other_is_told(platform: Platform) -> None:
    whole = dict.fromkeys(parameters_of(Kind.DEAD_LETTERS), "x")
    for wrong in ({}, {"error": "x", "error_id": "1"}, {**whole, "more": 1}, {**whole, "uncertian": 1}):
        with platform.database.transaction() as session, pytest.raises(ValueError, match="dead_letters has"):
            notify(session, 1, Kind.DEAD_LETTERS, "warning", "k", wrong)
    with platform.database.transaction() as session, pytest.raises(ValueError, match="no_such_kind"):
        notify(session, 1, "no_such_kind", "warning", "k", {})


@pytest.mark.parametrize("locale", ["pt_BR", "en"])
@pytest.mark.parametrize("kind", Kind)
def test_telegram_takes_each_text_whatever_fills_it(kind: Kind, locale: str) -> None:
    names = [name for _, name, _, _ in string.Formatter().parse(SENTENCES[kind]) if name]
    for value in ("", "<b>{x} & _*[`", "😀" * 300):  # 300 characters of an error or of names are kept at most
        row = Notification(kind=kind, params=dict.fromkeys(names, value))
        TelegramText(None).check(translate(text_of(row), locale))


@pytest.mark.parametrize("locale", ["pt_BR", "en"])
@pytest.mark.parametrize("cause", sorted(set(DeliveryCause) - SHARED))
def test_why_a_bot_gets_no_messages_is_told_in_words(cause: DeliveryCause, locale: str) -> None:
    row = Notification(kind=Kind.MEMBER_DELIVERY, params={"bot": "x", "pool": "P", "reason": str(cause)})
    text = translate(text_of(row), locale)
    assert str(cause) not in text
    assert translate(REASONS[cause], locale) in text
