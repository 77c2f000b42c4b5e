"""An installation whose keys are in a key file, with something sealed in every column."""

from __future__ import annotations

import pytest
from pydantic import SecretStr
from sqlalchemy.orm import Session

from models import (
    Account,
    Bot,
    BotWorker,
    ChatMessage,
    DeadLetter,
    HandledUpdate,
    NotificationDestination,
    PaymentWebhook,
    Postback,
    SecondFactor,
)
from services.core.encryption import Vault
from services.core.key_file import read_or_make_keys
from services.core.settings import Settings
from services.platform.platform import Platform


def with_key_file(settings: Settings) -> Settings:
    """The settings as a process finds them that starts now."""
    keys = read_or_make_keys(settings.keys_file)["encryption_keys"]
    return settings.with_kept_keys({"encryption_keys": tuple(SecretStr(key) for key in keys)})


@pytest.fixture
def kept(platform: Platform) -> Platform:
    """The platform with a key file and one row with every sealed column."""
    kept = Platform(with_key_file(platform.settings))
    furnish(kept, 1)
    return kept


def furnish(platform: Platform, bots: int) -> None:
    """Rows of an account with so many bots, all that can be sealed for each."""
    seal = platform.vault.seal
    with platform.database.transaction() as session:
        account = Account(email=f"{bots}@example.com", password_hash="x")
        session.add(account)
        session.flush()
        hook = NotificationDestination(account_id=account.id, kind="webhook", name="hook")
        hook.sealed_config = seal("{}", owner="destination")
        factor = SecondFactor(account_id=account.id, sealed_secret=seal("code", owner="second_factor"))
        session.add_all([hook, factor, *_places_of_money(account.id, seal("token", owner="postback"))])
        for number in range(1, bots + 1):
            _add_bot(session, platform.vault, account.id, number)


def _add_bot(session: Session, vault: Vault, account_id: int, number: int) -> None:
    bot = Bot(
        account_id=account_id,
        public_id=f"bot_{number:012}",
        telegram_bot_id=number,
        username=f"n{number}_bot",
        sealed_token="",
        mode="webhook",
        path_id=f"path{number}",
    )
    session.add(bot)
    session.flush()
    bot.sealed_token = vault.seal(f"token {bot.id}", owner=f"bot:{bot.id}")
    worker = BotWorker(bot_id=bot.id)
    for name in ("environment", "token", "webhook_url", "webhook_secret"):
        setattr(worker, f"sealed_{name}", vault.seal(name, owner=f"worker:{bot.id}"))
    outcome = vault.seal("o", owner="update")
    handled = HandledUpdate(bot_id=bot.id, update_id=1, part="", sealed_outcome=outcome)
    said = ChatMessage(bot_id=bot.id, telegram_id=5, direction="in", kind="text")
    said.sealed_text = vault.seal("hello", owner=f"messages:{bot.id}")
    session.add(said)
    session.add_all([worker, handled, _letter(account_id, bot.id, vault.seal("p", owner="letter"))])


def _places_of_money(account_id: int, sealed: str) -> tuple[Postback, PaymentWebhook]:
    named = {"account_id": account_id, "name": "n", "sealed_secret": sealed}
    return Postback(driver="meta", **named), PaymentWebhook(
        path_id=f"pay{account_id}", signature_header="X", **named
    )


def _letter(account_id: int, bot_id: int, sealed: str) -> DeadLetter:
    return DeadLetter(
        account_id=account_id,
        bot_id=bot_id,
        kind="update",
        fingerprint="f",
        error_id="i",
        source_id=f"update:{bot_id}",
        error="e",
        sealed_payload=sealed,
    )
