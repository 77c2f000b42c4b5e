"""A file of the library on its way out: uploaded once by each bot, then by its file_id; never one of another account."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis import RedisError
from sqlalchemy import select, update

from models import Bot, Media, MediaUpload, UncertainPolicy
from services.core.errors import InvalidInput, Unavailable
from services.fleet.bots.token_replacement import replace_token
from services.fleet.media.storing import folder, store
from services.messaging.broadcasts.drafts import create_broadcast
from services.messaging.broadcasts.fields import NewBroadcast
from services.messaging.files.uploads import Uploads
from services.messaging.outbox.enqueue import enqueue_call
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis.leases import Lease
from services.platform.telegram.client import TelegramClient
from tests.services.messaging.draining import letters, send_all
from tests.services.messaging.files.contents import PNG
from tests.services.messaging.files.test_files import House

FILM = b"\x00\x00\x00\x18ftypmp42" + bytes(200)


@pytest.fixture
def house(platform: Platform, sandbox: Any) -> House:
    made = House(platform, sandbox, ())
    sandbox.start(made.user, made.name)
    return made


def owner_of(bot: Bot) -> Principal:
    return Principal(bot.account_id, "user:owner")


def put(house: House, content: bytes = PNG, name: str = "a.png") -> Media:
    return store(house.platform, owner_of(house.bot), name, io.BytesIO(content))[0]


def send(house: House, media: Any, kind: str = "photo", method: str = "sendPhoto") -> None:
    enqueue_call(house.platform, house.bot.id, method, {"chat_id": house.user, kind: {"media_id": media}})
    send_all(house.platform, house.bot)


def by_file_id(house: House, method: str = "sendPhoto", kind: str = "photo") -> list[bool]:
    return [bool(each["params"].get(kind)) for each in house.sandbox.sent(house.name, method)]


def known(house: House) -> list[tuple[str, str]]:
    with house.platform.database.reading() as session:
        rows = session.execute(select(MediaUpload.kind, MediaUpload.file_id).order_by(MediaUpload.kind))
        return [(row.kind, row.file_id) for row in rows]


@pytest.mark.data
def test_a_file_is_uploaded_once_and_again_when_telegram_or_the_token_forgets_it(house: House) -> None:
    photo = put(house)
    send(house, photo.id)
    send(house, photo.id)
    assert by_file_id(house) == [False, True]
    with house.platform.database.transaction() as session:
        session.execute(update(MediaUpload).values(file_id="forgotten"))
    send(house, photo.id)
    send(house, photo.id)
    assert by_file_id(house) == [False, True, False, True]
    replace_token(house.platform, owner_of(house.bot), house.bot.id, house.identity["token"])
    assert known(house) == []
    send(house, photo.id)
    with house.platform.database.transaction() as session:  # as of a former identity
        session.execute(update(MediaUpload).values(telegram_bot_id=1))
    send(house, photo.id)
    send(house, photo.id, "document", "sendDocument")
    assert by_file_id(house)[4:] == [False, False]
    assert [kind for kind, _ in known(house)] == ["document", "photo"]
    assert letters(house.platform) == []


def test_an_album_and_an_edit_upload_what_is_not_known_and_name_what_is(house: House) -> None:
    first, second = put(house), put(house, FILM, "film.mp4")
    send(house, first.id)
    items = [
        {"type": "photo", "media": {"media_id": first.id}, "caption": "one"},
        {"type": "video", "media": {"media_id": second.id}},
        {"type": "document", "media": {"media_id": second.id}},
        {"type": "photo", "media": "https://example.org/a.png"},
    ]
    for _ in range(2):
        enqueue_call(house.platform, house.bot.id, "sendMediaGroup", {"chat_id": house.user, "media": items})
    send_all(house.platform, house.bot)
    assert letters(house.platform) == []
    assert [kind for kind, _ in known(house)] == ["document", "photo", "video"]
    sent = [str(each["params"].get("media")) for each in house.sandbox.sent(house.name, "sendMediaGroup")]
    attached = [part.count("attach://") for part in sent]
    assert sorted(set(attached)) == [0, 2]


def test_many_messages_at_once_upload_a_file_once_and_a_dead_upload_is_done_again(house: House) -> None:
    photo = put(house)
    lease = Lease.take(house.platform.redis, f"media:{photo.id}:{house.bot.id}:photo", ttl_seconds=60)
    assert lease is not None
    params = {"chat_id": house.user, "photo": {"media_id": photo.id}}
    two = [Uploads(house.platform, TelegramClient(house.platform.settings)) for _ in range(2)]
    with pytest.raises(Unavailable):
        two[0].call(house.identity["token"], house.bot.id, "sendPhoto", params)
    lease.release()  # as when its process is found dead
    house.sandbox.fault("delay", method="sendPhoto", seconds=0.3)

    def one(number: int) -> str:
        try:
            two[number % 2].call(house.identity["token"], house.bot.id, "sendPhoto", params)
        except Unavailable as waits:
            return waits.code
        return "sent"

    with ThreadPoolExecutor(4) as executor:
        outcomes = list(executor.map(one, range(4)))
    assert outcomes.count("media_uploading") == 3
    assert outcomes.count("sent") == 1
    assert one(0) == "sent"
    assert by_file_id(house) == [False, True]


@pytest.mark.parametrize("policy", UncertainPolicy)
def test_what_fails_after_an_upload_was_sent_does_not_send_it_again(
    house: House, monkeypatch: pytest.MonkeyPatch, policy: UncertainPolicy
) -> None:
    with house.platform.database.transaction() as session:
        session.get_one(Bot, house.bot.id).uncertain_policy = policy
    release = Lease.release

    def unanswered(lease: Lease) -> None:
        release(lease)
        if lease.name.startswith("media:"):
            raise RedisError("away")

    def read_only(*_: Any) -> None:
        raise OSError("read-only file system")

    monkeypatch.setattr(Lease, "release", unanswered)
    monkeypatch.setattr(Uploads, "discard", read_only)
    send(house, put(house).id)
    assert by_file_id(house) == [False]
    assert letters(house.platform) == []


@pytest.mark.data
def test_a_file_of_another_account_or_without_content_is_a_dead_letter(house: House) -> None:
    other = House(house.platform, house.sandbox, ())
    foreign, lost, film = put(other), put(house), put(house, FILM, "film.mp4")
    folder(house.platform.settings).path(lost.account_id, lost.stored_name).unlink()
    for media in (foreign.id, lost.id, 987_654, "1", film.id):
        send(house, media)
    found = [letter.error.partition(":")[0] for letter in letters(house.platform)]
    assert sorted(found) == ["file_gone"] * 4 + ["file_kind"]
    assert house.sandbox.sent(house.name, "sendPhoto") == []


def test_a_broadcast_names_its_own_files_alone_and_who_cannot_send_them(house: House) -> None:
    other = House(house.platform, house.sandbox, ())
    mine, foreign = put(house), put(other)

    def made(media: int, kind: str = "photo") -> str:
        wanted = {"name": "News", "variants": [{"message": {"kind": kind, "media": media}}]}
        try:
            create_broadcast(house.platform, owner_of(house.bot), NewBroadcast.model_validate(wanted))
        except InvalidInput as refused:
            return f"{refused.code} {refused.message}"
        return "made"

    assert made(mine.id) == "made"
    assert made(foreign.id).startswith("broadcast_media_unknown")
    assert made(mine.id, "video").startswith("broadcast_media_kind")
    folder(house.platform.settings).path(mine.account_id, mine.stored_name).unlink()
    assert f"@{house.name}" in made(mine.id)
    send(house, mine.id)
    assert [letter.error.partition(":")[0] for letter in letters(house.platform)] == ["file_gone"]
