"""The media library: what it takes, the room it has, who uses a file, and what a crash leaves."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from models import Bot, BotPlugin, Broadcast, Flow, FlowRun, FlowVersion, Media
from services.core.errors import Conflict, FlotillaError, InvalidInput, NotFound, Unavailable
from services.core.times import utc_now
from services.fleet.flows.checks.checking import check_document
from services.fleet.media import storing
from services.fleet.media.library import (
    MediaFilter,
    delete_media,
    get_media,
    list_media,
    media_content,
    media_uses,
    rename_media,
    room,
)
from services.fleet.media.storing import store
from services.fleet.media.sweep import sweep_library
from services.operations.backup.creating import sources
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.blueprints.people import caller_of, make_account
from tests.services.messaging.files.contents import JPEG, PNG

MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(200)
MB = 2**20


@pytest.fixture
def owner(platform: Platform) -> Principal:
    return caller_of(make_account(platform))


def put(platform: Platform, owner: Principal, content: bytes = PNG, name: str = "a.png") -> Media:
    return store(platform, owner, name, io.BytesIO(content))[0]


def refusal(platform: Platform, owner: Principal, content: bytes, name: str = "a.png") -> str:
    with pytest.raises(FlotillaError) as refused:
        store(platform, owner, name, io.BytesIO(content))
    return refused.value.code


def lying(platform: Platform) -> list[Path]:
    return [path for path in sources(platform.settings)["files"].rglob("*") if path.is_file()]


def document(media: int, kind: str = "photo") -> dict[str, object]:
    return {"start": "a", "steps": [{"key": "a", "messages": [{"kind": kind, "media": media}]}]}


@pytest.mark.data
def test_a_file_is_kept_once_found_by_its_name_and_read_again(platform: Platform, owner: Principal) -> None:
    first, is_new = store(platform, owner, "../etc/Black Friday.png", io.BytesIO(PNG))
    again, is_new_again = store(platform, owner, "other.png", io.BytesIO(PNG))
    film = put(platform, owner, MP4, "film.mp4")
    assert (first.id, is_new, is_new_again) == (again.id, True, False)
    assert (first.name, first.kind, first.mime, first.size) == (
        "Black Friday.png",
        "photo",
        "image/png",
        len(PNG),
    )
    assert [row.id for row in list_media(platform, owner, MediaFilter(words="BLACK f"))] == [first.id]
    assert [row.id for row in list_media(platform, owner, MediaFilter(kind="video"))] == [film.id]
    assert list_media(platform, owner, MediaFilter(words="%")) == []
    assert media_content(platform, owner, first.id)[1].read_bytes() == PNG
    assert room(platform, owner)["used"] == len(PNG) + len(MP4)
    assert rename_media(platform, owner, film.id, "a/b.mp4").name == "b.mp4"
    assert {path.name for path in lying(platform)} == {first.stored_name, film.stored_name}, (
        "backups have them"
    )
    other = caller_of(make_account(platform, "other@example.com"))
    assert put(platform, other).id != first.id
    for use in (get_media, media_content, media_uses, delete_media):
        with pytest.raises(NotFound):
            use(platform, other, first.id)


def test_what_is_not_kept_leaves_neither_row_nor_byte(platform: Platform, owner: Principal) -> None:
    assert refusal(platform, owner, b"MZ\x90\x00") == "file_executable"
    assert refusal(platform, owner, PNG, "a.exe") == "file_executable"
    assert refusal(platform, owner, b"\x00\x01\x02") == "file_type"
    assert refusal(platform, owner, b"") == "file_empty"
    assert refusal(platform, owner, PNG + bytes(50 * MB)) == "file_too_large"
    with platform.database.reading() as session:
        assert session.scalars(select(Media)).all() == []
    assert lying(platform) == []


@pytest.mark.data
def test_a_library_never_has_more_than_its_quota_however_many_upload(
    platform: Platform, owner: Principal
) -> None:
    small = Platform(platform.settings.model_copy(update={"quota_media_mb": 1}))
    contents = [PNG + bytes([number]) * 300_000 for number in range(6)]

    def one(content: bytes) -> str:
        try:
            put(small, owner, content)
        except Conflict as refused:
            return refused.code
        return "kept"

    with ThreadPoolExecutor(6) as executor:
        outcomes = list(executor.map(one, contents))
    assert sorted(outcomes) == ["kept"] * 3 + ["quota_exceeded"] * 3
    assert len(lying(platform)) == 3


@pytest.mark.data
def test_a_file_that_something_uses_is_not_deleted_and_the_refusal_names_it(
    platform: Platform, owner: Principal
) -> None:
    numbers = [put(platform, owner, PNG + bytes([n]), f"{n}.png").id for n in range(6)]
    in_draft, in_force, stood_in, in_broadcast, in_menu, left = numbers
    with platform.database.transaction() as session:
        account = owner.account_id
        bot = Bot(
            account_id=account, public_id="bot_000000000001", telegram_bot_id=1, username="red_bot",
            sealed_token="-", mode="webhook", path_id="p",
        )  # fmt: skip
        bot.plugins = [
            BotPlugin(position=0, name="menu", config={"items": [{"photo": {"media_id": in_menu}}]})
        ]
        flow = Flow(
            account_id=account, key="sales", name="Sales", draft=document(in_draft), published=3, draft_by="x"
        )
        over = Broadcast(
            account_id=account, name="Old", status="done", variants=[{"message": {"media": left}}]
        )
        news = Broadcast(account_id=account, name="News", variants=[{"message": {"media": in_broadcast}}])
        session.add_all([bot, flow, over, news])
        session.flush()
        for number, media in ((1, left), (2, stood_in), (3, in_force)):
            version = FlowVersion(flow_id=flow.id, number=number, document=document(media), published_by="x")
            session.add(version)
        stood = {"status": "waiting", "entered_at": utc_now(), "started_at": utc_now()}
        run = FlowRun(bot_id=bot.id, telegram_id=7, flow_id=flow.id, version=2, step="a", **stood)
        session.add(run)
    told = {}
    for number in numbers[:-1]:
        with pytest.raises(Conflict) as refused:
            delete_media(platform, owner, number)
        told[number] = (refused.value.code, str(refused.value).partition(":")[0])
    assert {code for code, _ in told.values()} == {"media_in_use"}
    assert [media_uses(platform, owner, number)[0]["kind"] for number in numbers[:-1]] == [
        "flow",
        "flow",
        "flow",
        "broadcast",
        "plugin",
    ]
    assert [media_uses(platform, owner, number)[0]["version"] for number in numbers[:3]] == [None, 3, 2]
    delete_media(platform, owner, left)
    with pytest.raises(NotFound):
        get_media(platform, owner, left)
    assert len(lying(platform)) == 5


def test_what_a_crash_leaves_is_taken_over_or_swept_away(
    platform: Platform, owner: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = put(platform, owner)
    with platform.database.transaction() as session:  # another process died while it wrote
        facts = {"kind": "photo", "mime": "image/jpeg", "size": len(JPEG), "stored_name": "a" * 32}
        sha = storing.looked_at("b.jpg", io.BytesIO(JPEG)).sha256
        session.add(Media(account_id=owner.account_id, name="b.jpg", sha256=sha, **facts))
    folder = storing.folder(platform.settings).path(owner.account_id, "a" * 32).parent
    (folder / ("a" * 32 + ".part")).write_bytes(b"half")
    (folder / ("b" * 32)).write_bytes(b"of a row that is gone")
    assert len(list_media(platform, owner, MediaFilter())) == 1
    again = put(platform, owner, JPEG, "b.jpg")
    assert again.stored_name != "a" * 32
    assert sweep_library(platform, utc_now()) == 2
    assert {path.name for path in lying(platform)} == {kept.stored_name, again.stored_name}
    with platform.database.transaction() as session:
        session.execute(update(Media).where(Media.id == again.id).values(stored_at=None))
    assert sweep_library(platform, utc_now() + timedelta(hours=2)) == 2
    assert [path.name for path in lying(platform)] == [kept.stored_name]


def test_two_uploads_of_one_content_at_once_keep_one_and_a_lost_content_comes_back(
    platform: Platform, owner: Principal
) -> None:
    def one(_: int) -> int:
        try:
            return put(platform, owner).id
        except Unavailable:  # the other took the reservation over
            return 0

    with ThreadPoolExecutor(4) as executor:
        found = set(executor.map(one, range(4))) - {0}
    assert len(found) == 1
    [row] = list_media(platform, owner, MediaFilter())
    sweep_library(platform, utc_now())
    path = media_content(platform, owner, row.id)[1]
    path.unlink()
    assert [each.code for each in check_document(platform, owner, document(row.id))] == [
        "flow_media_lost",
        "flow_dead_end",
    ]
    assert (put(platform, owner).id, path.read_bytes()) == (row.id, PNG)


def test_a_flow_cannot_name_a_file_of_another_account_or_of_another_kind(
    platform: Platform, owner: Principal
) -> None:
    film = put(platform, owner, MP4, "film.mp4")
    other = caller_of(make_account(platform, "other@example.com"))
    found = [
        check_document(platform, who, document(film.id, kind))[0].code
        for who, kind in ((owner, "video"), (owner, "photo"), (other, "video"))
    ]
    assert found == ["flow_dead_end", "flow_media_kind", "flow_media_unknown"]


def test_a_wrong_refusal_is_told_in_words(platform: Platform, owner: Principal) -> None:
    with pytest.raises(InvalidInput, match="program or script"):
        store(platform, owner, "a.png", io.BytesIO(b"MZ\x90\x00"))
