"""REST API of saved segments of people."""

from __future__ import annotations

from flask import Blueprint

from blueprints.api.body import Page, page_of
from blueprints.api.operation import Created, operation
from services.core.answer_types import Listing
from services.platform.accounts.principal import Scope
from services.traffic.audience import segments
from services.traffic.audience.segments import SegmentChange, SegmentFields, SegmentView, describe_segment
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("segments", __name__, url_prefix="/segments")
ONE = "/<int:segment_id>"


@blueprint.get("")
@api(Scope.READ)
@operation()
def index(query: Page) -> Listing[SegmentView]:
    """The caller's segments; each by itself tells how many people it has."""
    found = segments.list_segments(platform(), caller(), after=query.after, limit=query.limit + 1)
    return page_of(found, query, describe_segment)


@blueprint.post("")
@api(Scope.WRITE)
@operation()
def create(body: SegmentFields) -> Created[SegmentView]:
    """Save conditions under a name."""
    made = segments.create_segment(platform(), caller(), body)
    return Created(describe_segment(made), f"/api/v1/segments/{made.id}")


@blueprint.get(ONE)
@api(Scope.READ)
@operation()
def show(segment_id: int) -> SegmentView:
    """One segment, with how many people meet its conditions now."""
    return segments.counted_segment(platform(), caller(), segment_id)


@blueprint.patch(ONE)
@api(Scope.WRITE)
@operation()
def change(segment_id: int, body: SegmentChange) -> SegmentView:
    """Rename it, or ask something else."""
    return describe_segment(segments.change_segment(platform(), caller(), segment_id, body))


@blueprint.delete(ONE)
@api(Scope.WRITE)
@operation()
def remove(segment_id: int) -> None:
    """Forget the conditions; the people stay."""
    segments.delete_segment(platform(), caller(), segment_id)
