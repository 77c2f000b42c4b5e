"""Fixtures of flows at work: the installation of the update road, a bot that plays a flow, and publications."""

from __future__ import annotations

from typing import Any, Protocol

import pytest
from sqlalchemy import select

from models import Bot, Flow, FlowVersion
from plugins.flows.document import FlowDocument
from services.core.times import utc_now
from services.fleet.flows.moving import move_people
from services.platform.platform import Platform
from tests.services.messaging.updates.conftest import settings
from tools.servers.fleet import add_bot

__all__ = ["settings"]


class Publish(Protocol):
    """Make steps the next version of the flow "main"."""

    def __call__(self, *steps: dict[str, Any], moves: dict[str, str | None] | None = None) -> int: ...


@pytest.fixture
def bot(platform: Platform) -> Bot:
    """Its replies stay in its outbox, because nobody sends."""
    identity = {"id": 7001, "username": "flow_bot", "token": "7001:" + "A" * 35}
    return add_bot(platform, identity, (("flow", {"flow": "main"}),))


@pytest.fixture
def publish(platform: Platform, bot: Bot) -> Publish:
    """The rows that a publication writes, and the moving of people in its transaction."""

    def published(*steps: dict[str, Any], moves: dict[str, str | None] | None = None) -> int:
        document = FlowDocument.model_validate({"start": steps[0]["key"], "steps": steps})
        with platform.database.transaction() as session:
            query = select(Flow).where(Flow.account_id == bot.account_id, Flow.key == "main")
            flow = session.scalars(query.with_for_update()).one_or_none()
            if flow is None:
                flow = Flow(account_id=bot.account_id, key="main", name="Main", draft={}, draft_by="test")
                session.add(flow)
                session.flush()
            number = (flow.published or 0) + 1
            version = FlowVersion(
                flow_id=flow.id,
                number=number,
                document=document.model_dump(mode="json"),
                published_by="test",
                moves=moves or {},
            )
            session.add(version)
            flow.published = number
            move_people(session, flow.id, number, moves or {}, utc_now())
            return number

    return published
