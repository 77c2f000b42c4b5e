"""Drafts of flows: made, saved by two at once, deleted; on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from models import AuditEvent, BotPlugin, Flow, FlowVersion, RedirectPool
from services.core.errors import Conflict, InvalidInput, NotFound
from services.fleet.flows.documents import document_at, published
from services.fleet.flows.drafts import LARGEST_DOCUMENT, save_draft
from services.fleet.flows.fields import NewFlow
from services.fleet.flows.flows import create_flow, delete_flow, get_flow
from services.fleet.flows.views import list_views
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.fleet.pools.fleet import new_account, new_bot, new_pool

pytestmark = pytest.mark.data


@pytest.fixture
def owner(platform: Platform) -> Principal:
    return new_account(platform)


def one_step(text: str, **more: Any) -> dict[str, Any]:
    return {"start": "start", "steps": [{"key": "start", "messages": [{"text": text}], **more}]}


def in_force(platform: Platform, flow_id: int, document: dict[str, Any]) -> None:
    """A version of the flow, as publishing leaves it."""
    with platform.database.transaction() as session:
        session.add(FlowVersion(flow_id=flow_id, number=1, document=document, published_by="test"))
        session.get_one(Flow, flow_id).published = 1


def test_keys_come_of_names_and_are_each_given_once(platform: Platform, owner: Principal) -> None:
    keys = [create_flow(platform, owner, NewFlow(name="  Vídeo curto! ")).key for _ in range(3)]
    assert keys == ["video-curto", "video-curto-2", "video-curto-3"]
    with pytest.raises(Conflict) as refused:
        create_flow(platform, owner, NewFlow(name="Other", key="video-curto"))
    assert refused.value.code == "flow_key_taken"
    assert create_flow(platform, new_account(platform), NewFlow(name="x", key="video-curto")).id
    assert [flow["key"] for flow in list_views(platform, owner)] == keys


def test_of_two_editors_the_second_is_told_who_and_when_and_overwrites_nothing(
    platform: Platform, owner: Principal
) -> None:
    flow = create_flow(platform, owner, NewFlow(name="Sales"))
    program = Principal(owner.account_id, "key:ab12")
    saved = save_draft(platform, program, flow.id, one_step("first"), flow.draft_revision)
    with pytest.raises(Conflict) as refused:
        save_draft(platform, owner, flow.id, one_step("second"), flow.draft_revision)
    assert refused.value.code == "draft_changed"
    assert "API key ab12" in refused.value.message
    assert "20" in str(refused.value.text.values["when"])
    kept = get_flow(platform, owner, flow.id)
    assert (kept.draft, kept.draft_revision, kept.draft_by) == (one_step("first"), 2, "key:ab12")
    # Whoever has the same in hand loses nothing, whatever they opened.
    assert save_draft(platform, owner, flow.id, one_step("first"), 1).draft_revision == saved.draft_revision
    assert save_draft(platform, owner, flow.id, one_step("second"), 2).draft_revision == 3


def test_a_sitting_of_one_person_is_one_entry_of_the_trail(platform: Platform, owner: Principal) -> None:
    flow = create_flow(platform, owner, NewFlow(name="Sales"))
    program = Principal(owner.account_id, "key:ab12")
    for number, who in enumerate([owner, owner, program, program, owner], start=1):
        save_draft(platform, who, flow.id, one_step(str(number)), number)
    with platform.database.reading() as session:
        kinds = session.scalars(select(AuditEvent.kind).order_by(AuditEvent.id)).all()
    assert kinds == ["flow_created", "flow_draft_saved", "flow_draft_saved"]


def test_a_draft_may_be_incomplete_but_neither_endless_nor_no_json(
    platform: Platform, owner: Principal
) -> None:
    flow = create_flow(platform, owner, NewFlow(name="Sales"))
    assert save_draft(platform, owner, flow.id, {"steps": [{"key": ""}]}, 1).draft_revision == 2
    deep: dict[str, Any] = {}
    for _ in range(12):
        deep = {"a": deep}
    for document, code in [
        (one_step("x" * LARGEST_DOCUMENT), "flow_too_large"),
        (deep, "flow_too_large"),
        ({"a": float("nan")}, "flow_malformed"),
    ]:
        with pytest.raises(InvalidInput) as refused:
            save_draft(platform, owner, flow.id, document, 2)
        assert refused.value.code == code


def test_somebody_else_s_flow_is_not_there(platform: Platform, owner: Principal) -> None:
    flow = create_flow(platform, owner, NewFlow(name="Sales"))
    stranger = new_account(platform)
    for use in (
        lambda: get_flow(platform, stranger, flow.id),
        lambda: save_draft(platform, stranger, flow.id, one_step("x"), 1),
        lambda: delete_flow(platform, stranger, flow.id),
    ):
        with pytest.raises(NotFound) as refused:
            use()
        assert refused.value.code == "flow_not_found"


def test_what_is_in_force_is_found_by_key_and_any_version_by_number(
    platform: Platform, owner: Principal
) -> None:
    flow = create_flow(platform, owner, NewFlow(name="Sales"))
    with platform.database.reading() as session:
        assert published(session, owner.account_id, "sales") is None
        assert document_at(session, flow.id, 1) is None
    in_force(platform, flow.id, one_step("hi"))
    with platform.database.reading() as session:
        found = published(session, owner.account_id, "sales")
        assert found is not None
        assert (found.flow_id, found.number) == (flow.id, 1)
        assert document_at(session, flow.id, 1) == found.document
        assert published(session, new_account(platform).account_id, "sales") is None


def test_a_flow_that_somebody_names_stays(platform: Platform, owner: Principal) -> None:
    flow = create_flow(platform, owner, NewFlow(name="Sales"))
    other = create_flow(platform, owner, NewFlow(name="Other"))
    in_force(platform, other.id, one_step("x", then={"kind": "flow", "flow": "sales"}))
    bot, pool = new_bot(platform, owner), new_pool(platform, owner, "pool")
    theirs = new_bot(platform, new_account(platform))
    with platform.database.transaction() as session:
        for each in (bot, theirs):
            session.add(BotPlugin(bot_id=each.id, position=0, name="flow", config={"flow": "sales"}))
        session.get_one(RedirectPool, pool.id).behaviour = {
            "plugins": [{"name": "flow", "config": {"flow": "sales"}}]
        }
    with pytest.raises(Conflict) as refused:
        delete_flow(platform, owner, flow.id)
    assert refused.value.code == "flow_in_use"
    assert refused.value.text.values["users"] == f"@{bot.username}, pool, other"
    delete_flow(platform, owner, other.id)
    with pytest.raises(NotFound):
        get_flow(platform, owner, other.id)
