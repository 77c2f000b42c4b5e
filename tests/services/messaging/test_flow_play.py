"""A flow tried out before it is published, with taps, texts, payments, and a clock that is moved."""

from __future__ import annotations

import time
from typing import Any

import pytest

from plugins.flows.document import FlowDocument
from services.core.errors import InvalidInput
from services.fleet.flows.fields import NewFlow, Publication
from services.fleet.flows.flows import create_flow
from services.fleet.flows.publishing import publish
from services.messaging import flow_play
from services.messaging.flow_play import PLAY_SECONDS, FlowPlayView, ScriptStep, simulate
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.fleet.pools.fleet import new_account

END = {"kind": "end"}
FLOW: dict[str, Any] = {
    "start": "video",
    "steps": [
        {
            "key": "video",
            "messages": [
                {"kind": "video", "media": 7, "text": "Oi {first_name}"},
                {
                    "text": "Quer?",
                    "buttons": [
                        [{"kind": "step", "text": "Quero", "step": "offer"}],
                        [{"kind": "pay", "text": "Já", "stars": 5, "step": "thanks"}],
                        [{"kind": "flow", "text": "Outro", "flow": "other"}],
                    ],
                },
            ],
            "follow_ups": [{"after": 3600, "step": "offer"}],
        },
        {
            "key": "offer",
            "actions": [{"kind": "tag", "tag": "warm"}, {"kind": "goal", "goal": "seen"}],
            "messages": [{"text": "Qual cidade?"}],
            "replies": [{"save": "city", "step": "thanks"}],
        },
        {"key": "thanks", "messages": [{"text": "Obrigado, {city}"}], "then": END},
    ],
    "variables": {"city": "amigo"},
}


@pytest.fixture
def owner(platform: Platform) -> Principal:
    return new_account(platform)


@pytest.fixture
def play(platform: Platform, owner: Principal) -> Any:
    def played(*script: ScriptStep, **more: Any) -> FlowPlayView:
        return simulate(platform, owner, FLOW, script, **more)

    return played


def said(view: FlowPlayView) -> list[str]:
    """What stands in the chat, files by their kind."""
    texts = [
        "".join(run["text"] for block in each["blocks"] for run in block["runs"]) for each in view["messages"]
    ]
    return [
        text if each["kind"] == "text" else f"[{each['kind']}] {text}"
        for each, text in zip(view["messages"], texts, strict=True)
    ]


def test_the_start_shows_messages_with_files_and_buttons_and_what_waits(play: Any) -> None:
    view = play()
    assert said(view) == ["/start", "[video] Oi Ana", "Quer?"]
    assert (view["step"], view["status"], view["visited"]) == ("video", "waiting", ["video"])
    assert [each["media"] for each in view["messages"]] == [None, 7, None]
    assert [row[0]["text"] for row in view["messages"][2]["rows"]] == ["Quero", "Já", "Outro"]
    assert [each["seconds"] for each in view["timers"]] == [3600]


def test_taps_and_texts_go_on_and_what_is_kept_is_shown(play: Any) -> None:
    below = play()["messages"][-1]["message_id"]
    view = play(ScriptStep(message_id=below, place=0), ScriptStep(text="Recife"))
    assert said(view)[3:] == ["Qual cidade?", "Recife", "Obrigado, Recife"]
    assert (view["status"], view["variables"]["city"]) == ("ended", "Recife")
    assert (view["tags"], view["goals"]) == (["warm"], ["seen"])


def test_the_clock_is_moved_and_follow_ups_go_off(play: Any) -> None:
    assert play(ScriptStep(seconds=3599))["step"] == "video"
    view = play(ScriptStep(seconds=3599), ScriptStep(seconds=1))
    assert (view["step"], view["seconds"]) == ("offer", 3600)


def test_an_invoice_is_paid_by_a_tap(play: Any) -> None:
    below = play()["messages"][-1]["message_id"]
    asked = play(ScriptStep(message_id=below, place=1))
    assert said(asked)[-1] == "[invoice] Já"
    paid = play(
        ScriptStep(message_id=below, place=1), ScriptStep(message_id=asked["messages"][-1]["message_id"])
    )
    assert (paid["step"], said(paid)[-1]) == ("thanks", "Obrigado, amigo")


def test_a_jump_leads_into_a_published_flow(platform: Platform, owner: Principal, play: Any) -> None:
    below = play()["messages"][-1]["message_id"]
    tap = ScriptStep(message_id=below, place=2)
    assert play(tap)["notice"]
    other = {"start": "a", "steps": [{"key": "a", "messages": [{"text": "Aqui"}], "then": END}]}
    flow = create_flow(platform, owner, NewFlow(name="Other", document=other))
    publish(platform, owner, flow.id, Publication(revision=1, version=None))
    assert said(play(tap))[-1] == "Aqui"


def test_it_begins_at_any_step(play: Any) -> None:
    assert said(play(from_step="thanks")) == ["/start", "Obrigado, amigo"]
    with pytest.raises(InvalidInput) as refused:
        play(from_step="away")
    assert refused.value.code == "flow_step_missing"


def test_what_telegram_would_refuse_ends_the_play_and_is_said(platform: Platform, owner: Principal) -> None:
    document = {"start": "a", "steps": [{"key": "a", "messages": [{"text": "<b>x"}], "then": END}]}
    assert "can't parse entities" in simulate(platform, owner, document, [])["refusal"]


@pytest.mark.parametrize(
    "document",
    [
        {"start": "a", "steps": [{"key": "a", "messages": [{"text": ""}]}]},
        {"start": "away", "steps": [{"key": "a", "then": END}]},
        {"start": "a", "steps": [{"key": "a", "then": {"kind": "goto", "step": "a"}}]},
    ],
)
def test_what_cannot_be_played_says_why(
    platform: Platform, owner: Principal, document: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        simulate(platform, owner, document, [])
    assert refused.value.code == "flow_incomplete"


def test_addresses_of_buttons_say_who_taps(platform: Platform, owner: Principal) -> None:
    site = {"kind": "url", "text": "Site", "url": "https://example.org/?u={id}&c={city}&x={other}"}
    document = {
        "start": "a",
        "steps": [{"key": "a", "messages": [{"text": "x", "buttons": [[site]]}], "then": END}],
        "variables": {"city": "São Paulo"},
    }
    [_, message] = simulate(platform, owner, document, [])["messages"]
    assert message["rows"][0][0]["url"] == "https://example.org/?u=5&c=S%C3%A3o%20Paulo&x={other}"


def test_a_play_has_an_end(platform: Platform, owner: Principal) -> None:
    again = {"key": "a", "messages": [{"text": "x"}], "follow_ups": [{"after": 1, "step": "a", "unless": []}]}
    with pytest.raises(InvalidInput) as refused:
        simulate(platform, owner, {"start": "a", "steps": [again]}, [ScriptStep(seconds=86_400)])
    assert refused.value.code == "play_too_long"


def test_a_play_ends_within_its_time_though_it_is_one_step_of_a_script(
    platform: Platform, owner: Principal
) -> None:
    """A day of waiting in which every minute fifty steps say ten messages each."""
    said = [{"text": "x"}] * 10
    steps = [
        {"key": f"s{n}", "messages": said, "then": {"kind": "goto", "step": f"s{n + 1}"}} for n in range(49)
    ]
    last = {"key": "s49", "messages": said, "after": 60, "then": {"kind": "goto", "step": "s0"}}
    document = {"start": "s0", "steps": [*steps, last]}
    began = time.monotonic()
    with pytest.raises(InvalidInput) as refused:
        simulate(platform, owner, document, [ScriptStep(seconds=86_400)])
    assert refused.value.code == "play_too_long"
    assert time.monotonic() - began < PLAY_SECONDS
    play = flow_play._FlowPlay(FlowDocument.model_validate(FLOW), {}, "pt")
    with pytest.raises(InvalidInput) as refused:
        play.run([ScriptStep(text="/start")], seconds=0.0)
    assert refused.value.code == "play_too_long"


def test_a_flow_of_any_key_is_led_to(platform: Platform, owner: Principal) -> None:
    there = {"start": "a", "steps": [{"key": "a", "messages": [{"text": "Aqui"}], "then": END}]}
    flow = create_flow(platform, owner, NewFlow(name="Played", key="played", document=there))
    publish(platform, owner, flow.id, Publication(revision=1, version=None))
    jump = {
        "start": "a",
        "steps": [{"key": "a", "messages": [{"text": "Oi"}], "then": {"kind": "flow", "flow": "played"}}],
    }
    assert said(simulate(platform, owner, jump, [])) == ["/start", "Oi", "Aqui"]
