"""Replacing the newest encryption key, and taking old ones away.

A running process must open what another has sealed with a new key. So the new key is listed behind the present one first,
where it opens and seals nothing; when every process has it, it goes to the front.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from services.core.encryption import fingerprint, new_key
from services.core.errors import Conflict
from services.core.i18n import Text
from services.core.key_file import LOOK_SECONDS, change_keys
from services.core.times import utc_now
from services.messaging.external_api.client import LONGEST_KEPT
from services.messaging.limits.idempotency import KEPT_SECONDS
from services.operations.keys.ages import key_ages
from services.operations.keys.counting import count_sealed, streams_older_than
from services.platform.accounts.password_links import VALID
from services.platform.platform import Platform

ADOPTION_SECONDS: Final = 5 * LOOK_SECONDS  # for a process that is held up between its look and its use


@dataclass(frozen=True)
class Retired:
    """Fingerprints of the keys that were taken away and of the one that is left."""

    gone: tuple[str, ...]
    left: str


def rotate(platform: Platform, *, adoption_seconds: float = ADOPTION_SECONDS) -> str:
    """Make a new key, let every process learn it, put it in front; its fingerprint.

    A rotation that was killed in between is gone on with: its key, which has sealed nothing yet, is taken. Raises Conflict
    `keys_in_environment`, OSError.
    """
    path = platform.settings.keys_file
    _refuse_environment(platform)
    waiting = [age.fingerprint for age in key_ages(platform)[1:] if age.leading_since is None]
    fresh = new_key()
    listed = change_keys(path, lambda kept: kept if waiting else [kept[0], fresh, *kept[1:]])
    name = waiting[0] if waiting else fingerprint(fresh)
    chosen = next(key for key in listed if fingerprint(key) == name)
    time.sleep(adoption_seconds)
    change_keys(path, lambda kept: [chosen, *(key for key in kept if key != chosen)])
    platform.vault.look()
    return name


def longest_life(platform: Platform) -> timedelta:
    """How long something in Redis or in a chat may need the key that sealed or signed it: buttons, conversations, links,
    kept answers.
    """
    settings = platform.settings
    return max(
        VALID,
        timedelta(
            seconds=max(
                settings.callback_menu_seconds,
                settings.callback_confirm_seconds,
                settings.conversation_ttl_seconds,
                KEPT_SECONDS,
                LONGEST_KEPT,
            )
        ),
    )


def check_retirement(platform: Platform, *, now: bool = False) -> None:
    """Refuse with Conflict `keys_in_use` while something may need an older key; `now` forgoes what lives in Redis.

    Rows are never forgone. Raises Unavailable, RedisError.
    """
    ages = key_ages(platform)
    if len(ages) == 1:
        return
    if any(age.leading_since is None for age in ages[1:]):
        raise Conflict(
            "A key was added that does not seal yet; end its rotation first: flask secrets rotate",
            code="keys_in_use",
        )
    counts = {count.column.name: count.by_older for count in count_sealed(platform) if count.by_older}
    if counts:
        told = ", ".join(f"{name}: {rows}" for name, rows in counts.items())
        raise Conflict(
            Text("Older keys still seal rows ({rows}); run `flask secrets reseal` first", rows=told),
            code="keys_in_use",
        )
    if now:
        return
    leading = ages[0].leading_since or utc_now()
    if (end := leading + longest_life(platform)) > utc_now():
        raise Conflict(
            Text(
                "Buttons and conversations may still need an older key until {end}; wait, or end them with --now",
                end=f"{end:%Y-%m-%d %H:%M} UTC",
            ),
            code="keys_in_use",
        )
    if streams := streams_older_than(platform, leading):
        raise Conflict(
            Text(
                "{count} queues hold updates or sends from before the newest key; let them drain, or lose what is sealed in them with --now",
                count=streams,
            ),
            code="keys_in_use",
        )


def retire(platform: Platform, *, now: bool = False) -> Retired:
    """Take every key but the newest out of the key file. Raises Conflict `keys_in_use`, `keys_in_environment`, `keys_changed`."""
    _refuse_environment(platform)
    platform.vault.look()
    names = platform.vault.fingerprints
    check_retirement(platform, now=now)

    def newest(kept: list[str]) -> list[str]:
        if tuple(fingerprint(key) for key in kept) != names:
            raise Conflict("The keys were changed while they were counted; try again", code="keys_changed")
        return kept[:1]

    change_keys(platform.settings.keys_file, newest)
    return Retired(names[1:], names[0])


def _refuse_environment(platform: Platform) -> None:
    if not platform.settings.keys_are_kept:
        raise Conflict(
            "ENCRYPTION_KEYS are set in the environment, which only you can change; docs/keys.md has the steps",
            code="keys_in_environment",
        )
