"""Keys: there, strong, the right ones, and readable by this program alone."""

from __future__ import annotations

import base64
import binascii
import stat
from functools import partial
from pathlib import Path
from typing import Final

from services.core.errors import ConfigurationError
from services.core.i18n import Text
from services.operations.doctor.check import NotApplicable, Severity, Topic, check
from services.operations.doctor.facts import Facts
from services.platform.tokens import token_of

warning = partial(check, Topic.KEYS, Severity.WARNING)
error = partial(check, Topic.KEYS, Severity.ERROR)
FEWEST_BYTES: Final = (
    16  # different ones among the 32 of a random key: 30 on average, fewer than 24 once in a million
)
SHORTEST: Final = 32
PRIVATE: Final = ("keys.json", "redis.url", "flotilla.db")  # files of DATA_DIR
FOLDERS: Final = ("spool", "access", "files", "backups")
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@error(
    why=Text("It signs sessions and forms: who guesses it signs in as anybody."),
    advice=Text(
        "Make another one: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'. Everybody has to sign in again."
    ),
)
def secret_key_short(facts: Facts) -> Text | None:
    """SECRET_KEY cannot be guessed."""
    key = facts.settings.secret_key.get_secret_value()
    return (
        Text("SECRET_KEY has {n} characters", n=len(key)) if len(key) < SHORTEST and facts.is_served else None
    )


@error(
    why=Text(
        "It seals the tokens of all bots: a key that a person typed is tried out within minutes by who has a copy of the database."
    ),
    advice=Text(
        "Put a random key in front of it in ENCRYPTION_KEYS, and leave the old one until nothing is sealed with it."
    ),
)
def encryption_key_weak(facts: Facts) -> Text | None:
    """The newest encryption key is random."""
    if not facts.is_served:
        raise NotApplicable
    try:
        raw = base64.urlsafe_b64decode(facts.settings.encryption_keys[0].get_secret_value())
    except (binascii.Error, ValueError, IndexError):
        return Text("ENCRYPTION_KEYS begins with no key")
    return Text("The newest of ENCRYPTION_KEYS is no random one") if len(set(raw)) < FEWEST_BYTES else None


@error(
    why=Text("Without its token a bot neither answers nor is checked: its people hear nothing."),
    advice=Text(
        "Give ENCRYPTION_KEYS the key back that sealed them, behind the newest. If it is lost, replace the bots' tokens."
    ),
)
def tokens_unreadable(facts: Facts) -> Text | None:
    """The keys open the tokens of all bots."""
    closed = []
    for bot in facts.bots:
        try:
            token_of(facts.platform, bot)
        except ConfigurationError:
            closed.append(bot.username)
    if not closed:
        return None
    return Text(
        "The keys do not open the tokens of {n} bots, @{bot} among them", n=len(closed), bot=closed[0]
    )


def _opened(facts: Facts) -> list[Path]:
    folder = facts.settings.data_dir
    candidates = [folder, *(folder / name for name in (*PRIVATE, *FOLDERS))]
    return [path for path in candidates if path.exists() and path.stat().st_mode & OTHERS]


def _close(facts: Facts) -> None:
    for path in _opened(facts):
        path.chmod(path.stat().st_mode & ~OTHERS)


def _told(paths: list[Path]) -> Text | None:
    return Text("Others may read {path}", path=str(paths[0])) if paths else None


@error(
    why=Text("Whoever has an account on this machine reads the keys, and with them every bot's token."),
    advice=Text("chmod 600 the file; make new keys if somebody else uses this machine."),
    remedy=_close,
)
def secret_files_open(facts: Facts) -> Text | None:
    """Files with secrets are for this program alone."""
    return _told([path for path in _opened(facts) if path.name in PRIVATE])


@warning(
    why=Text("In it lie the database, visitors' clicks and what people sent to bots."),
    advice=Text("chmod 700 the folder."),
    remedy=_close,
)
def data_dir_open(facts: Facts) -> Text | None:
    """DATA_DIR is for this program alone."""
    if not facts.is_served:
        raise NotApplicable
    return _told([path for path in _opened(facts) if path.name not in PRIVATE])
