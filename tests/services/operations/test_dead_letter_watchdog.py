"""Owners are told of dead letters once per cause, and once more when nothing of it waits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models import DeadLetter, Notification
from services.alerts.dead_letters.deciding import discard
from services.alerts.dead_letters.selection import LetterFilter, Selection
from services.alerts.dead_letters.store import store
from services.alerts.notifications.links import path_of
from services.alerts.notifications.notify import recent, text_of
from services.core.i18n import translate
from services.core.times import utc_now
from services.operations.dead_letter_watchdog import notify_of_dead_letters
from services.platform.accounts.principal import Principal
from tests.services.alerts.notifications.world import Owner
from tests.services.fleet.health.world import add_account
from tools.servers.receivers import Receiver

pytestmark = pytest.mark.data


def give_up(owner: Owner, error: str, times: int = 1, *, kind: str = "update") -> None:
    """Letters of one cause, of the owner's bot; jobs are of nobody."""
    with owner.platform.database.transaction() as session:
        for number in range(times):
            store(
                session,
                kind=kind,
                source_id=f"{error}:{utc_now().timestamp()}:{number}",
                error=f"Traceback\n{error}",
                where=error,
                bot_id=None if kind == "job" else owner.bot_id,
            )


def settle(owner: Owner, error: str) -> None:
    """Discard all letters of a cause."""
    with owner.platform.database.reading() as session:
        like = DeadLetter.error.contains(error)
        fingerprint = session.scalars(select(DeadLetter.fingerprint).where(like)).first() or ""
    wanted = Selection(filter=LetterFilter(fingerprint=fingerprint, state="open"))
    discard(owner.platform, owner.caller, wanted, "mended")


def told(owner: Owner) -> list[str]:
    """What the owner was told, oldest first, in English."""
    return [str(text_of(row)) for row in reversed(recent(owner.platform, owner.caller))]


def test_letters_of_one_cause_are_one_alarm_and_one_all_clear_however_many_look(owner: Owner) -> None:
    give_up(owner, "KeyError: 'name'", 3)
    with ThreadPoolExecutor(4) as executor:
        list(executor.map(notify_of_dead_letters, [owner.platform] * 8))
    assert told(owner) == [
        "⚠️ Dead letters: 3 × KeyError: 'name'\nBots: @bot1_bot. See the cause in the panel, mend it, then replay or discard."
    ]
    give_up(owner, "KeyError: 'name'")
    assert notify_of_dead_letters(owner.platform) == 0, "more of the same is no news"
    settle(owner, "KeyError")
    with ThreadPoolExecutor(4) as executor:
        list(executor.map(notify_of_dead_letters, [owner.platform] * 8))
    assert told(owner)[1:] == ["✅ Dead letters settled: KeyError: 'name'\nBots: @bot1_bot"]


def test_a_cause_that_comes_back_is_told_anew(owner: Owner) -> None:
    for _ in range(2):
        give_up(owner, "TypeError: x")
        notify_of_dead_letters(owner.platform)
        settle(owner, "TypeError")
        notify_of_dead_letters(owner.platform)
    assert [text[:1] for text in told(owner)] == ["⚠", "✅", "⚠", "✅"]


def test_what_is_being_replayed_is_neither_news_nor_settled(owner: Owner) -> None:
    give_up(owner, "TypeError: x")
    with owner.platform.database.transaction() as session:
        session.execute(update(DeadLetter).values(state="replaying"))
    assert notify_of_dead_letters(owner.platform) == 0
    with owner.platform.database.transaction() as session:
        session.execute(update(DeadLetter).values(state="open"))
    assert notify_of_dead_letters(owner.platform) == 1
    with owner.platform.database.transaction() as session:
        session.execute(update(DeadLetter).values(state="replaying"))
    assert notify_of_dead_letters(owner.platform) == 0


def test_each_cause_recovers_by_itself_at_its_destinations(owner: Owner, receiver: Receiver) -> None:
    owner.webhook(receiver.url)
    give_up(owner, "KeyError: a")
    give_up(owner, "ValueError: b")
    assert notify_of_dead_letters(owner.platform) == 2
    owner.clock.now = utc_now()
    assert owner.send() == 1, "both causes in one message"
    settle(owner, "KeyError")
    assert notify_of_dead_letters(owner.platform) == 1
    owner.clock.now = utc_now()
    assert owner.send() == 1
    assert owner.statuses() == ["sent", "sent", "sent"]
    assert [row.alarm_id for row in owner.deliveries()][2] == owner.deliveries()[0].id


def test_a_cause_that_flaps_does_not_ring_again_within_the_cool_down(
    owner: Owner, receiver: Receiver
) -> None:
    owner.webhook(receiver.url)
    for _ in range(3):
        give_up(owner, "KeyError: a")
        notify_of_dead_letters(owner.platform)
        owner.clock.now = utc_now()
        owner.send()
        settle(owner, "KeyError")
        notify_of_dead_letters(owner.platform)
        owner.clock.now = utc_now()
        owner.send()
    assert owner.statuses()[:2] == ["sent", "sent"]
    assert set(owner.statuses()[2:]) == {"skipped"}


def test_only_the_owner_is_told_and_of_nobody_s_jobs_the_administrators(owner: Owner) -> None:
    with owner.platform.database.transaction() as session:
        stranger = add_account(session)
        admins = [add_account(session) for _ in range(2)]
        for admin in admins:
            admin.is_admin = True
    give_up(owner, "KeyError: a")
    give_up(owner, "OSError: disk", kind="job")
    notify_of_dead_letters(owner.platform)
    assert len(told(owner)) == 1
    assert recent(owner.platform, Principal(stranger.id, "x")) == []
    for admin in admins:
        (row,) = recent(owner.platform, Principal(admin.id, "x"))
        assert translate(text_of(row), "pt_BR").startswith("⚠️ Mensagens mortas: 1 × OSError: disk\nBots: –")


def test_an_alarm_leads_to_its_cause_on_the_page(owner: Owner) -> None:
    give_up(owner, "KeyError: a")
    notify_of_dead_letters(owner.platform)
    (row,) = recent(owner.platform, owner.caller)
    fingerprint = row.params["fingerprint"]
    assert path_of(row) == f"/panel/dead-letters?view=open&fingerprint={fingerprint}"
    settle(owner, "KeyError")
    notify_of_dead_letters(owner.platform)
    assert "view=resolved" in path_of(recent(owner.platform, owner.caller)[0])


def test_what_still_waits_after_three_months_is_told_again(owner: Owner) -> None:
    give_up(owner, "KeyError: a")
    notify_of_dead_letters(owner.platform)
    with owner.platform.database.transaction() as session:
        long_ago = {"at": utc_now() - timedelta(days=91), "dedupe_key": "dead_letters:of:another:month"}
        session.execute(update(Notification).values(**long_ago))
    assert notify_of_dead_letters(owner.platform) == 1
    assert len(told(owner)) == 2
