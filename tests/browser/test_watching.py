"""The queue monitor and the public status page as a person uses them, in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.results import Result
from rq.serializers import JSONSerializer
from sqlalchemy import delete, func, select, update

from models import Account, Bot, DeadLetter, StatusPage
from services.messaging.outbox.enqueue import enqueue_call
from services.operations.queues.history import take_sample
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName
from tests.browser.conftest import DESKTOP, PHONE, Browser
from tests.browser.installation import Installation
from tests.browser.looking import Looked

QUEUES = "/panel/queues"
STATUS = "/panel/account/status-page"
OUTBOXES = "section[aria-labelledby=outboxes-title]"


@pytest.fixture
def paused_bot(installation: Installation, fleet: list[dict[str, Any]]) -> Iterator[int]:
    """A bot that Telegram makes wait, with three messages in its outbox; whoever is signed in is an admin.

    It is Telegram that says so: a pause that is written into Redis is not read by a worker that has just sent something for the bot.
    """
    platform, sandbox = installation.platform, installation.sandbox
    with platform.database.transaction() as session:
        session.execute(update(Account).values(is_admin=True))
        bot_id = session.scalars(select(Bot.id).where(Bot.username == fleet[0]["username"])).one()
    sandbox.fault("429", bot=fleet[0]["username"], chat_id=5, retry_after=600)
    for number in range(3):
        enqueue_call(platform, bot_id, "sendMessage", {"chat_id": 5, "text": f"message {number}"})
    yield bot_id
    sandbox.clear_faults()
    platform.redis.delete(keys.outbox_pauses(bot_id))
    with platform.database.transaction() as session:
        session.execute(update(Account).values(is_admin=False))
        session.execute(delete(DeadLetter))


def failed_job(platform: Platform, bot_id: int) -> FailedJobRegistry:
    """A job among the failed ones, as RQ leaves it."""
    job = Job.create(
        str(JobName.CHECK_BOT),
        args=(bot_id,),
        connection=platform.job_redis,
        serializer=JSONSerializer,
        origin="default",
    )
    job.save()
    registry = FailedJobRegistry("default", connection=platform.job_redis, serializer=JSONSerializer)
    registry.add(job, ttl=600)
    Result.create_failure(job, 600, "ValueError: no answer")
    return registry


def letters(platform: Platform) -> int:
    with platform.database.reading() as session:
        return int(session.scalar(select(func.count()).select_from(DeadLetter)) or 0)


def looked_at(browser: Browser, page: str, size: tuple[int, int], last: str) -> Looked:
    """The page at one size, once it shows `last`."""
    found = Looked()
    browser.resize(size)
    browser.open(page)
    browser.find(last)
    found.at(browser, page, size[0])
    return found


def test_a_failed_job_is_put_back_and_an_outbox_emptied(
    installation: Installation, browser: Browser, paused_bot: int
) -> None:
    platform = installation.platform
    registry = failed_job(platform, paused_bot)
    take_sample(platform)
    assert looked_at(browser, QUEUES, PHONE, f"{OUTBOXES} tbody tr") == Looked()
    browser.resize(DESKTOP)
    browser.find(".chart canvas")
    browser.see("ValueError: no answer")
    browser.click("section[aria-labelledby=jobs-title] .list button")
    browser.wait(lambda: registry.get_job_count(cleanup=False) == 0, "no failed job left")
    browser.click(".toast button")  # it lies over what comes next
    browser.click(f"{OUTBOXES} tbody .btn-danger")
    browser.click("#confirm button[value=yes]")
    browser.wait(lambda: letters(platform) == 3, "three dead letters")
    browser.find(f"{OUTBOXES} .empty")


def test_the_status_page_is_chosen_and_public(
    installation: Installation, browser: Browser, fleet: list[dict[str, Any]]
) -> None:
    assert looked_at(browser, STATUS, PHONE, "[name=pool]") == Looked()
    browser.click("[name=pool]")
    browser.type("[name^=label-]", "For everybody")
    browser.click("[name=is_on]")
    browser.click("main form .btn-primary")
    browser.find("#status-address")
    with installation.platform.database.reading() as session:
        path = f"/status/{session.scalars(select(StatusPage.token)).one()}"
    assert path in browser.text("#status-address")
    for size, bars in ((PHONE, 30), (DESKTOP, 90)):
        assert looked_at(browser, path, size, ".bars") == Looked()
        browser.see("For everybody")
        shown = "return [...document.querySelectorAll('.bars .bar')].filter((bar) => bar.offsetWidth).length"
        assert browser.run(shown) == bars
        assert all(bot["username"] not in browser.text("body") for bot in fleet)
    with installation.platform.database.transaction() as session:
        session.execute(delete(StatusPage))
