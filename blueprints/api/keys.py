"""REST API of keys: make one (shown once), list, replace, revoke."""

from __future__ import annotations

from flask import Blueprint
from pydantic import Field

from blueprints.api.body import Body, Page, page_of
from blueprints.api.operation import Created, operation
from services.core.answer_types import Listing
from services.platform.accounts import api_keys
from services.platform.accounts.api_keys import (
    MAX_DAYS,
    MAX_NAME,
    MAX_OVERLAP_HOURS,
    OVERLAP_HOURS,
    KeyView,
    MadeKeyView,
)
from services.platform.accounts.principal import Scope
from web.access import api, caller, fresh
from web.platform import platform

blueprint = Blueprint("keys", __name__, url_prefix="/keys")


class NewKey(Body):
    """Body of a new key; without scopes it has all that its maker has, without days it lasts as long (a person's for good)."""

    name: str = Field("", max_length=MAX_NAME)
    scopes: list[Scope] = Field(default_factory=list)
    expires_days: int | None = Field(None, ge=1, le=MAX_DAYS)


class Rotation(Body):
    """Body of a rotation."""

    overlap_hours: int = Field(
        OVERLAP_HOURS,
        ge=0,
        le=MAX_OVERLAP_HOURS,
        description="how long the old key goes on beside the new one",
    )


class Revocation(Body):
    """What ends with a key."""

    made_too: bool = Field(False, description="also revoke the keys that it made, and those that they made")


@blueprint.post("")
@api(Scope.WRITE)
@fresh()
@operation()
def create(body: NewKey) -> Created[MadeKeyView]:
    """Make a key; `key` in the answer is its text, which is never shown again."""
    row, text = api_keys.create_key(
        platform(), caller(), scopes=body.scopes, name=body.name, expires_days=body.expires_days
    )
    return Created({**api_keys.describe(row), "key": text})


@blueprint.get("")
@api(Scope.READ)
@operation()
def listing(query: Page) -> Listing[KeyView]:
    """The caller's keys, without their secrets."""
    rows = api_keys.list_keys(platform(), caller(), after=query.after, limit=query.limit + 1)
    return page_of(rows, query, api_keys.describe)


@blueprint.post("/<key_id>/rotate")
@api(Scope.WRITE)
@fresh()
@operation()
def rotate(key_id: str, body: Rotation) -> Created[MadeKeyView]:
    """Make a successor with the same name, scopes and length of life; the old key ends in `overlap_hours`."""
    row, text = api_keys.rotate_key(platform(), caller(), key_id, overlap_hours=body.overlap_hours)
    return Created({**api_keys.describe(row), "key": text})


@blueprint.delete("/<key_id>")
@api(Scope.WRITE)
@fresh()
@operation()
def revoke(key_id: str, query: Revocation) -> None:
    """Revoke a key; it stops working at once. Those that it made go on unless `made_too` is true."""
    api_keys.revoke_key(platform(), caller(), key_id, made_too=query.made_too)
