"""The files of an account's library: listed, looked at, renamed, deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Media
from services.core.answer_types import Moment
from services.core.errors import Conflict, InvalidInput, NotFound
from services.core.i18n import Text
from services.core.times import iso
from services.fleet.media.kinds import MEGABYTE, kinds_of
from services.fleet.media.storing import folder, used_bytes
from services.fleet.media.usage import UseView, uses
from services.platform.accounts.principal import Principal, audit, get_owned, owned
from services.platform.accounts.quotas import lock_account
from services.platform.files.names import LONGEST_NAME, shown_name
from services.platform.platform import Platform

NAMED: Final = 5  # users that a refusal names


class MediaView(TypedDict):
    """A file of the library. `mime` is what its content is, `size` bytes; `kind` as what it is usually sent, `kinds` as what it can be."""

    id: int
    name: str
    kind: str
    kinds: list[str]
    mime: str
    size: int
    sha256: str
    created_at: Moment


class UsedMediaView(MediaView):
    """The same with what uses it."""

    uses: list[UseView]


class RoomView(TypedDict):
    """How many bytes a library has, and may have; a `limit` of 0 is none."""

    used: int
    limit: int


def describe_media(row: Media) -> MediaView:
    """The JSON of a file."""
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "kinds": kinds_of(row.mime, row.size),
        "mime": row.mime,
        "size": row.size,
        "sha256": row.sha256,
        "created_at": iso(row.created_at),
    }


@dataclass(frozen=True)
class MediaFilter:
    """Which files: of one kind, with `words` in their names, behind the id `after`; `newest` first where that is wanted."""

    kind: str = ""
    words: str = ""
    after: int = 0
    limit: int = 50
    newest: bool = False


def list_media(platform: Platform, caller: Principal, wanted: MediaFilter) -> Sequence[Media]:
    """The caller's files."""
    with platform.database.reading() as session:
        return session.scalars(_listed(caller, wanted)).all()


def list_with_uses(platform: Platform, caller: Principal, wanted: MediaFilter) -> list[UsedMediaView]:
    """The same, each with what uses it."""
    with platform.database.reading() as session:
        rows = session.scalars(_listed(caller, wanted)).all()
        users = uses(session, caller.account_id) if rows else {}
    return [{**describe_media(row), "uses": users.get(row.id, [])} for row in rows]


def _listed(caller: Principal, wanted: MediaFilter) -> Select[Media]:
    query = owned(caller, Media).where(Media.stored_at.is_not(None))
    if wanted.after:
        query = query.where(Media.id < wanted.after if wanted.newest else Media.id > wanted.after)
    if wanted.kind:
        query = query.where(Media.kind == wanted.kind)
    if wanted.words:
        query = query.where(Media.name.icontains(wanted.words, autoescape=True))
    return query.order_by(Media.id.desc() if wanted.newest else Media.id).limit(wanted.limit)


def get_media(platform: Platform, caller: Principal, media_id: int) -> Media:
    """One file of the caller's. Raises NotFound."""
    opened = platform.database.transaction if caller.is_admin else platform.database.reading
    with opened() as session:
        return _kept(session, caller, media_id)


def media_content(platform: Platform, caller: Principal, media_id: int) -> tuple[Media, Path]:
    """A file and where its bytes lie. Raises NotFound, `file_gone` where they are not on this machine's disk."""
    row = get_media(platform, caller, media_id)
    path = folder(platform.settings).path(row.account_id, row.stored_name)
    if not path.is_file():
        raise NotFound("The file's content is not on this machine's disk", code="file_gone")
    return row, path


def media_uses(platform: Platform, caller: Principal, media_id: int) -> list[UseView]:
    """What uses the file. Raises NotFound."""
    opened = platform.database.transaction if caller.is_admin else platform.database.reading
    with opened() as session:
        row = _kept(session, caller, media_id)
        return uses(session, row.account_id).get(row.id, [])


def room(platform: Platform, caller: Principal) -> RoomView:
    """How full the caller's library is."""
    with platform.database.reading() as session:
        used = used_bytes(session, caller.account_id)
    return {"used": used, "limit": platform.settings.quota_media_mb * MEGABYTE}


def rename_media(platform: Platform, caller: Principal, media_id: int, name: str) -> Media:
    """Give a file another name, which people see when it is sent as a document. Raises NotFound, InvalidInput."""
    shown = shown_name(name, "")
    get_media(platform, caller, media_id)  # one of somebody else is not found, whatever the name is
    if not shown:
        raise InvalidInput(
            Text("A file has a name of up to {most} characters", most=LONGEST_NAME), field="name"
        )
    with platform.database.transaction() as session:
        row = _kept(session, caller, media_id)
        row.name = shown
        audit(session, caller, "media_renamed", account_id=row.account_id, media=row.id, name=shown)
    return row


def delete_media(platform: Platform, caller: Principal, media_id: int) -> None:
    """Delete a file that nothing uses: first its row, so that a crash leaves what is swept away.

    Raises NotFound, Conflict `media_in_use` naming what uses it.
    """
    with platform.database.transaction() as session:
        row = _kept(session, caller, media_id)
        lock_account(session, row.account_id)
        users = uses(session, row.account_id).get(row.id, [])
        if users:
            raise Conflict(
                Text("{users}: choose another file there first", users=_names(users)), code="media_in_use"
            )
        audit(session, caller, "media_deleted", account_id=row.account_id, media=row.id, name=row.name)
        session.delete(row)
    folder(platform.settings).delete(row.account_id, row.stored_name)


def _names(users: Sequence[UseView]) -> str:
    names = list(
        dict.fromkeys(f"{use['name']}/{use['step']}" if use["step"] else use["name"] for use in users)
    )
    return ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")


def _kept(session: Session, caller: Principal, media_id: int) -> Media:
    row = get_owned(session, caller, Media, media_id)
    if row.stored_at is None:
        raise NotFound("There is no such file in the media library", code="media_not_found")
    return row
