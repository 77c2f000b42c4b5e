"""A flow as a person meets it: in a chat whose clock can be moved, with documents that are published meanwhile."""

from __future__ import annotations

from plugins.flow import FlowPlugin
from plugins.http import HttpError
from plugins.start import StartPlugin
from plugins.testing import Chat
from tests.plugins.flow_chats import HELLO, OFFER, Steps, button, chat_with, document, said, step_of, to


def test_start_says_the_first_step_and_a_tap_goes_on() -> None:
    chat = chat_with(HELLO, OFFER)
    chat.send("/start")
    chat.tap("More")
    assert chat.texts == ["Hi Ana", "R$ 10"]
    assert step_of(chat) == ("offer", "waiting")
    assert chat.store.visits == [(5, "hello"), (5, "offer")]


def test_without_a_published_flow_others_are_asked() -> None:
    chat = Chat(FlowPlugin, {"flow": "none"}, beside=[(StartPlugin, {"welcome_message": "Welcome"})])
    chat.send("/start")
    assert chat.texts == ["Welcome"]


def test_a_text_is_saved_and_filled_in_escaped_and_others_are_left_to_other_plugins() -> None:
    ask = {
        "key": "ask",
        "messages": [said("Your city?")],
        "replies": [
            {"equals": "Stop", "step": "bye"},
            {"contains": "city", "step": "ask"},
            {"save": "city", "step": "bye"},
        ],
    }
    bye = {"key": "bye", "messages": [said("{city}, {first_name} {other}")]}
    chat = chat_with(ask, bye, variables={"city": "nowhere"})
    for text in ("/start", "what CITY?", " stop "):
        chat.send(text)
    assert chat.texts == ["Your city?", "Your city?", "nowhere, Ana {other}"]
    chat.send("/start")
    chat.send("<São Paulo>")
    assert chat.last.text == "<São Paulo>, Ana {other}"
    chat.send("nobody waits for this")
    assert len(chat.texts) == 5


def test_what_start_came_with_is_known_in_later_steps_and_in_other_flows_until_the_next_start() -> None:
    link = button("url", "Open", url="https://shop.example/?s={start_param}")
    hello = {"key": "hello", "messages": [said("Hi", to("offer", "More"))]}
    offer = {
        "key": "offer",
        "messages": [said("For {start_param}", link, button("flow", "Other", flow="second"))],
    }
    chat = chat_with(hello, offer)
    chat.store.publish_flow("second", document({"key": "b", "messages": [said("Still {start_param}")]}))
    chat.send("/start promo")
    chat.tap("More")
    assert chat.last.text == "For promo"
    [site, _] = chat.last.all_buttons()
    assert site["url"] == "https://shop.example/?s=promo"
    chat.tap("Other")
    assert chat.last.text == "Still promo"
    chat.send("/start")
    chat.tap("More")
    assert chat.last.text == "For "


def test_follow_ups_come_unless_called_off_by_a_reply_a_tag_or_a_goal() -> None:
    first = {
        "key": "first",
        "messages": [said("one", button("tag", "Tag", tag="paid"))],
        "follow_ups": [
            {"after": 60, "step": "nudge"},
            {"after": 120, "step": "nudge", "unless": ["tag:paid"]},
            {"after": 180, "step": "late", "unless": []},
        ],
    }
    rest = [{"key": "nudge", "messages": [said("nudge")]}, {"key": "late", "messages": [said("late")]}]
    chat = chat_with(first, *rest)
    chat.send("/start")
    assert chat.timers == {"follow_up:0": 60, "follow_up:1": 120, "follow_up:2": 180}
    chat.wait(seconds=60)
    assert chat.texts == ["one", "nudge"]
    assert chat.timers == {}  # it left the step
    chat.send("/start")
    chat.tap("Tag")
    chat.wait(minutes=10)
    assert chat.texts[2:] == ["one", "late"]


def test_a_wait_a_branch_a_split_and_actions() -> None:
    start = {
        "key": "start",
        "actions": [
            {"kind": "tag", "tag": "new"},
            {"kind": "set", "name": "plan", "value": "Gold"},
            {"kind": "goal", "goal": "seen", "value": "1.50", "currency": "BRL"},
        ],
        "after": 30,
        "then": {
            "kind": "branch",
            "cases": [
                {"when": {"tag": "old"}, "step": "no"},
                {
                    "when": {"tag": "new", "variable": "plan", "contains": "gol", "goal": "seen"},
                    "step": "split",
                },
            ],
            "otherwise": "no",
        },
    }
    arms = [{"name": "a", "percent": 50, "step": "a"}, {"name": "b", "percent": 50, "step": "b"}]
    split = {
        "key": "split",
        "actions": [{"kind": "untag", "tag": "new"}],
        "then": {"kind": "split", "name": "test", "arms": arms},
    }
    ends = [{"key": key, "messages": [said(key)], "then": {"kind": "end"}} for key in ("a", "b", "no")]
    chat = chat_with(start, split, *ends)
    people = [chat, *(chat.person(number) for number in range(6, 46))]
    for each in people:
        each.send("/start")
    assert chat.leads[5].tags == ("new",)
    assert [(each.goal, each.amount_micros, each.currency) for each in chat.goals] == [
        ("seen", 1_500_000, "BRL")
    ]
    chat.wait(seconds=30)
    drawn = [each.last.text for each in people]
    assert (set(drawn), step_of(chat)[1]) == ({"a", "b"}, "ended")
    assert list(chat.leads[5].tags) == []
    for each in people:
        each.send("/start")
    chat.wait(seconds=30)
    assert [each.last.text for each in people] == drawn


def test_an_api_is_asked_and_a_silent_one_leads_elsewhere() -> None:
    call = {
        "kind": "call",
        "url": "https://api.example/{id}/{plan}",
        "save": {"plan": "user.plan", "none": "user.none"},
        "failed": "sorry",
    }
    steps: Steps = [
        {"key": "ask", "actions": [call], "messages": [said("{plan}{none}.")]},
        {"key": "sorry", "messages": [said("later")]},
    ]
    chat = chat_with(*steps, variables={"plan": "a b"})
    chat.http.answers["https://api.example/5/a%20b"] = {"user": {"plan": "<gold>"}}
    chat.send("/start")
    chat.http.answers["https://api.example/5/a%20b"] = HttpError("timeout")
    chat.send("/start")
    assert chat.texts == ["<gold>.", "later"]


def test_kinds_of_messages_and_buttons() -> None:
    messages = [
        {"kind": "photo", "media": 12, "text": "pic"},
        {"kind": "video", "media": "https://cdn.example/a.mp4", "allow_paid_broadcast": True},
        said(
            "all",
            button("url", "Site", url="https://example.org/"),
            button("web_app", "App", url="https://app.example/"),
            button("flow", "Other", flow="second"),
        ),
    ]
    chat = chat_with({"key": "all", "messages": messages})
    chat.store.publish_flow("second", document({"key": "s", "messages": [said("second")]}))
    chat.send("/start")
    photo, video, text = chat.messages
    assert (photo.params["photo"], photo.text) == ({"media_id": 12}, "pic")
    assert (video.params["video"], video.params["allow_paid_broadcast"]) == (
        "https://cdn.example/a.mp4",
        True,
    )
    site, app, _ = text.all_buttons()
    assert (site["url"], app["web_app"]) == ("https://example.org/", {"url": "https://app.example/"})
    chat.tap("Other")
    assert (chat.last.text, step_of(chat)) == ("second", ("s", "waiting"))
    chat.tap_on(text, "Other")
    assert chat.last.text == "second"


def paid(chat: Chat, payload: str, stars: int) -> None:
    payment = {"currency": "XTR", "total_amount": stars, "invoice_payload": payload}
    ids = {"telegram_payment_charge_id": "c", "provider_payment_charge_id": "p"}
    chat.send(successful_payment={**payment, **ids})


def test_an_invoice_in_stars_is_sold_at_its_price_alone_and_a_payment_goes_on() -> None:
    buy = {"key": "buy", "messages": [said("Buy", button("pay", "Pay 5", stars=5, step="thanks"))]}
    chat = chat_with(buy, {"key": "thanks", "messages": [said("Thanks")]})
    chat.send("/start")
    chat.tap("Pay 5")
    method, invoice = chat.telegram.calls[-2]
    assert (method, invoice["currency"], invoice["prices"]) == (
        "sendInvoice",
        "XTR",
        [{"label": "Pay 5", "amount": 5}],
    )
    query = {"id": "q", "currency": "XTR", "invoice_payload": invoice["payload"]}
    for amount, ok in ((5, True), (4, False)):
        chat.update("pre_checkout_query", {**query, "total_amount": amount})
        assert (chat.telegram.calls[-1][0], chat.telegram.calls[-1][1]["ok"]) == (
            "answerPreCheckoutQuery",
            ok,
        )
    paid(chat, invoice["payload"], 5)
    assert chat.last.text == "Thanks"


def test_invoices_and_labels_fill_in_variables_and_are_never_empty() -> None:
    buy = button("pay", "Buy {n} {first_name}", stars=5)
    steps = {"key": "buy", "messages": [said("Buy", buy, button("tag", "{n}{last_name}", tag="a"))]}
    chat = chat_with(steps, variables={"n": "3"})
    chat.send("/start")
    assert chat.last.buttons == ["Buy 3 Ana", "3"]
    chat.tap("Buy 3 Ana")
    invoice = next(params for method, params in chat.telegram.calls if method == "sendInvoice")
    labels = (invoice["title"], invoice["description"], invoice["prices"][0]["label"])
    assert labels == ("Buy 3 Ana",) * 3
    chat = chat_with(steps, variables={"n": ""})
    chat.send("/start")
    assert chat.last.buttons == ["Buy  Ana", "{n}{last_name}"]


def test_people_of_the_inbox_take_over_until_the_minutes_are_over() -> None:
    steps: Steps = [
        {
            "key": "help",
            "messages": [said("A person will answer", to("help", "Again"))],
            "then": {"kind": "handover", "minutes": 10, "step": "back"},
        },
        {"key": "back", "messages": [said("I am the bot again")]},
    ]
    chat = chat_with(*steps)
    chat.send("/start")
    assert step_of(chat) == ("help", "paused")
    chat.send("hello?")
    chat.tap("Again")
    assert (chat.notice, len(chat.texts)) == ("Somebody of our team will answer you here.", 1)
    chat.wait(minutes=10)
    assert (chat.last.text, step_of(chat)) == ("I am the bot again", ("back", "waiting"))
