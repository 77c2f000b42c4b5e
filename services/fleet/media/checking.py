"""Whether messages can be sent with the files of the library that they name, before anybody waits for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Bot, Media, MediaUpload
from services.core.i18n import N_, Text, Value
from services.core.settings import Settings
from services.fleet.media.kinds import MEGABYTE, fits, largest
from services.fleet.media.storing import folder

PROBLEMS: Final = {
    "media_unknown": N_("There is no file {media} in the media library; choose another"),
    "media_kind": N_(
        "{name} is of the type {mime}, which Telegram takes as no {kind}; choose another file or kind"
    ),
    "media_too_large": N_("{name} has {size} MB; as a {kind} Telegram takes up to {most} MB"),
    "media_gone": N_(
        "The content of {name} is not on the disk, and these bots cannot send it: {bots}; upload the same file again"
    ),
    "media_lost": N_("The content of {name} is not on the disk; upload the same file again"),
}


@dataclass(frozen=True)
class KnownMedia:
    """A file of the library. `known_by`: bots (by id) that need no upload any more, each for one kind of message; `bots`: names of
    those that are to send it, by id.
    """

    name: str
    mime: str
    size: int
    is_here: bool = True
    known_by: Collection[tuple[int, str]] = ()
    bots: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """Why a file cannot be sent so: a key of PROBLEMS, and what its text says."""

    code: str
    values: Mapping[str, Value]

    @property
    def text(self) -> Text:
        """For people."""
        return Text(PROBLEMS[self.code], **self.values)


def known_media(
    session: Session, settings: Settings, account_id: int, numbers: Iterable[int], bots: Iterable[Bot]
) -> dict[int, KnownMedia]:
    """Those of `numbers` that are the account's, for `bots` to send; none of anybody else's."""
    wanted = set(numbers)
    if not wanted:
        return {}
    mine = (Media.account_id == account_id, Media.id.in_(wanted), Media.stored_at.is_not(None))
    rows = session.scalars(select(Media).where(*mine)).all()
    senders = {bot.id: bot for bot in bots}
    names = {bot.id: f"@{bot.username}" for bot in senders.values()}
    found = {}
    for row in rows:
        is_here = _path(settings, row).is_file()
        known_by = set() if is_here else _known_by(session, row.id, senders)
        found[row.id] = KnownMedia(row.name, row.mime, row.size, is_here, known_by, names)
    return found


def problem_with(number: int, media: KnownMedia | None, kind: str) -> Problem | None:
    """What keeps the file from being sent as a message of `kind`."""
    if media is None:
        return Problem("media_unknown", {"media": number})
    if not fits(media.mime, kind):
        return Problem("media_kind", {"name": media.name, "mime": media.mime, "kind": kind})
    if media.size > largest(kind):
        size, most = round(media.size / MEGABYTE, 1), largest(kind) // MEGABYTE
        return Problem("media_too_large", {"name": media.name, "size": size, "kind": kind, "most": most})
    if media.is_here:
        return None
    without = [name for bot_id, name in media.bots.items() if (bot_id, kind) not in media.known_by]
    if without:
        return Problem("media_gone", {"name": media.name, "bots": ", ".join(without)})
    return None if media.bots else Problem("media_lost", {"name": media.name})


def _known_by(session: Session, media_id: int, senders: Mapping[int, Bot]) -> set[tuple[int, str]]:
    query = select(MediaUpload.bot_id, MediaUpload.kind, MediaUpload.telegram_bot_id)
    rows = session.execute(query.where(MediaUpload.media_id == media_id, MediaUpload.bot_id.in_(senders)))
    return {
        (bot_id, kind)
        for bot_id, kind, telegram_bot_id in rows
        if senders[bot_id].telegram_bot_id == telegram_bot_id
    }


def _path(settings: Settings, row: Media) -> Path:
    return folder(settings).path(row.account_id, row.stored_name)
