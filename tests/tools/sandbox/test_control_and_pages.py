"""The control API, the journal, the pages, the program itself."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

from tests.tools.sandbox.conftest import Json, Sandbox, start_sandbox

if TYPE_CHECKING:
    from tests.tools.sandbox.conftest import Receiver


def test_the_journal_holds_every_accepted_call_in_order(sandbox: Sandbox) -> None:
    bot, other = sandbox.bot(), sandbox.bot()
    user = sandbox.friend(bot)
    sandbox.act(user, other, "start")
    sandbox.call(bot["token"], "sendMessage", chat_id=user, text="one", disable_notification=True)
    sandbox.call(bot["token"], "sendMessage", chat_id=user, text="")
    sandbox.call(other["token"], "sendMessage", chat_id=user, text="two")
    journal = sandbox.control("GET", "/sent")
    assert [(item["seq"], item["bot"], item["text"]) for item in journal["sent"]] == [
        (1, bot["username"], "one"),
        (2, other["username"], "two"),
    ]
    assert journal["sent"][0]["params"] == {"disable_notification": True}
    later = sandbox.control("GET", f"/sent?since=1&bot={other['id']}")
    assert [item["text"] for item in later["sent"]] == ["two"]
    assert sandbox.control("GET", "/stats")["calls"]["sendMessage"] == {"200": 2, "400": 1}


def test_a_start_payload_has_at_most_64_plain_characters(sandbox: Sandbox) -> None:
    bot, user = sandbox.bot(), sandbox.user()
    for payload in ("x" * 65, "a b", "ção"):
        sandbox.control("POST", f"/chats/{user}/{bot['id']}/start", {"payload": payload}, status=400)
    sandbox.act(user, bot, "start", payload="x" * 64)
    assert sandbox.transcript(user, bot)[0]["text"] == "/start " + "x" * 64


def test_the_transcript_shows_both_directions_and_buttons(sandbox: Sandbox) -> None:
    bot = sandbox.bot()
    user = sandbox.friend(bot)
    markup = {
        "inline_keyboard": [[{"text": "Sim", "callback_data": "y"}, {"text": "Site", "url": "https://a.b"}]]
    }
    sandbox.call(bot["token"], "sendMessage", chat_id=user, text="?", reply_markup=markup)
    question = sandbox.transcript(user, bot)[-1]
    assert question["direction"] == "out"
    assert question["buttons"] == [
        [{"text": "Sim", "data": "y", "url": None}, {"text": "Site", "data": None, "url": "https://a.b"}]
    ]
    sandbox.control(
        "POST",
        f"/chats/{user}/{bot['id']}/press",
        {"message_id": question["message_id"], "data": "never offered"},
        status=404,
    )


def test_a_foreign_page_or_host_cannot_use_the_control_api(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/sandbox/api/bots"
    assert sandbox.http.request("GET", url, headers={"Origin": "https://evil.example"}).status == 403
    assert sandbox.http.request("GET", url, headers={"Host": "evil.example"}).status == 403
    form = sandbox.http.request("POST", url, body=b'{"count":3}', headers={"Content-Type": "text/plain"})
    assert form.status == 400


def test_the_link_page_shows_start_and_pressing_it_reaches_the_bot(sandbox: Sandbox) -> None:
    bot = sandbox.bot()
    url = f"{sandbox.url}/{bot['username']}"
    page = sandbox.http.request("GET", f"{url}?start=acesso_1", headers={"Accept-Language": "pt-BR"})
    assert "Iniciar" in page.data.decode()
    cookie = page.headers["Set-Cookie"].split(";")[0]
    pressed = sandbox.http.request(
        "POST", url, fields={"start": "acesso_1"}, headers={"Cookie": cookie}, redirect=False
    )
    assert (pressed.status, pressed.headers["Location"]) == (303, f"/chat/{bot['username']}")
    update = sandbox.call(bot["token"], "getUpdates")["result"][0]
    assert update["message"]["text"] == "/start acesso_1"
    assert str(update["message"]["from"]["id"]) == cookie.partition("=")[2]


def test_pages_speak_both_languages_and_allow_no_inline_script(sandbox: Sandbox) -> None:
    english = sandbox.http.request("GET", sandbox.url, headers={"Accept-Language": "en"})
    assert 'lang="en"' in english.data.decode()
    assert "No bots yet" in english.data.decode()
    assert "script-src 'self'" in english.headers["Content-Security-Policy"]
    assert "<script>" not in english.data.decode()
    unknown = sandbox.http.request("GET", f"{sandbox.url}/nobody_here_bot")
    assert unknown.status == 200


def test_a_seed_gives_the_same_tokens_and_sigterm_ends_it(tmp_path: Path) -> None:
    tokens = []
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        process, url = start_sandbox(tmp_path / run, "--seed", "7", "--bots", "3")
        bots = Sandbox(url).control("GET", "/bots")["bots"]
        tokens.append([bot["token"] for bot in bots])
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stdout is not None
        output = process.stdout.read()
        assert output.count("\n") == 1
        assert url in output
    assert tokens[0] == tokens[1]
    assert len(set(tokens[0])) == 3


def test_a_restart_of_the_world_forgets_webhooks(sandbox: Sandbox, receiver: Receiver) -> None:
    bot, user = sandbox.bot(token="111:" + "a" * 35), sandbox.user()
    sandbox.call(bot["token"], "setWebhook", url=receiver.url)
    sandbox.control("POST", "/reset")
    sandbox.bot(token="111:" + "a" * 35, username=bot["username"])
    user = sandbox.user()
    sandbox.act(user, bot, "send", text="x")
    assert sandbox.call(bot["token"], "getWebhookInfo")["result"]["pending_update_count"] == 1
    assert receiver.seen == []


def test_a_browser_can_become_a_person_that_there_is(sandbox: Sandbox) -> None:
    bot, user = sandbox.bot(), sandbox.user(first_name="Plantão")
    page = sandbox.http.request("GET", f"{sandbox.url}/chat/{bot['username']}?as={user}")
    assert "Plantão" in page.data.decode()
    assert f"sandbox_user={user};" in page.headers["Set-Cookie"]
    other = sandbox.http.request("GET", f"{sandbox.url}/chat/{bot['username']}?as=1")
    assert "sandbox_user=1;" not in other.headers["Set-Cookie"]


def test_the_link_of_a_manager_makes_a_bot_of_whoever_presses_it(sandbox: Sandbox) -> None:
    manager = sandbox.bot(can_manage_bots=True)
    page = f"{sandbox.url}/newbot/{manager['username']}/shop_1_bot"
    asked = sandbox.http.request("GET", f"{page}?name=Shop").data.decode()
    assert 'value="shop_1_bot"' in asked
    sandbox.http.request("POST", page, fields={"username": "shop_2_bot"}, encode_multipart=False)
    [update] = sandbox.call(manager["token"], "getUpdates")["result"]
    assert update["managed_bot"]["bot"]["username"] == "shop_2_bot"
    user = update["managed_bot"]["user"]["id"]

    def refused(manager: Json, username: str) -> str:
        spec = {"user_id": user, "username": username}
        answer = sandbox.http.request(
            "POST", f"{sandbox.url}/sandbox/api/bots/{manager['id']}/managed", json=spec
        )
        return str(answer.json()["error"])

    assert refused(sandbox.bot(), "shop_3_bot") == "cannot_manage"
    assert refused(manager, "SHOP_2_BOT") == "taken"
    assert refused(manager, "shop_3") == "bad_username"
    for number in range(3, 22):
        spec = {"user_id": user, "username": f"shop_{number}_bot"}
        sandbox.control("POST", f"/bots/{manager['id']}/managed", spec)
    assert refused(manager, "shop_22_bot") == "too_many_bots"
