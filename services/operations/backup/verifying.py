"""Is a backup worth anything? It is restored into an empty place, and a click and a chat go through there.

The place has a Valkey, a database and folders of its own, and speaks to a "Telegram" of this process alone: nothing that
happens there reaches anybody. Restored bots are counted and their tokens opened; the chat is had by a bot of its own, as
plugins of others might act in the world. What could not be tried is a failure, as is what went wrong.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, Final, cast

from pydantic import SecretStr
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.exc import DBAPIError

from models import Bot, Click
from services.core.errors import Unavailable
from services.core.i18n import Text
from services.operations.backup import reports
from services.operations.backup.archive import Progress
from services.operations.backup.keys import backup_identity
from services.operations.backup.private_redis import private_redis
from services.operations.backup.progress import Counted, Stage, Told, Work, alone
from services.operations.backup.restoring import restore_into
from services.operations.backup.stores import StoredBackup, no_such, open_store
from services.operations.backup.trial import PATIENCE_SECONDS, TrialTelegram, try_chat, try_click, unusable
from services.platform.database import Database
from services.platform.platform import Platform
from services.traffic.clicks.stream_audit import check_clicks

logger = logging.getLogger(__name__)
NOBODY: Final = "http://127.0.0.1:9"  # discard: a request that should not be made ends there


@dataclass(frozen=True)
class Verified:
    """A backup that came to life: what is in it."""

    name: str
    clicks: int
    bots: int


def verify_backup(
    platform: Platform,
    name: str | None = None,
    progress: Progress = lambda size: None,
    patience: float = PATIENCE_SECONDS,
) -> Verified:
    """Try the backup `name` out, or the newest, and keep what came of it. Raises whatever spoke against it.

    `patience`: seconds in which a bot must answer.
    """
    with alone(platform, Work.VERIFY) as told:
        try:
            backup = _chosen(platform, name)
            name = backup.name
            found = _verify(platform, backup, told, progress, patience)
        except Exception as error:
            reports.note_verified(platform, name or "", error)
            logger.exception("a backup could not be verified", extra={"backup": name})
            raise
        reports.note_verified(platform, found.name, None)
    logger.info("backup verified", extra={"backup": found.name, "clicks": found.clicks, "bots": found.bots})
    return found


def _chosen(platform: Platform, name: str | None) -> StoredBackup:
    """The backup of that name, or the newest. Raises NotFound."""
    backups = open_store(platform.settings).backups()
    found = next((one for one in backups if name in (None, one.name)), None)
    if found is None:
        raise no_such(name or "")
    return found


def _verify(
    platform: Platform, backup: StoredBackup, told: Told, progress: Progress, patience: float
) -> Verified:
    with TrialTelegram() as telegram, _empty_place(platform, telegram.url) as place:
        with open_store(platform.settings).opened(backup.name) as file:
            told.begin(Stage.UNPACKING, backup.size)
            restore_into(place, cast(BinaryIO, Counted(file, told)), progress=progress)
        told.begin(Stage.TRYING)
        _check_database(place.database)
        found = Verified(backup.name, _count(place, Click), _open_tokens(place))
        try_click(place)
        try_chat(place, telegram, patience)
        lost = check_clicks(place).lost
        if lost:
            raise unusable(Text("{count} clicks do not add up", count=lost))
        return found


def _check_database(database: Database) -> None:
    if database.is_sqlite:
        with database.reading() as session:
            words = session.scalar(text("PRAGMA quick_check(1)"))
        if words != "ok":
            raise unusable(Text("the database is malformed ({words})", words=str(words)))


def _count(place: Platform, table: type[Click] | type[Bot]) -> int:
    with place.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def _open_tokens(place: Platform) -> int:
    """Open every bot's token; how many bots. ConfigurationError for one that no key opens."""
    with place.database.reading() as session:
        rows = session.execute(select(Bot.id, Bot.sealed_token)).all()
    for bot_id, sealed in rows:
        place.vault.unseal(sealed, owner=f"bot:{bot_id}")
    return len(rows)


@contextmanager
def _empty_place(platform: Platform, telegram_url: str) -> Iterator[Platform]:
    settings = platform.settings
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix=".verifying-", dir=settings.data_dir))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        redis_url = stack.enter_context(private_redis())
        database_url = f"sqlite:///{folder}/flotilla.db"
        if not platform.database.is_sqlite:
            database_url = stack.enter_context(_temporary_database(platform.database))
        place = Platform(
            settings.model_copy(
                update={
                    "data_dir": folder,
                    "database_url": database_url,
                    "redis_url": redis_url,
                    "plugins_dir": folder / "custom",
                    "config_dir": folder / "bots",
                    "telegram_api_url": telegram_url,
                    "telegram_link_url": NOBODY,
                    "webhook_base_url": "",
                    "backup_key": _own_key(platform),
                }
            )
        )
        stack.callback(_close, place)
        yield place


def _own_key(platform: Platform) -> SecretStr:
    """BACKUP_KEY, or what was made in DATA_DIR, which the place has not."""
    return SecretStr(str(backup_identity(platform.settings)))


@contextmanager
def _temporary_database(database: Database) -> Iterator[str]:
    """A new database on the same server, gone afterwards. Unavailable where the role may make none."""
    name = f"flotilla_verify_{token_hex(6)}"
    engine = create_engine(database.engine.url, isolation_level="AUTOCOMMIT")
    try:
        try:
            with engine.connect() as connection:
                connection.execute(text(f"CREATE DATABASE {name}"))
        except DBAPIError as error:
            raise Unavailable(
                Text(
                    "Backups cannot be verified: DATABASE_URL's role may not make a database ({reason}); allow it by ALTER ROLE … CREATEDB",
                    reason=type(error.orig).__name__,
                ),
                code="verify_impossible",
            ) from error
        try:
            url = database.engine.url.set(drivername="postgresql", database=name)
            yield url.render_as_string(hide_password=False)
        finally:
            with engine.connect() as connection:
                connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    finally:
        engine.dispose()


def _close(place: Platform) -> None:
    place.database.dispose()
    for client in (place.redis, place.blocking_redis, place.job_redis):
        client.close()
