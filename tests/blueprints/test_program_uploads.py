"""A bot's own program uploads files as to Telegram: they go through the outbox, and nothing of them stays."""

from __future__ import annotations

import json
import os
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from models import Bot
from plugins.files import PROGRAM_FILE, FileRefused
from services.core.settings import Settings
from services.core.times import utc_now
from services.fleet.workers.registry import NewWorker, give_worker
from services.messaging.files.program_files import ProgramFiles
from services.messaging.files.sweep import sweep_all_files
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tools.servers.fleet import add_bot, working
from tools.servers.sandbox import Sandbox

PHOTO = b"\xff\xd8\xff\xe0" + b"photo" * 4000
PAPER = b"%PDF-1.4 " + os.urandom(300_000)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"pacing_chat_per_second": 1000.0, "quota_files_mb": 1})


@pytest.fixture
def bot(platform: Platform, sandbox: Sandbox) -> Bot:
    return add_bot(platform, sandbox.create_bot())


@pytest.fixture
def base(platform: Platform, bot: Bot) -> str:
    owner = Principal(bot.account_id, f"account:{bot.account_id}")
    return f"/botapi/bot{give_worker(platform, owner, bot.id, NewWorker())[2]}"


def waiting(settings: Settings) -> list[Path]:
    """All files of calls that lie on the disk."""
    return [path for path in (settings.data_dir / "uploads").rglob("*") if path.is_file()]


def content_of(client: FlaskClient, base: str, file_id: str) -> bytes:
    """What Telegram has under a file_id."""
    told: dict[str, Any] = client.get(f"{base}/getFile", query_string={"file_id": file_id}).json or {}
    place = base.replace("/botapi/", "/botapi/file/")
    return bytes(client.get(f"{place}/{told['result']['file_path']}").data)


def test_photos_documents_and_albums_arrive_as_they_were_and_leave_nothing_behind(
    client: FlaskClient, platform: Platform, sandbox: Sandbox, bot: Bot, base: str, settings: Settings
) -> None:
    person = sandbox.create_user()["id"]
    sandbox.start(person, bot.username)
    album = [
        {"type": "document", "media": "attach://one", "caption": "first"},
        {"type": "document", "media": "attach://two"},
    ]
    with working(platform):
        photo = client.post(
            f"{base}/sendPhoto", data={"chat_id": str(person), "photo": (BytesIO(PHOTO), "me.jpg")}
        )
        paper = client.post(
            f"{base}/sendDocument",
            data={"chat_id": str(person), "caption": "é", "document": (BytesIO(PAPER), "../b.pdf")},
        )
        both = client.post(
            f"{base}/sendMediaGroup",
            data={
                "chat_id": str(person),
                "media": json.dumps(album),
                "one": (BytesIO(PAPER), "1.pdf"),
                "two": (BytesIO(PHOTO), "2.jpg"),
            },
        )
        refused = client.post(
            f"{base}/sendDocument", data={"chat_id": "1", "document": (BytesIO(PAPER), "b.pdf")}
        )
        for answer in (photo, paper, both):
            assert (answer.status_code, (answer.json or {})["ok"]) == (200, True), answer.json
        results = [(answer.json or {})["result"] for answer in (photo, paper, both)]
        sent = [
            (results[0]["photo"][-1]["file_id"], PHOTO),
            (results[1]["document"]["file_id"], PAPER),
            (results[2][0]["document"]["file_id"], PAPER),
            (results[2][1]["document"]["file_id"], PHOTO),
        ]
        for file_id, content in sent:
            assert content_of(client, base, file_id) == content
    assert results[1]["document"]["file_name"] == "b.pdf"
    assert refused.status_code in (400, 403)
    deadline = time.monotonic() + 30
    while waiting(settings) and time.monotonic() < deadline:  # deleted just after the answer was noted
        time.sleep(0.05)
    assert waiting(settings) == []


def test_what_is_too_large_is_refused_before_it_is_kept_and_what_is_ours_cannot_be_named(
    client: FlaskClient, platform: Platform, bot: Bot, base: str, settings: Settings
) -> None:
    small, large = (BytesIO(b"x" * 600_000), "a.bin"), (BytesIO(b"x" * 10_485_761), "b.jpg")
    for method, data, text in (
        ("sendPhoto", {"chat_id": "1", "photo": large}, "10 MB"),
        ("sendMediaGroup", {"chat_id": "1", "one": small, "two": (BytesIO(b"x" * 600_000), "c")}, "room"),
    ):
        answer = client.post(f"{base}/{method}", data=data)
        assert (answer.status_code, text in (answer.json or {})["description"]) == (413, True), method
    huge = client.post(
        f"{base}/sendDocument",
        input_stream=BytesIO(b""),
        environ_overrides={"CONTENT_LENGTH": "60000000"},
        content_type="multipart/form-data; boundary=x",
    )
    assert (huge.status_code, (huge.json or {})["error_code"]) == (413, 413)
    for value in ({"stored_file": 1}, {"text_file": "x"}, {PROGRAM_FILE: "0" * 32}):
        answer = client.post(f"{base}/sendDocument", json={"chat_id": 1, "document": value})
        assert answer.status_code == 400, value
    assert waiting(settings) == []
    files = ProgramFiles(platform)
    params = {"document": files.keep(bot.id, bot.account_id, "document", "a.txt", BytesIO(b"hello"))}
    assert files.found(bot.id, params)["document"][1].read_bytes() == b"hello"
    with pytest.raises(FileRefused):
        files.keep(bot.id, bot.account_id, "document", "b", BytesIO(b"x" * 1_048_572))
    sweep_all_files(platform, utc_now())
    (kept,) = waiting(settings)
    os.utime(kept, (0, time.time() - 26 * 3600))
    assert sweep_all_files(platform, utc_now()) == 1
    assert waiting(settings) == []
