"""A manager bot that may manage others, and people who make bots by its link at the sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from models import Account, Bot, ManagedBot
from plugins.fleet import Screen
from services.operations.managed.registration import maker_of
from services.operations.manager.ensuring import manager_of
from services.operations.manager.newbots import managed
from services.operations.manager.person import Person
from services.platform.accounts.accounts import command_principal
from services.platform.accounts.principal import Principal
from services.platform.accounts.telegram_links import link_person, linked_person, new_link_code
from services.platform.platform import Platform
from services.platform.tokens import token_of
from tests.services.operations.manager.chatting import manager_platform
from tools.servers.sandbox import Sandbox


@dataclass
class Managing:
    """An installation whose manager bot manages; `maker` is a person at Telegram."""

    platform: Platform
    sandbox: Sandbox
    manager: dict[str, Any]
    maker: int

    def link(self, account: Account, person: int | None = None) -> None:
        """Link a person to an account."""
        code = new_link_code(self.platform, command_principal(account)).code
        link_person(self.platform, person or self.maker, "Ana", code)

    def make(self, username: str, person: int | None = None) -> dict[str, Any]:
        """A person makes a bot by the link; the update that the manager gets of it."""
        spec = {"user_id": person or self.maker, "username": username}
        self.sandbox.post(f"/bots/{self.manager['id']}/managed", spec)
        return self.update_of(username)

    def update_of(self, username: str, person: int | None = None) -> dict[str, Any]:
        """What an update says of a bot and its owner."""
        bot = {
            "id": self.sandbox.bot(username)["id"],
            "is_bot": True,
            "first_name": "New",
            "username": username,
        }
        user = {"id": person or self.maker, "is_bot": False, "first_name": "Ana"}
        return {"update_id": 1, "managed_bot": {"user": user, "bot": bot}}

    def take(self, update: dict[str, Any]) -> Screen | None:
        """What the manager bot's handler does with it."""
        found = linked_person(self.platform, update["managed_bot"]["user"]["id"])
        person = Person(self.platform, found, "en") if found else None
        return managed(self.platform, person, "en", update)

    def bot(self, username: str) -> Bot | None:
        """The bot's row."""
        with self.platform.database.reading() as session:
            return session.scalar(select(Bot).where(Bot.username == username))

    def row(self, username: str) -> ManagedBot:
        """What is known of it as a managed one."""
        with self.platform.database.reading() as session:
            return session.scalars(select(ManagedBot).where(ManagedBot.username == username)).one()

    def has_its_token(self, username: str) -> bool:
        """Whether the token here is the one that Telegram takes."""
        bot = self.bot(username)
        assert bot is not None
        return bool(token_of(self.platform, bot) == self.sandbox.bot(username)["token"])

    def manager_row(self) -> Bot:
        """The manager's own row."""
        found = manager_of(self.platform)
        assert found is not None
        return found

    def known_maker(self) -> Principal | None:
        """Whom the maker acts for."""
        return maker_of(self.platform, self.maker)


def managing(platform: Platform, sandbox: Sandbox) -> Managing:
    """The installation; the person is a stranger yet. Needs an administrator."""
    boss = sandbox.create_bot(username="boss_bot", can_manage_bots=True)
    user = int(sandbox.create_user(first_name="Ana")["id"])
    return Managing(manager_platform(platform, boss["token"]), sandbox, boss, user)
