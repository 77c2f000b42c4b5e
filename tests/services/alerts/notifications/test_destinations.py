"""Each kind of destination at its own server: the sandbox, a mail server, a receiver of webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from models import Account, NotificationDestination
from services.alerts.notifications.destinations import webhook
from services.alerts.notifications.fields import NewDestination, Quiet, Rule
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.linking import link_chat
from services.alerts.notifications.registry import (
    Made,
    create_destination,
    get_destination,
    renew_secret,
    try_destination,
    update_destination,
)
from services.core.errors import InvalidInput, NotFound
from services.core.i18n import SOURCE, translate
from services.core.setting_types import AppEnv
from services.platform.platform import Platform
from tests.services.alerts.notifications.world import Owner, make_owner
from tests.services.fleet.health.world import Fleet, add_account, make_fleet
from tools.servers.fleet import accept_all, message, working
from tools.servers.fleet import add_bot as add_running_bot
from tools.servers.receivers import Mailbox, Receiver
from tools.servers.sandbox import Sandbox, wait_until


def with_settings(owner: Owner, **changes: object) -> Iterator[Owner]:
    """The owner on an installation that is set otherwise."""
    platform = Platform(owner.platform.settings.model_copy(update=changes))
    yield replace(owner, platform=platform)
    platform.database.dispose()


@pytest.fixture
def mailing(owner: Owner, mailbox: Mailbox) -> Iterator[Owner]:
    """The owner on an installation that can send mail."""
    yield from with_settings(owner, smtp_url=SecretStr(mailbox.url), smtp_from="Flotilla <f@example.com>")


def mail_to(owner: Owner, address: str) -> Made:
    return create_destination(owner.platform, owner.caller, NewDestination("email", address=address))


def test_a_mail_has_subject_text_and_a_message_id(mailing: Owner, mailbox: Mailbox) -> None:
    mail_to(mailing, "ana@example.com")
    mailing.tell(Kind.POOL_CRITICAL, pool="P\nBcc: eve@example.com")
    mailing.tell(Kind.MEMBER_OFFLINE)
    assert mailing.send() == 1
    (mail,) = mailbox.mails
    assert mail["To"] == "ana@example.com"
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith("Flotilla · 2 notificações: CRÍTICO: Pool 'P")
    assert mail["Message-ID"].endswith("@example.com>")
    assert "Bot @x do pool 'P' está offline." in mail.get_content()


@pytest.mark.parametrize(("code", "status"), [(550, "failed"), (451, "pending")])
def test_a_mail_server_s_no_is_final_or_not_by_its_number(
    mailing: Owner, mailbox: Mailbox, code: int, status: str
) -> None:
    place = mail_to(mailing, "ana@example.com").destination
    mailbox.refuse["ana"] = code
    mailing.tell(Kind.MEMBER_OFFLINE)
    assert mailing.send() == 0
    assert mailing.statuses()[0] == status
    assert str(code) in str(mailing.destination(place.id).last_error)


@pytest.mark.parametrize("address", ["ána@example.com", "ana@exämple.com"])
def test_an_address_that_the_mail_server_cannot_spell_is_told_as_its_failure(
    mailing: Owner, mailbox: Mailbox, address: str
) -> None:
    place = mail_to(mailing, address).destination
    mailing.tell(Kind.MEMBER_OFFLINE)
    assert mailing.send() == 0
    assert "SMTPNotSupportedError" in translate(mailing.destination(place.id).last_error, SOURCE)
    assert mailbox.mails == []


def test_a_mail_server_that_is_away_is_tried_again(owner: Owner) -> None:
    (away,) = with_settings(
        owner, smtp_url=SecretStr("smtp://u:canary@127.0.0.1:9"), smtp_from="f@example.com"
    )
    place = mail_to(away, "ana@example.com").destination
    away.tell(Kind.MEMBER_OFFLINE)
    assert away.send() == 0
    assert away.statuses() == ["pending"]
    assert "canary" not in str(away.destination(place.id).last_error)


def test_a_mail_server_elsewhere_that_offers_no_encryption_gets_no_mail(
    owner: Owner, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.alerts.notifications.destinations.email.is_this_machine", lambda _: False)
    (strict,) = with_settings(owner, smtp_url=SecretStr(mailbox.url), smtp_from="f@example.com")
    mail_to(strict, "ana@example.com")
    strict.tell(Kind.MEMBER_OFFLINE)
    assert strict.send() == 0
    assert mailbox.mails == []


def test_without_a_mail_server_there_are_no_mail_destinations(owner: Owner) -> None:
    with pytest.raises(InvalidInput, match="SMTP_URL"):
        mail_to(owner, "ana@example.com")


def test_anybody_can_check_a_webhook_s_signature(owner: Owner, receiver: Receiver) -> None:
    made = owner.webhook(f"{receiver.url}/hook?x=1")
    owner.tell(Kind.MEMBER_OFFLINE)
    before = int(time.time())
    owner.send()
    (post,) = receiver.posts
    parts = dict(part.split("=") for part in post.headers["X-Flotilla-Signature"].split(","))
    signed = f"{parts['t']}.".encode() + post.body
    assert parts["v1"] == hmac.new(made.secret.encode(), signed, hashlib.sha256).hexdigest()
    assert before <= int(parts["t"]) <= time.time()
    assert post.path == "/hook?x=1"
    body = json.loads(post.body)
    assert set(body) == {"id", "test", "events"}
    fields = {"id", "kind", "level", "at", "pool_id", "bot_id", "params", "text", "link", "incident"}
    assert set(body["events"][0]) == fields


def test_a_new_secret_voids_the_former_and_a_new_url_keeps_it(owner: Owner, receiver: Receiver) -> None:
    made = owner.webhook(f"{receiver.url}/old")
    fresh = renew_secret(owner.platform, owner.caller, made.destination.id)
    update_destination(owner.platform, owner.caller, made.destination.id, url=f"{receiver.url}/new")
    config = webhook.config_of(owner.platform, owner.destination(made.destination.id))
    assert config == webhook.Config(f"{receiver.url}/new", fresh.secret)
    assert fresh.secret != made.secret


def test_a_redirect_is_not_followed(owner: Owner, receiver: Receiver) -> None:
    owner.webhook(receiver.url)
    receiver.answers = [(302, {"Location": f"{receiver.url}/inside"})]
    owner.tell(Kind.MEMBER_OFFLINE)
    assert owner.send() == 0
    assert len(receiver.posts) == 1
    assert owner.statuses()[0] == "failed"


def test_in_production_a_receiver_on_this_machine_is_refused_when_it_is_entered_and_when_it_is_sent_to(
    owner: Owner, receiver: Receiver
) -> None:
    owner.webhook(receiver.url.replace("http://", "https://"))
    (strict,) = with_settings(owner, app_env=AppEnv.PROD)
    with pytest.raises(InvalidInput):
        strict.webhook("https://127.0.0.1/")
    strict.tell(Kind.MEMBER_OFFLINE)
    assert strict.send() == 0
    assert strict.statuses()[0] == "failed"
    assert "no public https" in str(strict.deliveries()[0].last_error)


def test_in_development_only_an_admin_addresses_this_machine(owner: Owner) -> None:
    (here,) = with_settings(owner, app_env=AppEnv.DEV)
    with pytest.raises(InvalidInput):
        here.webhook("http://127.0.0.1:9")
    with owner.platform.database.transaction() as session:
        session.get_one(Account, owner.caller.account_id).is_admin = True
    here.webhook("http://127.0.0.1:9")
    with owner.platform.database.transaction() as session:
        session.get_one(Account, owner.caller.account_id).is_admin = False
    here.tell(Kind.MEMBER_OFFLINE)
    assert here.send() == 0
    assert here.statuses()[0] == "failed"


def test_a_silent_receiver_costs_its_time_out_and_no_more(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "TOTAL_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        owner.webhook(f"http://127.0.0.1:{silent.getsockname()[1]}")
        owner.tell(Kind.MEMBER_OFFLINE)
        assert owner.send() == 0
    assert owner.statuses() == ["pending"]


@pytest.fixture
def fleet(platform: Platform, sandbox: Sandbox) -> Fleet:
    """A bot that lives in the sandbox."""
    return make_fleet(platform, sandbox, 1)


def chat_with(fleet: Fleet, *, started: bool = True) -> int:
    """A person who has pressed Start at the bot."""
    person = int(fleet.sandbox.create_user(first_name="Ana")["id"])
    if started:
        fleet.sandbox.start(person, fleet.names[0])
    return person


def telegram_to(fleet: Fleet, chat: int | str) -> NotificationDestination:
    new = NewDestination("telegram", address=str(chat), bot_id=fleet.bot_ids[0])
    return create_destination(fleet.platform, fleet.caller, new).destination


def test_the_account_s_own_bot_writes_to_the_chat(fleet: Fleet) -> None:
    person = chat_with(fleet)
    place = telegram_to(fleet, person)
    assert try_destination(fleet.platform, fleet.caller, place.id) is None
    texts = [call["text"] for call in fleet.sandbox.sent(fleet.names[0], "sendMessage")]
    assert texts == ["🔔 Teste do Flotilla: este destino recebe as notificações."]


def test_the_manager_bot_writes_where_no_bot_was_chosen(fleet: Fleet) -> None:
    manager = fleet.sandbox.create_bot()
    person = int(fleet.sandbox.create_user(first_name="Ana")["id"])
    fleet.sandbox.start(person, manager["username"])
    token = SecretStr(manager["token"])
    platform = Platform(fleet.platform.settings.model_copy(update={"manager_bot_token": token}))
    place = create_destination(platform, fleet.caller, NewDestination("telegram", address=str(person)))
    assert try_destination(platform, fleet.caller, place.destination.id) is None
    assert len(fleet.sandbox.sent(manager["username"], "sendMessage")) == 1
    platform.database.dispose()


def test_a_chat_that_blocked_the_bot_is_a_final_refusal(fleet: Fleet) -> None:
    person = chat_with(fleet)
    place = telegram_to(fleet, person)
    fleet.sandbox.block(person, fleet.names[0])
    failure = try_destination(fleet.platform, fleet.caller, place.id)
    assert failure is not None
    assert failure.permanent
    assert "blocked" in failure.message


def test_a_group_that_was_upgraded_is_written_to_under_its_new_id_from_then_on(fleet: Fleet) -> None:
    group = fleet.sandbox.post("/groups", {"title": "G", "bots": [fleet.names[0]]})["group"]["id"]
    place = telegram_to(fleet, group)
    present = fleet.sandbox.post(f"/groups/{group}/migrate")["group"]["id"]
    assert try_destination(fleet.platform, fleet.caller, place.id) is None
    assert get_destination(fleet.platform, fleet.caller, place.id).address == str(present)


def test_telegram_s_429_is_waited_for(fleet: Fleet) -> None:
    place = telegram_to(fleet, chat_with(fleet))
    fleet.sandbox.fault("429", retry_after=77, method="sendMessage", count=1)
    failure = try_destination(fleet.platform, fleet.caller, place.id)
    assert failure is not None
    assert (failure.permanent, failure.retry_after) == (False, 77)


def test_a_code_links_a_chat_once_and_only_through_its_bot(fleet: Fleet) -> None:
    new = NewDestination("telegram", bot_id=fleet.bot_ids[0])
    made = create_destination(fleet.platform, fleet.caller, new)
    payload = f"link_{made.link_code}"
    assert link_chat(fleet.platform, 987, payload, 5) is None
    assert link_chat(fleet.platform, None, payload, 5) is None
    assert link_chat(fleet.platform, fleet.bot_ids[0], "link_wrong", 5) is None
    assert "recebe as notificações" in (link_chat(fleet.platform, fleet.bot_ids[0], payload, 5) or "")
    assert link_chat(fleet.platform, fleet.bot_ids[0], payload, 6) is None
    with fleet.platform.database.reading() as session:
        assert session.get_one(NotificationDestination, made.destination.id).address == "5"


def test_the_code_travels_the_road_of_updates(platform: Platform, sandbox: Sandbox) -> None:
    bot = add_running_bot(platform, sandbox.create_bot())
    person = int(sandbox.create_user(first_name="Ana")["id"])
    sandbox.start(person, bot.username)
    owner = replace(make_owner(platform).caller, account_id=bot.account_id)
    made = create_destination(platform, owner, NewDestination("telegram", bot_id=bot.id))
    with working(platform):
        accept_all(platform, bot, [message(1, person, f"/start link_{made.link_code}")])
        wait_until(lambda: sandbox.sent(bot.username, "sendMessage"))
    assert "recebe as notificações" in sandbox.sent(bot.username, "sendMessage")[0]["text"]
    assert try_destination(platform, owner, made.destination.id) is None


@pytest.mark.parametrize(
    "wrong",
    [
        NewDestination("pigeon"),
        NewDestination("webhook", url="ftp://example.com"),
        NewDestination("webhook", url="https://user:secret@example.com/"),
        NewDestination("telegram", address="12"),
        NewDestination("telegram", address="@name", bot_id=1),
        NewDestination("webhook", url="http://127.0.0.1:1", quiet=Quiet("25:00", "07:00")),
        NewDestination("webhook", url="http://127.0.0.1:1", quiet=Quiet("22:00", "07:00", "Mars/North")),
        NewDestination("webhook", url="http://127.0.0.1:1", rules=(Rule(kind="nothing"),)),
    ],
)
def test_what_makes_no_sense_is_refused(owner: Owner, wrong: NewDestination) -> None:
    with pytest.raises(InvalidInput):
        create_destination(owner.platform, owner.caller, wrong)


@pytest.mark.data
def test_another_account_s_bot_and_pool_are_not_there(owner: Owner) -> None:
    stranger = make_owner_again(owner)
    with pytest.raises(NotFound):
        create_destination(
            stranger.platform, stranger.caller, NewDestination("telegram", bot_id=owner.bot_id)
        )
    with pytest.raises(NotFound):
        stranger.webhook("http://127.0.0.1:1", rules=(Rule(pool_id=owner.pool_id),))


def make_owner_again(owner: Owner) -> Owner:
    """Another account without bots."""
    with owner.platform.database.transaction() as session:
        other = add_account(session)
    return replace(owner, caller=replace(owner.caller, account_id=other.id, actor="account:2"))
