"""A publication on a running bot: who stands at a step that goes is told of before, moved, and spoken to by the next version."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from models import Bot
from services.core.times import utc_now
from services.fleet.flows.drafts import save_draft
from services.fleet.flows.fields import NewFlow, Publication, Restoration
from services.fleet.flows.flows import create_flow
from services.fleet.flows.impact import draft_impact
from services.fleet.flows.publishing import publish, roll_back
from services.messaging.timers.ringing import ring_due
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.messaging.draining import handle_all, letters
from tests.services.messaging.flows.test_people import run_of, sent, step, write


def flow(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"start": steps[0]["key"], "steps": list(steps)}


def ring(platform: Platform) -> None:
    ring_due(platform, clock=lambda: utc_now() + timedelta(seconds=1))
    handle_all(platform)


@pytest.mark.data
def test_whoever_stands_at_a_step_that_goes_is_moved_and_hears_of_the_new_one(
    platform: Platform, bot: Bot
) -> None:
    owner = Principal(bot.account_id, f"account:{bot.account_id}")
    end: dict[str, Any] = {"then": {"kind": "end"}}
    first = flow(step("ask", replies=[{"step": "thanks"}]), step("thanks", **end))
    made = create_flow(platform, owner, NewFlow(name="Main", key="main", document=first))
    publish(platform, owner, made.id, Publication(revision=1, version=None))
    write(platform, bot, "/start")
    second = flow(step("hello", replies=[{"step": "bye"}]), step("bye", **end))
    save_draft(platform, owner, made.id, second, 1)
    shown = draft_impact(platform, owner, made.id)["removed"]
    assert [(each["step"], each["people"]) for each in shown] == [("ask", 1), ("thanks", 0)]
    wanted = Publication(revision=2, version=1, moves={"ask": "hello", "thanks": None})
    publish(platform, owner, made.id, wanted)
    ring(platform)
    write(platform, bot, "yes", first=2)
    run = run_of(platform, bot)
    assert (run.step, run.status, run.version) == ("bye", "ended", 2)

    write(platform, bot, "/start", first=3)  # and one step back
    roll_back(platform, owner, made.id, 1, Restoration(version=2, moves={"hello": "ask", "bye": None}))
    ring(platform)
    write(platform, bot, "yes", first=4)
    run = run_of(platform, bot)
    assert (run.step, run.version) == ("thanks", 3)
    assert sorted(sent(platform, bot)) == ["ask", "ask", "bye", "hello", "hello", "thanks"]
    assert letters(platform) == []
