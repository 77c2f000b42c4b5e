"""REST API of broadcasts: write, count, start, watch, stop; and what came of them."""

from __future__ import annotations

from flask import Blueprint, Response, url_for
from flask_babel import get_locale

from blueprints.api.body import Page, page_of
from blueprints.api.downloads import CSV, as_csv
from blueprints.api.operation import Created, operation
from services.core.answer_types import Listing
from services.messaging.broadcasts import drafts, lifecycle
from services.messaging.broadcasts.fields import (
    BroadcastChange,
    ChangeOfSent,
    NewBroadcast,
    PreviewFields,
    StartFields,
    TestFields,
)
from services.messaging.broadcasts.previews import picture, send_test
from services.messaging.broadcasts.results import COLUMNS, VariantResult, ledger_rows
from services.messaging.broadcasts.results import results as results_of
from services.messaging.broadcasts.views import BroadcastView, PlanView, ProgressView, describe
from services.messaging.broadcasts.views import plan as plan_of
from services.messaging.broadcasts.views import progress as progress_of
from services.messaging.plugin_kit.chat_play import ChatPictureView
from services.platform.accounts.principal import Scope
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("broadcasts", __name__, url_prefix="/broadcasts")
ONE = "/<int:broadcast_id>"


@blueprint.post("")
@api(Scope.WRITE)
@operation(errors=(404, 409))
def create(body: NewBroadcast) -> Created[BroadcastView]:
    """Make a broadcast, as a draft."""
    made = drafts.create_broadcast(platform(), caller(), body)
    return Created(describe(made), url_for(".show", broadcast_id=made.id))


@blueprint.get("")
@api(Scope.READ)
@operation()
def index(query: Page) -> Listing[BroadcastView]:
    """The caller's broadcasts, oldest first."""
    found = drafts.list_broadcasts(platform(), caller(), after=query.after, limit=query.limit + 1)
    return page_of(found, query, describe)


@blueprint.get(ONE)
@api(Scope.READ)
@operation()
def show(broadcast_id: int) -> BroadcastView:
    """One broadcast."""
    return describe(drafts.get_broadcast(platform(), caller(), broadcast_id))


@blueprint.patch(ONE)
@api(Scope.WRITE)
@operation(errors=(409,))
def change(broadcast_id: int, body: BroadcastChange) -> BroadcastView:
    """Change what the body names, while it is a draft."""
    return describe(drafts.update_broadcast(platform(), caller(), broadcast_id, body))


@blueprint.delete(ONE)
@api(Scope.WRITE)
@operation(errors=(409,))
def remove(broadcast_id: int) -> None:
    """Delete a draft, or one that is over, with its ledger."""
    drafts.delete_broadcast(platform(), caller(), broadcast_id)


@blueprint.get(f"{ONE}/plan")
@api(Scope.READ)
@operation()
def plan(broadcast_id: int) -> PlanView:
    """Whom a start would reach now: people by bot, how long it takes, what it costs at most."""
    return plan_of(platform(), caller(), broadcast_id)


@blueprint.post(f"{ONE}/start")
@api(Scope.WRITE)
@operation(errors=(409,))
def start(broadcast_id: int, body: StartFields) -> BroadcastView:
    """Have it sent at once, or at a moment."""
    return describe(lifecycle.start(platform(), caller(), broadcast_id, body.at))


@blueprint.post(f"{ONE}/unschedule")
@api(Scope.WRITE)
@operation(errors=(409,))
def unschedule(broadcast_id: int) -> BroadcastView:
    """Make a scheduled one a draft again."""
    return describe(lifecycle.unschedule(platform(), caller(), broadcast_id))


@blueprint.post(f"{ONE}/pause")
@api(Scope.WRITE)
@operation(errors=(409,))
def pause(broadcast_id: int) -> BroadcastView:
    """Let nothing more of it leave, from this moment on."""
    return describe(lifecycle.pause(platform(), caller(), broadcast_id))


@blueprint.post(f"{ONE}/resume")
@api(Scope.WRITE)
@operation(errors=(409,))
def resume(broadcast_id: int) -> BroadcastView:
    """Go on with whoever waits."""
    return describe(lifecycle.resume(platform(), caller(), broadcast_id))


@blueprint.post(f"{ONE}/stop")
@api(Scope.WRITE)
@operation(errors=(409,))
def stop(broadcast_id: int) -> BroadcastView:
    """Stop it for good."""
    return describe(lifecycle.stop(platform(), caller(), broadcast_id))


@blueprint.post(f"{ONE}/changes")
@api(Scope.WRITE)
@operation(errors=(409,))
def change_sent(broadcast_id: int, body: ChangeOfSent) -> Created[BroadcastView]:
    """Make a draft of a second pass, which edits or deletes what was sent; start it as any other."""
    made = drafts.change_sent(platform(), caller(), broadcast_id, body)
    return Created(describe(made), url_for(".show", broadcast_id=made.id))


@blueprint.post(f"{ONE}/test")
@api(Scope.WRITE)
@operation(errors=(429,))
def test(broadcast_id: int, body: TestFields) -> None:
    """Send one of its texts to somebody whom the bot can reach, such as oneself."""
    send_test(platform(), caller(), broadcast_id, body)


@blueprint.post("/preview")
@api(Scope.WRITE)
@operation()
def preview(body: PreviewFields) -> ChatPictureView:
    """How a message, or what a step of a flow says, stands in a chat; nothing is kept or sent."""
    return picture(platform(), caller(), body, str(get_locale() or "en"))


@blueprint.get(f"{ONE}/progress")
@api(Scope.READ)
@operation()
def progress(broadcast_id: int) -> ProgressView:
    """How far it is, and when it ends by its bots' rates."""
    return progress_of(platform(), caller(), broadcast_id)


@blueprint.get(f"{ONE}/results")
@api(Scope.READ)
@operation()
def results(broadcast_id: int) -> list[VariantResult]:
    """What each of its texts led to."""
    return results_of(platform(), caller(), broadcast_id)


@blueprint.get(f"{ONE}/ledger")
@api(Scope.READ)
@operation(media=CSV)
def ledger(broadcast_id: int) -> Response:
    """The ledger as CSV: one row per person, with what became of them."""
    return as_csv(f"broadcast-{broadcast_id}", COLUMNS, ledger_rows(platform(), caller(), broadcast_id))
