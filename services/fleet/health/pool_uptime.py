"""Uptime of a pool: the time in which at least one member could get clicks, of the time in which anybody looked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from models import MemberStatus, PoolBot
from services.fleet.health.gaps import silent_since
from services.fleet.health.uptime import NOTHING, UP, Move, Window, gaps_within, moves_since

Spans = list[Window]


def pool_spans(
    session: Session, members: Iterable[PoolBot], window: Window, now: datetime, silence: timedelta
) -> tuple[Spans, Spans]:
    """When a pool was up, and when it was watched, as spans of the window that do not overlap; two queries.

    `silence` is the longest time that may pass without a check (`longest_silence`).
    """
    known = list(members)
    ids = [member.id for member in known]
    moves = moves_since(session, ids, window.begin)
    gaps = gaps_within(session, ids, window)
    up: Spans = []
    watched: Spans = []
    for member in known:
        since = silent_since(member, now, silence)
        unseen = [*gaps[member.id], *([Window(since, now)] if since else [])]
        own = Window(max(member.added_at, window.begin), window.end)
        for state, span in _states(moves[member.id], member.status, own):
            if state != MemberStatus.CHECKING:
                pieces = without(span, unseen)
                watched += pieces
                up += pieces if state in UP else []
    return merged(up), merged(watched)


def seconds_within(spans: Iterable[Window], window: Window) -> int:
    """How much of the window the spans cover, in whole seconds."""
    covered = sum((window.overlap(span.begin, span.end) for span in spans), NOTHING)
    return round(covered.total_seconds())


def merged(spans: Iterable[Window]) -> Spans:
    """The same time without overlaps, in order."""
    found: Spans = []
    for span in sorted(spans, key=lambda one: one.begin):
        if found and span.begin <= found[-1].end:
            found[-1] = Window(found[-1].begin, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def without(span: Window, holes: Iterable[Window]) -> Spans:
    """What is left of a span outside the holes."""
    left, begin = [], span.begin
    for hole in merged(holes):
        if hole.begin > begin:
            left.append(Window(begin, min(hole.begin, span.end)))
        begin = max(begin, hole.end)
        if begin >= span.end:
            break
    if begin < span.end:
        left.append(Window(begin, span.end))
    return [piece for piece in left if piece.end > piece.begin]


def _states(moves: Sequence[Move], status: str, window: Window) -> Iterator[tuple[str, Window]]:
    """The states a member had one after the other, each with its part of the window."""
    since, state = window.begin, moves[0][1] if moves else status
    for at, _, to in [*moves, (window.end, "", "")]:
        begin, end = max(since, window.begin), min(at, window.end)
        if end > begin:
            yield state, Window(begin, end)
        since, state = at, to
