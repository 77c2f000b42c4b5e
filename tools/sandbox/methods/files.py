"""Files: every bot has its own file_ids, another bot's is refused."""

from __future__ import annotations

import hashlib

from tools.sandbox.errors import bad_request
from tools.sandbox.model import Bot, Json, StoredFile
from tools.sandbox.params import Params, Upload
from tools.sandbox.world import World

WRONG_FILE = "wrong file identifier/HTTP URL specified"
LARGEST_DOWNLOAD = 20 * 1024 * 1024
FILES_KEPT = 2_000
BYTES_KEPT = 64 * 1024 * 1024
"""Uploads are held in memory up to this sum; older contents are forgotten, their ids stay valid."""


def take_file(world: World, bot: Bot, params: Params, kind: str) -> StoredFile:
    """The file of a send call: an upload, a file_id of this bot or a URL. ApiError 400."""
    given = params.text(kind)
    upload = params.uploads.get(given.removeprefix("attach://") if given.startswith("attach://") else kind)
    if upload is not None:
        return _store_upload(world, bot, kind, upload)
    if given.startswith(("http://", "https://")):
        return _store_url(world, bot, kind, given)
    if not given:
        raise bad_request(f"there is no {kind} in the request")
    stored = world.files.get(given)
    if stored is None or stored.bot_id != bot.id or stored.kind != kind:
        raise bad_request(WRONG_FILE)
    return stored


def _store_upload(world: World, bot: Bot, kind: str, upload: Upload) -> StoredFile:
    if not upload.data:
        raise bad_request("file must be non-empty")
    digest = hashlib.sha256(f"{bot.id}:{kind}:".encode() + upload.data).hexdigest()
    stored = StoredFile(_file_id(digest), bot.id, kind, upload.name, len(upload.data), upload.data)
    _keep(world, stored)
    return stored


def _store_url(world: World, bot: Bot, kind: str, url: str) -> StoredFile:
    """Telegram would fetch it; the sandbox takes the address for granted and fetches nothing."""
    digest = hashlib.sha256(f"{bot.id}:{kind}:{url}".encode()).hexdigest()
    name = url.partition("?")[0].rstrip("/").rpartition("/")[2] or "file"
    stored = StoredFile(_file_id(digest), bot.id, kind, name, 0, url=url)
    _keep(world, stored)
    return stored


def _file_id(digest: str) -> str:
    return f"AgACAgQAAx{digest[:54]}"


def _keep(world: World, stored: StoredFile) -> None:
    world.files[stored.file_id] = stored
    if len(world.files) > FILES_KEPT:
        del world.files[next(iter(world.files))]
    total = sum(len(item.data) for item in world.files.values())
    for item in world.files.values():
        if total <= BYTES_KEPT:
            break
        total -= len(item.data)
        item.data = b""


def file_json(stored: StoredFile) -> Json:
    """The fields every file object has."""
    return {"file_id": stored.file_id, "file_unique_id": stored.file_id[-16:], "file_size": stored.size}


def receive_file(world: World, bot: Bot, kind: str, upload: Upload) -> StoredFile:
    """Keep a file that a person sends to the bot, however large; a bot cannot fetch one above LARGEST_DOWNLOAD."""
    return _store_upload(world, bot, kind, upload)


def get_file(world: World, bot: Bot, params: Params) -> Json:
    """Where a file can be downloaded: ``/file/bot<token>/<file_path>``."""
    stored = world.files.get(params.text("file_id"))
    if stored is None or stored.bot_id != bot.id:
        raise bad_request("invalid file_id")
    if stored.size > LARGEST_DOWNLOAD:
        raise bad_request("file is too big")
    return {**file_json(stored), "file_path": _path(stored)}


def find_by_path(world: World, bot: Bot, path: str) -> StoredFile | None:
    """The file that getFile named so to this bot."""
    return next(
        (each for each in world.files.values() if each.bot_id == bot.id and _path(each) == path), None
    )


def _path(stored: StoredFile) -> str:
    return f"{stored.kind}s/{stored.file_id[-16:]}_{stored.name.replace('/', '_')}"
