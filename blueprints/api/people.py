"""REST API of what is kept of one person, over all bots of the account: exported, erased."""

from __future__ import annotations

from flask import Blueprint
from pydantic import BaseModel, Field

from blueprints.api.operation import operation
from services.operations.personal_data.erasing import ErasedView, erase_person
from services.operations.personal_data.exporting import PersonView, export_person
from services.platform.accounts.principal import Scope
from web.access import api, caller, fresh
from web.platform import platform

blueprint = Blueprint("people", __name__, url_prefix="/people/<int:telegram_id>")


class DryRun(BaseModel):
    """Whether anything is to happen."""

    dry_run: bool = Field(False, description="only count what would be erased")


@blueprint.get("")
@api(Scope.READ)
@operation()
def show(telegram_id: int) -> PersonView:
    """All that is kept of a person, for them. Contents of files: `GET /files/{id}/content`."""
    return export_person(platform(), caller(), telegram_id)


@blueprint.delete("")
@api(Scope.WRITE)
@fresh()
@operation()
def erase(telegram_id: int, query: DryRun) -> ErasedView:
    """Erase a person from all bots of the account. May be repeated."""
    return erase_person(platform(), caller(), telegram_id, dry_run=query.dry_run)
