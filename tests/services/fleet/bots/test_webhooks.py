"""What Telegram should know of a webhook, and telling whether it does."""

from __future__ import annotations

import pytest

from models import Bot, BotPlugin
from services.core.encryption import Vault
from services.fleet.bots.webhook_secret import is_webhook_secret
from services.fleet.bots.webhooks import ALLOWED_UPDATES, Wanted, wanted_for

OLD = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
NEW = "MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
BASE = "https://example.com"
WANTED = Wanted("https://example.com/webhook/ab/12", "s", ALLOWED_UPDATES)
SEEN = {"url": WANTED.url, "allowed_updates": list(reversed(ALLOWED_UPDATES)), "max_connections": 40}


def bot(**fields: object) -> Bot:
    given: dict[str, object] = {
        "path_id": "ab" * 16,
        "mode": "webhook",
        "desired_running": True,
        "max_connections": 40,
    }
    given |= {"webhook_path": "", "worker_updates": [], **fields}
    return Bot(**given, plugins=[BotPlugin(name="start", enabled=True, position=0)])


@pytest.mark.parametrize(
    "change",
    [
        {"url": "https://example.com/webhook/other"},
        {"url": ""},
        {"allowed_updates": ["message"]},
        {"allowed_updates": [*ALLOWED_UPDATES, "chat_member"]},
        {"max_connections": 10},
    ],
)
def test_any_difference_counts(change: dict[str, object]) -> None:
    assert WANTED.differs_from({**SEEN, **change})


def test_the_same_in_another_order_is_no_difference() -> None:
    assert not WANTED.differs_from(SEEN)


def test_without_a_wish_for_a_webhook_only_an_existing_one_differs() -> None:
    assert not Wanted("").differs_from({"url": ""})
    assert Wanted("").differs_from({"url": "https://somebody.else"})


def test_omitted_allowed_updates_are_telegrams_default_and_not_ours() -> None:
    assert WANTED.differs_from({"url": WANTED.url, "max_connections": 40})


@pytest.mark.parametrize("fields", [{"mode": "polling"}, {"desired_running": False}])
def test_polling_and_stopped_bots_want_no_webhook(fields: dict[str, object]) -> None:
    assert wanted_for(bot(**fields), BASE, Vault((OLD,))).url == ""


def test_a_rotated_key_changes_the_address_so_that_the_new_secret_is_set() -> None:
    before, after = wanted_for(bot(), BASE, Vault((OLD,))), wanted_for(bot(), BASE, Vault((NEW, OLD)))
    assert before.secret != after.secret
    assert before.url != after.url
    assert after.differs_from({**SEEN, "url": before.url})
    assert is_webhook_secret(Vault((NEW, OLD)), "ab" * 16, before.secret)


def test_the_address_does_not_tell_the_secret() -> None:
    wanted = wanted_for(bot(), BASE, Vault((OLD,)))
    assert wanted.url.rpartition("/")[2] not in wanted.secret


def test_a_readable_path_stands_before_the_secrets_fingerprint_and_connections_are_the_bots() -> None:
    plain, named = (
        wanted_for(bot(webhook_path=path, max_connections=7), BASE, Vault((OLD,)))
        for path in ("", "/support")
    )
    before, _, fingerprint = plain.url.rpartition("/")
    assert named.url == f"{before}/support-{fingerprint}"
    assert named.params(drop_pending_updates=False)["max_connections"] == 7
