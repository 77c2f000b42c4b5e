"""An installation whose keys are in a key file, with something sealed in every column."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from models import (
    Account,
    Bot,
    BotWorker,
    DeadLetter,
    HandledUpdate,
    NotificationDestination,
    SecondFactor,
)
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
    vault = platform.vault
    with platform.database.transaction() as session:
        account = Account(email=f"{bots}@example.com", password_hash="x")
        session.add(account)
        session.flush()
        session.add(
            SecondFactor(account_id=account.id, sealed_secret=vault.seal("code", owner="second_factor"))
        )
        session.add(
            NotificationDestination(
                account_id=account.id,
                kind="webhook",
                name="hook",
                sealed_config=vault.seal("{}", owner="destination"),
            )
        )
        for number in range(1, bots + 1):
            bot = Bot(
                account_id=account.id,
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
            owner = f"worker:{bot.id}"
            session.add(
                BotWorker(
                    bot_id=bot.id,
                    sealed_environment=vault.seal("{}", owner=owner),
                    sealed_token=vault.seal("t", owner=owner),
                    sealed_webhook_url=vault.seal("u", owner=owner),
                    sealed_webhook_secret=vault.seal("s", owner=owner),
                )
            )
            session.add(
                HandledUpdate(
                    bot_id=bot.id, update_id=1, part="", sealed_outcome=vault.seal("o", owner="update")
                )
            )
            session.add(
                DeadLetter(
                    account_id=account.id,
                    bot_id=bot.id,
                    kind="update",
                    fingerprint="f",
                    error_id="i",
                    attempts=1,
                    timeline=[],
                    error="e",
                    source_id=f"update:{bot.id}",
                    payload={},
                    sealed_payload=vault.seal("p", owner="letter"),
                )
            )
