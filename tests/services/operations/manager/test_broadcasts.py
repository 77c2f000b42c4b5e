"""/broadcasts: the caller's own alone, in pages, and switched by a confirmation."""

from __future__ import annotations

from models import Broadcast, BroadcastStatus
from services.platform.platform import Platform
from tests.blueprints.people import make_account
from tests.services.operations.manager.test_desk import linked, said
from tests.services.operations.manager.test_screens import every_page, labels


def test_broadcasts_are_listed_opened_and_switched_by_their_owner_alone(platform: Platform) -> None:
    owner, other = make_account(platform), make_account(platform, "other@example.com", admin=True)
    fleet, stranger = linked(platform, 5, owner), linked(platform, 6, other)
    assert said(fleet.command("broadcasts", "")).startswith("You have no broadcasts yet")
    counts = {"sent": 3, "failed": 2, "blocked": 1, "causes": {"chat not found": 2}}
    with platform.database.transaction() as session:
        rows = [
            Broadcast(
                account_id=owner.id,
                name=f"{'N' * 90} {number:02}",
                status=BroadcastStatus.RUNNING,
                recipients=10,
                counts=counts,
            )
            for number in range(9)
        ]
        session.add_all(rows)
        session.flush()
        number = str(rows[0].id)
    pages = [*every_page(fleet, fleet.command("broadcasts", ""))]
    assert len(pages) == 2
    assert "running, sent 3 of 10" in pages[0].text
    shown = fleet.tap("broadcast", number)
    assert "Failed: 2\n· 2 × chat not found\nBlocked: 1\nLeft: 4" in said(shown)
    assert labels(shown) == ["⏸️ Pause", "⏹️ Stop"]
    for action in ("broadcast", "ask_broadcast_stop", "do_broadcast_stop"):
        assert "There is no such broadcast" in said(stranger.tap(action, number)), "an admin's chat too"
    assert said(stranger.command("broadcasts", "")).startswith("You have no broadcasts yet")
    asked = fleet.tap("ask_broadcast_pause", number)
    assert asked is not None
    assert asked.buttons[0][0].once
    for _ in range(2):  # handled once more it changes nothing more
        paused = fleet.tap("do_broadcast_pause", number)
        assert labels(paused) == ["▶️ Resume", "⏹️ Stop"]
    assert "running" in said(fleet.tap("do_broadcast_resume", number))
    assert labels(fleet.tap("do_broadcast_stop", number)) == []
    refused = said(fleet.tap("do_broadcast_resume", number))
    assert "can't become" in refused
