"""Files of bots are planned and applied: once, each by itself, and never half."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from models import Account, AuditEvent, Bot
from services.core.errors import Conflict
from services.fleet.bots.lifecycle import stop_bot
from services.fleet.declared.applying import Applied, apply_files
from services.fleet.declared.files import BotFiles
from services.fleet.declared.planning import Action, Plan, make_plan
from services.fleet.declared.report import list_bot_files
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.tokens import token_of
from tools.servers.sandbox import Sandbox

TEXT = """
id: "{id}"
name: "{name}"
token: "{token}"
{more}
plugins:
  - name: "start"
    config:
      welcome_message: "{welcome}"
"""


def write(
    folder: Path, id_: str, token: str, *, more: str = "", name: str = "Shop", welcome: str = "Hi"
) -> Path:
    file = folder / f"{id_}.yaml"
    file.write_text(TEXT.format(id=id_, name=name, token=token, more=more, welcome=welcome))
    return file


def planned(platform: Platform) -> Plan:
    return make_plan(platform, BotFiles(platform.settings).read())


def applied(platform: Platform, if_plan: str = "") -> Applied:
    return apply_files(platform, BotFiles(platform.settings), if_plan=if_plan)


def bots(platform: Platform) -> dict[str, Bot]:
    with platform.database.reading() as session:
        query = select(Bot).where(Bot.alias.is_not(None)).options(selectinload(Bot.plugins))
        return {str(bot.alias): bot for bot in session.scalars(query)}


def codes(result: Applied | Plan) -> list[tuple[str, int, str]]:
    return [(one.file, one.place.line, one.code) for one in result.problems]


@pytest.mark.data
def test_a_file_makes_a_bot_follows_its_changes_and_lets_it_go(
    platform: Platform, sandbox: Sandbox, folder: Path, admin: Account
) -> None:
    made = sandbox.create_bot(username="shop_bot")
    file = write(folder, "shop", made["token"])
    assert [(one.action, one.bot_id) for one in planned(platform).bots] == [(Action.ADD, None)]
    assert [one.action for one in applied(platform).done] == [Action.ADD]
    bot = bots(platform)["shop"]
    assert (bot.name, bot.declared_in, bot.account_id) == ("Shop", "shop.yaml", admin.id)
    assert bot.plugins[0].config == {"welcome_message": "Hi"}
    assert not planned(platform).would_change
    version = bot.config_version
    assert applied(platform).done == ()
    file.write_text(f"# another comment\n{file.read_text()}")
    applied(platform)
    assert bots(platform)["shop"].config_version == version, "a comment changes nothing of the bot"

    write(folder, "shop", made["token"], welcome="Hello", more="fsm_strategy: CHAT\nenabled: false")
    [one] = planned(platform).bots
    assert {(each.path, str(each.old), str(each.new)) for each in one.changes} == {
        ("plugins.start.config.welcome_message", "Hi", "Hello"),
        ("fsm_strategy", "USER_IN_CHAT", "CHAT"),
        ("enabled", "True", "False"),
    }
    applied(platform)
    bot = bots(platform)["shop"]
    assert (bot.fsm_strategy, bot.desired_running) == ("CHAT", False)

    file.unlink()
    assert [one.action for one in planned(platform).bots] == [Action.FREE]
    applied(platform)
    bot = bots(platform)["shop"]
    assert (bot.declared_in, bot.desired_running, bot.plugins[0].config) == (
        "",
        False,
        {"welcome_message": "Hello"},
    )
    assert not planned(platform).would_change
    write(folder, "shop", made["token"])
    applied(platform)
    assert bots(platform)["shop"].id == bot.id, "the same bot, with its leads, when the file comes back"
    assert bots(platform)["shop"].desired_running


def test_what_is_wrong_with_one_file_leaves_its_bot_as_it_was_and_the_others_applied(
    platform: Platform, sandbox: Sandbox, folder: Path, admin: Account
) -> None:
    made = [sandbox.create_bot(username=f"shop{number}_bot") for number in range(4)]
    first = write(folder, "one", made[0]["token"])
    applied(platform)
    first.write_text(first.read_text().replace("welcome_message", "welcom_message"))
    write(folder, "two", made[1]["token"])
    write(folder, "three", made[2]["token"])
    (folder / "other.yml").write_text((folder / "three.yaml").read_text().replace('"three"', '"four"'))
    write(folder, "five", made[3]["token"], more="owner: nobody@example.com")
    write(folder, "six", "1:" + "A" * 35)  # no bot of the sandbox
    write(folder, "seven", made[3]["token"], more="mode: webhook")
    result = applied(platform)
    assert codes(result) == [
        ("five.yaml", 4, "token_repeated"),
        ("one.yaml", 9, "unknown_key"),
        ("other.yml", 4, "token_repeated"),
        ("seven.yaml", 4, "token_repeated"),
        ("three.yaml", 4, "token_repeated"),
        ("six.yaml", 4, "token_rejected"),
    ]
    assert all(made[index]["token"] not in str(one) for one in result.problems for index in range(4))
    assert set(bots(platform)) == {"one", "two"}
    assert bots(platform)["one"].plugins[0].config == {"welcome_message": "Hi"}
    (folder / "seven.yaml").unlink()
    assert ("five.yaml", 5, "owner_unknown") in codes(applied(platform))
    write(folder, "five", made[3]["token"], more="mode: webhook")
    assert ("five.yaml", 5, "webhook_unavailable") in codes(applied(platform))
    seen = list_bot_files(platform, Principal(admin.id, "account:1", is_admin=True))
    files = {one["file"]: one for one in seen["files"]}
    assert files["two.yaml"]["bot_id"] == bots(platform)["two"].id
    assert files["two.yaml"]["problems"] == []
    assert files["one.yaml"]["problems"][0]["line"] == 9
    folder.rename(folder.with_name("away"))
    assert codes(planned(platform)) == [(str(folder), 1, "folder_missing")]
    applied(platform)
    assert bots(platform)["two"].desired_running, "a folder that is not mounted stops nobody"


def test_a_new_token_is_the_same_bots_or_is_refused(
    platform: Platform, sandbox: Sandbox, folder: Path, admin: Account
) -> None:
    made, other = (sandbox.create_bot(username=name) for name in ("shop_bot", "else_bot"))
    write(folder, "shop", made["token"])
    applied(platform)
    token = sandbox.rotate("shop_bot")
    write(folder, "shop", token)
    [one] = planned(platform).bots
    assert [(each.path, each.old, each.new) for each in one.changes] == [("token", "…", "…")]
    applied(platform)
    assert token_of(platform, bots(platform)["shop"]) == token
    write(folder, "shop", other["token"])
    assert codes(applied(platform)) == [("shop.yaml", 4, "token_of_another_bot")]
    assert token_of(platform, bots(platform)["shop"]) == token


def test_a_bot_of_another_account_is_never_taken_and_one_of_the_owners_is(
    platform: Platform, sandbox: Sandbox, folder: Path, admin: Account
) -> None:
    made = sandbox.create_bot(username="shop_bot")
    with platform.database.transaction() as session:
        rui = Account(email="rui@example.com", password_hash="-")
        session.add(rui)
    write(folder, "shop", made["token"], more="owner: Rui@Example.com")
    applied(platform)
    assert bots(platform)["shop"].account_id == rui.id
    write(folder, "shop", made["token"])
    assert codes(applied(platform)) == [("shop.yaml", 1, "bot_exists")]
    assert bots(platform)["shop"].account_id == rui.id


def test_what_a_variable_holds_is_written_and_never_shown(
    platform: Platform, sandbox: Sandbox, folder: Path, admin: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = sandbox.create_bot(username="shop_bot")
    monkeypatch.setenv("SHOP_TOKEN", made["token"])
    monkeypatch.setenv("SHOP_WORD", "open sesame")
    write(folder, "shop", "${SHOP_TOKEN}", welcome="say ${SHOP_WORD}, $${first_name}")
    applied(platform)
    assert bots(platform)["shop"].plugins[0].config == {"welcome_message": "say open sesame, ${first_name}"}
    monkeypatch.setenv("SHOP_WORD", "open barley")
    [one] = planned(platform).bots
    [change] = one.changes
    assert (change.path, change.old) == ("plugins.start.config.welcome_message", "…")
    assert change.new == "say ${SHOP_WORD}, ${first_name}"
    applied(platform)
    with platform.database.reading() as session:
        trail = [str(event.details) for event in session.scalars(select(AuditEvent))]
    told = str(platform.redis.get(keys.bot_files()))
    assert "shop.yaml" in told
    assert not any("open" in text or made["token"] in text for text in (*trail, told))


def test_a_plan_that_has_changed_is_not_applied_and_two_processes_apply_once(
    platform: Platform, sandbox: Sandbox, folder: Path, admin: Account
) -> None:
    write(folder, "one", sandbox.create_bot(username="one_bot")["token"])
    plan = planned(platform)
    write(folder, "two", sandbox.create_bot(username="two_bot")["token"])
    with pytest.raises(Conflict) as refused:
        applied(platform, plan.id)
    assert (refused.value.code, bots(platform)) == ("plan_changed", {})
    results: list[Applied] = []
    others = [Platform(platform.settings), Platform(platform.settings)]
    threads = [threading.Thread(target=lambda each=each: results.append(applied(each))) for each in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(one.done) for one in results) == [0, 2]
    with platform.database.reading() as session:
        kinds = select(func.count()).where(AuditEvent.kind == "bot_file_applied")
        assert session.scalar(kinds) == 2


def test_a_bot_that_was_stopped_by_hand_stays_stopped_until_its_file_says_something_new(
    platform: Platform, sandbox: Sandbox, folder: Path, admin: Account
) -> None:
    made = sandbox.create_bot(username="shop_bot")
    write(folder, "shop", made["token"])
    applied(platform)
    stop_bot(platform, Principal(admin.id, "account:1"), bots(platform)["shop"].id)
    assert not planned(platform).would_change
    applied(platform)
    assert not bots(platform)["shop"].desired_running
    write(folder, "shop", made["token"], welcome="Hello")
    applied(platform)
    assert bots(platform)["shop"].desired_running
