"""A file on its way: from the person's message to the disk, back to Telegram, to the owner, and away."""

from __future__ import annotations

import socket
import stat
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from models import StoredFile, UploadedFile
from plugins.files import Attachment, FileRefused
from services.core.errors import Unavailable, Uncertain
from services.core.settings import Settings
from services.core.times import utc_now
from services.fleet.bots.registry import delete_bot
from services.messaging.files import intake
from services.messaging.files.intake import FileIntake, Sender
from services.messaging.files.reservations import Wanted, finish, reserve
from services.messaging.files.sweep import delete_files_before, sweep_all_files, sweep_files
from services.messaging.outbox.enqueue import enqueue_call
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.plugins.offering import offered
from tests.services.messaging.draining import handle_all, letters, send_all
from tests.services.messaging.files.contents import JPEG, PNG
from tests.services.messaging.files.filing_plugins import BackPlugin
from tools.servers.fleet import accept_all, add_bot
from tools.servers.sandbox import Sandbox


class House:
    """A bot at the sandbox, and Ana who sends it files."""

    def __init__(self, platform: Platform, sandbox: Sandbox, plugins: Any = (("back", {}),)) -> None:
        self.platform, self.sandbox = platform, sandbox
        self.identity = sandbox.create_bot(strict=False)
        self.user = int(sandbox.create_user(first_name="Ana")["id"])
        self.bot = add_bot(platform, self.identity, plugins)
        self.name = self.identity["username"]

    def message(self, content: bytes, kind: str = "photo", name: str = "file") -> dict[str, Any]:
        return self.sandbox.send_file(self.user, self.name, kind, content, name)

    def attachment(self, content: bytes, name: str = "file.txt", kind: str = "document") -> Attachment:
        found = self.message(content, kind, name)[kind]
        return Attachment(kind, (found[-1] if kind == "photo" else found)["file_id"], name)

    def intake(self, update_id: int = 1, platform: Platform | None = None) -> FileIntake:
        return FileIntake(
            platform or self.platform, self.bot.account_id, Sender(self.bot.id, update_id, self.user)
        )

    def rows(self) -> list[StoredFile]:
        with self.platform.database.reading() as session:
            return list(session.scalars(select(StoredFile).order_by(StoredFile.id)))

    def on_disk(self) -> list[Path]:
        return sorted(
            path for path in (self.platform.settings.data_dir / "files").rglob("*") if path.is_file()
        )


@pytest.fixture
def house(platform: Platform, sandbox: Sandbox) -> Iterator[House]:
    with offered(BackPlugin):
        yield House(platform, sandbox)


def with_settings(platform: Platform, **changes: Any) -> Platform:
    return Platform(platform.settings.model_copy(update=changes))


def refused(files: FileIntake, attachment: Attachment, **wanted: Any) -> str:
    with pytest.raises(FileRefused) as refusal:
        files.download(attachment, **wanted)
    return refusal.value.code


def test_a_photo_is_kept_and_sent_back_uploaded_once_and_an_update_stores_it_once(house: House) -> None:
    first_message = house.message(PNG)
    updates = [{"update_id": 1, "message": first_message}, {"update_id": 2, "message": house.message(PNG)}]
    accept_all(house.platform, house.bot, updates)
    handle_all(house.platform)
    send_all(house.platform, house.bot)
    first, second = house.rows()
    assert (first.mime, first.size, first.kind, first.telegram_id) == (
        "image/png",
        len(PNG),
        "photo",
        house.user,
    )
    [file, _] = house.on_disk()
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (PNG, 0o600)
    assert {file.name for file in house.on_disk()} == {first.stored_name, second.stored_name}
    assert len(house.sandbox.sent(house.name, "sendPhoto")) == 2
    # The first file once more, by what Telegram knows it by; then with an id that Telegram has forgotten.
    again = house.intake(1).download(Attachment("photo", first_message["photo"][0]["file_id"]))
    assert (again.id, len(house.rows())) == (first.id, 2)
    for known in (None, "forgotten"):
        if known:
            with house.platform.database.transaction() as session:
                session.execute(update(UploadedFile).values(telegram_file_id=known))
        _enqueue(house, first.id)
        send_all(house.platform, house.bot)
    sent = [each["params"].get("photo") for each in house.sandbox.sent(house.name, "sendPhoto")]
    assert [bool(photo) for photo in sent] == [False, False, True, False]
    assert letters(house.platform) == []


def test_a_file_that_is_gone_or_of_another_tenant_is_a_dead_letter_with_its_cause(house: House) -> None:
    house.intake().download(house.attachment(b"my secret notes\n"))
    [row] = house.rows()
    other = House(house.platform, house.sandbox)
    _enqueue(other, row.id)
    send_all(other.platform, other.bot)
    house.on_disk()[0].unlink()
    _enqueue(house, row.id)
    send_all(house.platform, house.bot)
    found = letters(house.platform)
    assert [letter.error.partition(":")[0] for letter in found] == ["file_gone", "file_gone"]
    assert len({letter.fingerprint for letter in found}) == 1
    assert house.sandbox.sent(method="sendPhoto") == []


def test_refused_files_leave_neither_row_nor_byte(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    token = house.identity["token"]
    assert refused(house.intake(), house.attachment(b"MZ\x90\x00", "notes.txt")) == "executable"
    assert refused(house.intake(), house.attachment(b"hello", "notes.exe")) == "executable"
    assert refused(house.intake(), house.attachment(PNG), types=("image/jpeg",)) == "type"
    assert refused(house.intake(), house.attachment(PNG), largest=len(PNG) - 1) == "too_large"
    assert refused(house.intake(), Attachment("document", "nobodys")) == "gone"
    house.sandbox.fault("status", method="getFile", status=400, description="Bad Request: file is too big")
    assert refused(house.intake(), house.attachment(PNG)) == "too_large"
    house.sandbox.clear_faults()
    house.sandbox.fault("reset", method="getFile")
    with pytest.raises(Uncertain):
        house.intake().download(house.attachment(PNG))
    house.sandbox.clear_faults()
    assert token not in caplog.text
    assert (house.rows(), house.on_disk()) == ([], [])


@pytest.mark.data
def test_an_account_never_has_more_than_its_quota_however_many_processes_ask(
    platform: Platform, sandbox: Sandbox
) -> None:
    house = House(platform, sandbox, ())
    small = with_settings(platform, quota_files_mb=1)
    texts = [house.attachment(bytes([65 + number]) * 300_000) for number in range(6)]

    def take(number: int) -> str:
        try:
            return house.intake(number, small).download(texts[number]).mime
        except FileRefused as refusal:
            return refusal.code

    with ThreadPoolExecutor(6) as threads:
        outcomes = list(threads.map(take, range(6)))
    assert sorted(outcomes) == ["quota"] * 3 + ["text/plain"] * 3
    with platform.database.reading() as session:
        assert (session.scalar(select(func.sum(StoredFile.size))) or 0) == 900_000
    assert len(house.on_disk()) == 3
    small.database.dispose()


def test_what_a_crash_left_is_taken_over_by_the_next_handling_and_swept(house: House) -> None:
    attachment = house.attachment(b"a note\n")
    unique = attachment.file_id[-16:]
    wanted = Wanted(house.bot.id, 1, house.user, "document", "file.txt", unique, 7)
    left = reserve(house.platform, house.bot.account_id, wanted)
    folder = house.platform.settings.data_dir / "files" / str(house.bot.account_id)
    folder.mkdir(parents=True)
    (folder / left.stored_name).write_bytes(b"a note\n")  # it died after the renaming
    (folder / f"{left.stored_name}.part").write_bytes(b"a")
    kept = house.intake().download(attachment)
    [row] = house.rows()
    assert (kept.id, row.id, row.stored_name != left.stored_name) == (left.id, left.id, True)
    assert sweep_files(house.platform, house.bot.account_id) == 2
    assert [file.name for file in house.on_disk()] == [row.stored_name]
    # A reservation that nobody finishes goes after an hour; a file with the sweep after its row.
    reserve(house.platform, house.bot.account_id, Wanted(house.bot.id, 2, 5, "document", "x", "u", 7))
    assert sweep_all_files(house.platform, utc_now() + timedelta(hours=2)) == 1
    assert [each.id for each in house.rows()] == [kept.id]
    assert sweep_all_files(house.platform, utc_now() + timedelta(days=4000)) == 0
    assert delete_files_before(house.platform, utc_now() - timedelta(days=1)) == 0
    assert delete_files_before(house.platform, utc_now()) == 1
    sweep_all_files(house.platform, utc_now())
    assert (house.rows(), house.on_disk()) == ([], [])


def test_who_lost_the_reservation_leaves_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    attachment, genuine = house.attachment(b"a note\n"), finish

    def overtaken(platform: Platform, row: StoredFile, **facts: Any) -> bool:
        monkeypatch.setattr(intake, "finish", genuine)
        house.intake().download(attachment)  # another process handles the same update
        return genuine(platform, row, **facts)

    monkeypatch.setattr(intake, "finish", overtaken)
    with pytest.raises(Unavailable):
        house.intake().download(attachment)
    [row] = house.rows()
    assert [file.name for file in house.on_disk()] == [row.stored_name]


def test_a_deleted_bot_takes_its_files_along(house: House) -> None:
    house.intake().download(house.attachment(b"a note\n"))
    delete_bot(house.platform, Principal(house.bot.account_id, "test"), house.bot.id)
    assert (house.rows(), len(house.on_disk())) == ([], 1)
    assert house.platform.job_redis.llen("rq:queue:default")
    assert (sweep_files(house.platform, house.bot.account_id), house.on_disk()) == (1, [])


def test_a_file_is_kept_only_when_the_scanner_finds_nothing(house: House, settings: Settings) -> None:
    with clamd() as (address, asked):
        scanned = with_settings(house.platform, clamav_address=address)
        assert house.intake(1, scanned).download(house.attachment(JPEG, "a.jpg")).mime == "image/jpeg"
        assert asked == [JPEG]
        assert refused(house.intake(2, scanned), house.attachment(b"EICAR, so to say", "b.txt")) == "infected"
        assert refused(house.intake(3, scanned), house.attachment(b"a size limit", "c.txt")) == "unscanned"
    assert refused(house.intake(4, scanned), house.attachment(b"nobody listens", "d.txt")) == "unscanned"
    assert [row.name for row in house.rows()] == ["a.jpg"]
    scanned.database.dispose()


def _enqueue(house: House, file_id: int) -> None:
    enqueue_call(
        house.platform, house.bot.id, "sendPhoto", {"chat_id": house.user, "photo": {"stored_file": file_id}}
    )


@contextmanager
def clamd() -> Iterator[tuple[str, list[bytes]]]:
    """A server that speaks INSTREAM as clamd does: EICAR is a virus, what speaks of a limit is too long for it."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    peer, _ = server.accept()
                    with peer, peer.makefile("rb") as stream:
                        assert stream.read(10) == b"zINSTREAM\0"
                        content = b""
                        while size := struct.unpack("!L", stream.read(4))[0]:
                            content += stream.read(size)
                        asked.append(content)
                        answer = b"stream: Eicar-Test FOUND" if b"EICAR" in content else b"stream: OK"
                        answer = b"INSTREAM size limit exceeded. ERROR" if b"limit" in content else answer
                        peer.sendall(answer + b"\0")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}", asked
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)
