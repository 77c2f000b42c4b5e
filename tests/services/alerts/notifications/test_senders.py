"""The bot that writes to a chat can be lost: which are offered, how one is changed, who stands in, who hears of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from sqlalchemy import update

from models import Bot, MemberStatus, NotificationDestination, PoolBot
from services.alerts.notifications.fields import NewDestination
from services.alerts.notifications.linking import link_chat
from services.alerts.notifications.registry import (
    create_destination,
    get_destination,
    try_destination,
    update_destination,
)
from services.alerts.notifications.senders import NONE_WORKS, NONE_YET, offered_bots, unheard
from services.alerts.notifications.views import state_of
from services.core.errors import Conflict, InvalidInput, NotFound
from services.fleet.bots.registry import delete_bot, list_bots
from services.platform.platform import Platform
from tests.services.fleet.health.world import Fleet, add_account, make_fleet
from tools.servers.sandbox import Sandbox


@dataclass
class Chat:
    """A chat that the first of three bots writes to."""

    fleet: Fleet
    person: int
    id: int

    @property
    def row(self) -> NotificationDestination:
        """The destination as it is now."""
        return get_destination(self.fleet.platform, self.fleet.caller, self.id)

    def start(self, bot: int, code: str) -> str | None:
        """Press Start at a bot by its link, as the person of the chat."""
        self.fleet.sandbox.start(self.person, self.fleet.names[bot])
        return link_chat(self.fleet.platform, self.fleet.bot_ids[bot], f"link_{code}", self.person)

    def is_told(self) -> bool:
        """Whether a test message arrives."""
        self.fleet.platform.redis.flushdb()  # tests may follow each other at once
        return try_destination(self.fleet.platform, self.fleet.caller, self.id) is None

    def written(self, bot: int) -> int:
        """How many messages a bot has sent."""
        return len(self.fleet.sandbox.sent(self.fleet.names[bot], "sendMessage"))


@pytest.fixture
def chat(platform: Platform, sandbox: Sandbox) -> Chat:
    """A chat that has started the first of three bots."""
    fleet = make_fleet(platform, sandbox, 3)
    person = int(sandbox.create_user(first_name="Ana")["id"])
    made = create_destination(platform, fleet.caller, NewDestination("telegram", bot_id=fleet.bot_ids[0]))
    chat = Chat(fleet, person, made.destination.id)
    assert "recebe as notificações" in (chat.start(0, made.link_code) or "")
    return chat


def lose(fleet: Fleet, bot: int, status: MemberStatus = MemberStatus.BANNED) -> None:
    with fleet.platform.database.transaction() as session:
        session.execute(update(PoolBot).where(PoolBot.bot_id == fleet.bot_ids[bot]).values(status=status))


@pytest.mark.data
def test_bots_that_are_not_well_are_neither_offered_nor_taken(chat: Chat) -> None:
    fleet = chat.fleet
    lose(fleet, 1)
    with fleet.platform.database.transaction() as session:
        session.execute(update(Bot).where(Bot.id == fleet.bot_ids[2]).values(status="failed"))
    every = list_bots(fleet.platform, fleet.caller)
    assert [bot.id for bot in offered_bots(fleet.platform, fleet.caller, every)] == fleet.bot_ids[:1]
    for wrong in fleet.bot_ids[1:]:
        with pytest.raises(Conflict, match="not well"):
            create_destination(fleet.platform, fleet.caller, NewDestination("telegram", bot_id=wrong))
        with pytest.raises(Conflict, match="not well"):
            update_destination(fleet.platform, fleet.caller, chat.id, reserve_bot_id=wrong)
    with pytest.raises(InvalidInput):
        update_destination(fleet.platform, fleet.caller, chat.id, reserve_bot_id=fleet.bot_ids[0])


def test_the_stand_in_writes_once_it_was_started_in_the_same_chat(chat: Chat) -> None:
    fleet = chat.fleet
    made = update_destination(fleet.platform, fleet.caller, chat.id, reserve_bot_id=fleet.bot_ids[1])
    fleet.sandbox.revoke(fleet.names[0])
    assert not chat.is_told(), "nobody has started it"
    stranger = link_chat(fleet.platform, fleet.bot_ids[1], f"link_{made.reserve_code}", 77)
    assert "Outro chat" in (stranger or "")
    assert not chat.row.reserve_linked
    assert "quando o outro não" in (chat.start(1, made.reserve_code) or "")
    assert chat.is_told()
    assert chat.written(1) == 1
    assert state_of(chat.row) == "reserve"
    assert "401" in str(chat.row.last_error)
    fleet.sandbox.restore(fleet.names[0])
    assert chat.is_told()
    assert state_of(chat.row) == "ok"
    assert chat.written(0) == 1


def test_the_former_bot_stands_in_until_the_new_one_was_started(chat: Chat) -> None:
    fleet = chat.fleet
    made = update_destination(fleet.platform, fleet.caller, chat.id, bot_id=fleet.bot_ids[1])
    assert (made.bot_username, bool(made.link_code)) == (fleet.names[1], True)
    assert chat.is_told()
    assert chat.written(0) == 1
    chat.start(1, made.link_code)
    assert chat.is_told()
    assert chat.written(1) == 1
    back = update_destination(fleet.platform, fleet.caller, chat.id, bot_id=fleet.bot_ids[0])
    assert back.link_code == "", "the chat has started it before"
    assert chat.row.reserve_bot_id == fleet.bot_ids[1]
    update_destination(fleet.platform, fleet.caller, chat.id, no_reserve=True)
    assert chat.row.reserve_bot_id is None


@pytest.mark.data
def test_when_the_bot_is_deleted_its_stand_in_writes_from_then_on(chat: Chat) -> None:
    fleet = chat.fleet
    made = update_destination(fleet.platform, fleet.caller, chat.id, reserve_bot_id=fleet.bot_ids[1])
    chat.start(1, made.reserve_code)
    delete_bot(fleet.platform, fleet.caller, fleet.bot_ids[0])
    assert (chat.row.bot_id, chat.row.reserve_bot_id) == (fleet.bot_ids[1], None)
    assert chat.is_told()


@pytest.mark.data
def test_an_account_whose_news_reach_nobody_is_told_so(chat: Chat) -> None:
    fleet = chat.fleet
    with fleet.platform.database.transaction() as session:
        other = replace(fleet.caller, account_id=add_account(session).id)
    assert unheard(fleet.platform, other) is None, "without bots there is nothing to hear of"
    assert unheard(fleet.platform, fleet.caller) is None
    lose(fleet, 0, MemberStatus.OFFLINE)
    assert unheard(fleet.platform, fleet.caller) == NONE_WORKS
    made = update_destination(fleet.platform, fleet.caller, chat.id, reserve_bot_id=fleet.bot_ids[1])
    assert unheard(fleet.platform, fleet.caller) == NONE_WORKS
    link_chat(fleet.platform, fleet.bot_ids[1], f"link_{made.reserve_code}", chat.person)
    assert unheard(fleet.platform, fleet.caller) is None
    lose(fleet, 0, MemberStatus.ONLINE)
    update_destination(fleet.platform, fleet.caller, chat.id, is_enabled=False)
    assert unheard(fleet.platform, fleet.caller) == NONE_WORKS
    with fleet.platform.database.transaction() as session:
        session.delete(session.get_one(NotificationDestination, chat.id))
    assert unheard(fleet.platform, fleet.caller) == NONE_YET


@pytest.mark.data
def test_another_accounts_bot_neither_writes_nor_stands_in(chat: Chat, sandbox: Sandbox) -> None:
    foreign = make_fleet(chat.fleet.platform, sandbox, 1)
    with pytest.raises(NotFound):
        update_destination(chat.fleet.platform, chat.fleet.caller, chat.id, bot_id=foreign.bot_ids[0])
    with pytest.raises(NotFound):
        update_destination(chat.fleet.platform, chat.fleet.caller, chat.id, reserve_bot_id=foreign.bot_ids[0])
    with pytest.raises(NotFound):
        update_destination(foreign.platform, foreign.caller, chat.id, bot_id=foreign.bot_ids[0])
