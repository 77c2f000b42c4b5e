"""An admin who looks at somebody else's click or decision leaves an audit entry; an owner does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from models import AuditEvent
from services.core.errors import NotFound
from services.platform.platform import Platform
from services.traffic.clicks.dry_run import dry_run
from services.traffic.clicks.explain import explain_click
from services.traffic.clicks.flush import flush
from tests.services.fleet.pools.fleet import new_account, new_pool
from tests.services.traffic.clicks.clicking import ENVIRON, click, unstarted


def looks(platform: Platform) -> list[tuple[int | None, str]]:
    with platform.database.reading() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.kind == "admin_access"))
        return [(event.account_id, event.actor) for event in events]


@pytest.mark.data
def test_an_admins_look_at_a_foreign_click_or_decision_is_written_down(platform: Platform) -> None:
    owner = new_account(platform)
    admin = replace(new_account(platform), is_admin=True)
    stranger = new_account(platform)
    new_pool(platform, owner, "red1", 2)
    road = unstarted(platform)
    click_id = click(road).click_id
    flush(platform)
    explain_click(platform, owner, click_id)
    dry_run(platform, road, owner, "red1", ENVIRON)
    with pytest.raises(NotFound):
        explain_click(platform, stranger, click_id)
    with pytest.raises(NotFound):
        dry_run(platform, road, stranger, "red1", ENVIRON)
    assert looks(platform) == []
    explain_click(platform, admin, click_id)
    assert looks(platform) == [(owner.account_id, admin.actor)]
    dry_run(platform, road, admin, "red1", ENVIRON)
    assert looks(platform) == [(owner.account_id, admin.actor)] * 2
