"""getUpdates: offset, long poll, conflicts."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.tools.sandbox.conftest import Sandbox


def test_the_offset_confirms_and_the_limit_cuts(sandbox: Sandbox) -> None:
    bot, user = sandbox.bot(), sandbox.user()
    for number in range(5):
        sandbox.act(user, bot, "send", text=str(number))
    first = sandbox.call(bot["token"], "getUpdates", limit=2)["result"]
    assert [update["message"]["text"] for update in first] == ["0", "1"]
    rest = sandbox.call(bot["token"], "getUpdates", offset=first[-1]["update_id"] + 1)["result"]
    assert [update["message"]["text"] for update in rest] == ["2", "3", "4"]
    last = sandbox.call(bot["token"], "getUpdates", offset=-1)["result"]
    assert [update["message"]["text"] for update in last] == ["4"]


def test_updates_as_they_are_come_unfiltered_and_unlooked_at(sandbox: Sandbox) -> None:
    bot = sandbox.bot()
    odd = [{"message": None}, {"of_tomorrow": [1]}, {"message": {"from": {"id": "x"}}, "update_id": "nine"}]
    numbers = sandbox.control("POST", f"/updates/{bot['id']}", {"updates": odd, "as_is": True})["update_ids"]
    found = sandbox.call(bot["token"], "getUpdates")["result"]
    assert [update.pop("update_id") for update in found] == numbers
    assert found == [odd[0], odd[1], {"message": {"from": {"id": "x"}}}]


def test_a_long_poll_returns_as_soon_as_something_happens(sandbox: Sandbox) -> None:
    bot, user = sandbox.bot(), sandbox.user()
    timer = threading.Timer(0.2, sandbox.act, (user, bot, "send"), {"text": "late"})
    timer.start()
    started = time.monotonic()
    updates = sandbox.call(bot["token"], "getUpdates", timeout=50)["result"]
    assert [update["message"]["text"] for update in updates] == ["late"]
    assert 0.15 < time.monotonic() - started < 40


def test_an_empty_long_poll_ends_at_its_timeout(sandbox: Sandbox) -> None:
    started = time.monotonic()
    assert sandbox.call(sandbox.bot()["token"], "getUpdates", timeout=1)["result"] == []
    assert 0.9 < time.monotonic() - started < 10


def test_the_newer_poller_ends_the_older_with_409(sandbox: Sandbox) -> None:
    token = sandbox.bot()["token"]
    older: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: older.append(sandbox.call(token, "getUpdates", timeout=50)))
    thread.start()
    while thread.is_alive():  # until the thread's call has begun, there is nothing to end
        assert sandbox.call(token, "getUpdates")["ok"]
        thread.join(0.2)
    assert older[0]["error_code"] == 409
    assert older[0]["description"] == (
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    )


def test_polling_beside_a_webhook_is_409(sandbox: Sandbox) -> None:
    token = sandbox.bot()["token"]
    sandbox.call(token, "setWebhook", url="http://127.0.0.1:1/x")
    answer = sandbox.call(token, "getUpdates")
    assert answer["description"] == (
        "Conflict: can't use getUpdates method while webhook is active; "
        "use deleteWebhook to delete the webhook first"
    )
    sandbox.call(token, "deleteWebhook")
    assert sandbox.call(token, "getUpdates")["ok"]


def test_a_revoked_token_ends_a_running_poll_with_401(sandbox: Sandbox) -> None:
    bot = sandbox.bot()
    timer = threading.Timer(0.2, sandbox.control, ("POST", f"/bots/{bot['id']}/revoke"))
    timer.start()
    assert sandbox.call(bot["token"], "getUpdates", timeout=5)["error_code"] == 401


def test_a_call_that_a_reset_overtook_is_not_counted_after_it(sandbox: Sandbox) -> None:
    token = sandbox.bot()["token"]
    ended: list[dict[str, Any]] = []
    poll = threading.Thread(target=lambda: ended.append(sandbox.call(token, "getUpdates", timeout=5)))
    poll.start()
    time.sleep(1)  # the call must have begun
    sandbox.control("POST", "/reset")
    poll.join(30)
    assert ended
    assert sandbox.control("GET", "/stats")["calls_total"] == 0
