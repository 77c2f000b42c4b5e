"""What a process keeps of flows' versions: so many bytes of JSON, those that were used last."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import event, select

from models import Flow
from services.messaging.plugin_runtime.flow_shelf import FlowShelf
from services.platform.platform import Platform
from tests.services.messaging.flows.conftest import Publish
from tests.services.messaging.flows.test_people import step


@pytest.fixture
def reads(platform: Platform) -> Iterator[list[str]]:
    """The documents that are read from the database."""
    found: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        found.extend([statement] * ("document" in statement))

    event.listen(platform.database.engine, "before_cursor_execute", note)
    yield found
    event.remove(platform.database.engine, "before_cursor_execute", note)


def test_the_versions_used_last_are_kept_up_to_so_much_json(
    platform: Platform, publish: Publish, reads: list[str]
) -> None:
    for _ in range(3):
        publish(step("a", "x" * 4000))
    shelf = FlowShelf(most=10_000)  # two of them
    reads.clear()
    with platform.database.reading() as session:
        [flow] = session.scalars(select(Flow.id))
        counts = []
        for number in (1, 2, 1, 3, 1, 2):
            assert shelf.in_force(session, flow, number) is not None
            counts.append(len(reads))
        assert counts == [1, 2, 2, 3, 3, 4]
        small = FlowShelf(most=10)
        assert small.document(session, flow, 1) is small.document(
            session, flow, 1
        )  # the latest, however large
