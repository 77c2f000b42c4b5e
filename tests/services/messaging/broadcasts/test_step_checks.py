"""Which steps of flows may be sent, and how one is shown, tried and never changed afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select, update

from models import Bot, Broadcast, BroadcastRecipient, Flow
from services.core.errors import Conflict, FlotillaError
from services.core.times import utc_now
from services.fleet.flows.flows import delete_flow
from services.messaging.broadcasts.drafts import change_sent
from services.messaging.broadcasts.fields import ChangeOfSent, PreviewFields
from services.messaging.broadcasts.fields import TestFields as TryFields
from services.messaging.broadcasts.previews import picture, send_test
from services.messaging.timers.ringing import ring_due
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.services.messaging.broadcasts.conftest import Meet
from tests.services.messaging.broadcasts.stepping import (
    LATER,
    OFFER,
    OTHER,
    Make,
    publish,
    steps,
    switch,
)
from tests.services.messaging.draining import handle_all


def test_what_cannot_be_sent_is_refused_by_name(
    platform: Platform, bots: list[Bot], flow: Flow, make_step: Make, caller: Principal
) -> None:
    def refusal(**more: Any) -> tuple[str, str]:
        with pytest.raises(FlotillaError) as found:
            make_step(**more)
        return found.value.code, str(found.value)

    silent = {"key": "silent", "actions": [{"kind": "tag", "tag": "x"}]}
    publish(platform, bots[0].account_id, OTHER, OFFER, LATER, silent)
    with platform.database.transaction() as session:
        session.add(Flow(account_id=caller.account_id, key="new", name="New", draft={}, draft_by="test"))
    assert refusal(step="nowhere")[0] == "broadcast_step_missing"
    assert refusal(step="silent")[0] == "broadcast_step_silent"
    unknown = [{"step": {"flow": "nothing", "step": "offer"}}]
    assert refusal(variants=unknown)[0] == "broadcast_flow_unknown"
    draft = [{"step": {"flow": "new", "step": "offer"}}]
    assert refusal(variants=draft)[0] == "broadcast_flow_unpublished"
    assert refusal(per_second=31)[0] == "broadcast_unpaid"
    switch(platform, bots[1], on=False)
    code, words = refusal(audience={"bots": [bots[0].id, bots[1].id]})
    assert (code, f"@{bots[1].username}" in words, f"@{bots[0].username}" in words) == (
        "broadcast_bots_play_no_flow",
        True,
        False,
    )
    make_step()
    switch(platform, bots[0], on=False)
    assert refusal()[0] == "broadcast_bots_play_no_flow"
    with pytest.raises(Conflict) as used:  # a broadcast that is not over needs it
        delete_flow(platform, caller, flow.id)
    assert "Sale" in str(used.value)


def test_a_step_cannot_be_edited_or_deleted_afterwards(
    platform: Platform, make_step: Make, caller: Principal
) -> None:
    made = make_step()
    with platform.database.transaction() as session:
        session.execute(update(Broadcast).values(status="done", counts={"sent": 1}, ended_at=utc_now()))
    with pytest.raises(Conflict) as refused:
        change_sent(platform, caller, made.id, ChangeOfSent())
    assert refused.value.code == "broadcast_of_step"


def test_a_step_is_shown_and_tried_as_it_will_be(
    platform: Platform, bots: list[Bot], meet: Meet, make_step: Make, caller: Principal
) -> None:
    (person,) = meet(1)
    made = make_step()
    wanted = PreviewFields.model_validate({"step": {"flow": "sale", "step": "offer"}})
    shown = picture(platform, caller, wanted, "en")["messages"]
    assert [bool(each["rows"]) for each in shown] == [False, True]
    with pytest.raises(ValidationError):
        PreviewFields.model_validate({})
    send_test(platform, caller, made.id, TryFields(bot_id=bots[0].id, telegram_id=person))
    ring_due(platform)
    handle_all(platform)
    assert steps(platform) == {person: "offer"}
    assert platform.redis.xlen(keys.outbox(bots[0].id, "bulk")) == 2
    with platform.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(BroadcastRecipient)) == 0
