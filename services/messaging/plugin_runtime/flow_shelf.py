"""Versions of flows that a process has read: they never change. The least lately used go first."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import FlowVersion
from plugins.flows.document import FlowDocument
from plugins.flows.run import FlowInForce
from services.fleet.flows.documents import document_at
from services.platform.database import Database

KEPT_JSON: Final = 8 * 1024 * 1024  # bytes in a process; documents took 2 to 6 times that in memory
Version = tuple[int, int]  # flow, number
Moves = Mapping[str, str | None]


@dataclass
class _Kept:
    document: FlowDocument
    size: int  # of its JSON, and of its moves
    moves: Moves | None = None


class FlowShelf:
    """Documents and moves by version, of one database. `most` is how many bytes of JSON are kept, the latest one besides."""

    def __init__(self, most: int = KEPT_JSON) -> None:
        self._most, self._size = most, 0
        self._kept: OrderedDict[Version, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def document(self, session: Session, flow_id: int, number: int) -> FlowDocument | None:
        """A version's document; None where there is none."""
        kept = self._read(session, (flow_id, number))
        return None if kept is None else kept.document

    def in_force(self, session: Session, flow_id: int, number: int) -> FlowInForce | None:
        """The version as one to be played."""
        kept = self._read(session, (flow_id, number))
        if kept is None:
            return None
        if kept.moves is None:
            moves = _moves_up_to(session, flow_id, number)
            self._keep((flow_id, number), _Kept(kept.document, kept.size + len(json.dumps(moves)), moves))
            return FlowInForce(flow_id, number, kept.document, moves)
        return FlowInForce(flow_id, number, kept.document, kept.moves)

    def _read(self, session: Session, version: Version) -> _Kept | None:
        with self._lock:
            found = self._kept.get(version)
            if found is not None:
                self._kept.move_to_end(version)
                return found
        document = document_at(session, *version)
        if document is None:
            return None
        return self._keep(version, _Kept(document, len(document.model_dump_json())))

    def _keep(self, version: Version, kept: _Kept) -> _Kept:
        with self._lock:
            former = self._kept.pop(version, None)
            self._size += kept.size - (former.size if former else 0)
            self._kept[version] = kept
            while self._size > self._most and len(self._kept) > 1:
                _, gone = self._kept.popitem(last=False)
                self._size -= gone.size
        return kept


_shelves: WeakKeyDictionary[Database, FlowShelf] = WeakKeyDictionary()


def shelf_of(database: Database) -> FlowShelf:
    """What this process has read of a database's versions."""
    return _shelves.setdefault(database, FlowShelf())


def _moves_up_to(session: Session, flow_id: int, number: int) -> Mapping[str, str | None]:
    """Where the people of every step went that was removed by a version up to `number`; of one removed twice, the last time."""
    query = select(FlowVersion.moves).where(FlowVersion.flow_id == flow_id, FlowVersion.number <= number)
    found: dict[str, str | None] = {}
    for moves in session.scalars(query.order_by(FlowVersion.number)):
        found.update(moves)
    return found
