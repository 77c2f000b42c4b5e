"""REST API of pools and their members (I2)."""

from __future__ import annotations

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue

from blueprints.access import api, caller
from blueprints.api.body import page, page_of, parse
from blueprints.platform import platform
from models import RedirectPool
from services.accounts.caller import Scope
from services.pools import members, pools
from services.pools.fields import MemberChange, NewMember, NewPool, PoolChange
from services.pools.members import describe_member
from services.pools.pools import describe
from services.pools.status import pool_status

blueprint = Blueprint("pools", __name__, url_prefix="/redirect-pools")


@blueprint.post("")
@api(Scope.WRITE)
def create() -> ResponseReturnValue:
    """Make a pool."""
    pool = pools.create_pool(platform(), caller(), parse(NewPool))
    return _whole(pool), 201, {"Location": url_for(".show", pool_id=pool.id)}


@blueprint.get("")
@api(Scope.READ)
def index() -> ResponseReturnValue:
    """The caller's pools, oldest first."""
    asked = page()
    found = pools.list_pools(platform(), caller(), after=asked.after, limit=asked.limit + 1)
    return page_of(found, asked, describe)


@blueprint.get("/<int:pool_id>")
@api(Scope.READ)
def show(pool_id: int) -> ResponseReturnValue:
    """One pool with its members."""
    return _whole(pools.get_pool(platform(), caller(), pool_id))


@blueprint.patch("/<int:pool_id>")
@api(Scope.WRITE)
def change(pool_id: int) -> ResponseReturnValue:
    """Change what the body names."""
    return _whole(pools.update_pool(platform(), caller(), pool_id, parse(PoolChange)))


@blueprint.delete("/<int:pool_id>")
@api(Scope.WRITE)
def delete(pool_id: int) -> ResponseReturnValue:
    """Delete a pool with its clicks."""
    pools.delete_pool(platform(), caller(), pool_id)
    return "", 204


@blueprint.get("/<int:pool_id>/status")
@api(Scope.READ)
def status(pool_id: int) -> ResponseReturnValue:
    """The pool as it stands: health, traffic, capacity, each member."""
    return pool_status(platform(), caller(), pool_id).as_json()


@blueprint.get("/<int:pool_id>/bots")
@api(Scope.READ)
def bots(pool_id: int) -> ResponseReturnValue:
    """The members of a pool."""
    pool = pools.get_pool(platform(), caller(), pool_id)
    return {"items": [describe_member(member) for member in pool.members], "next": None}


@blueprint.post("/<int:pool_id>/bots")
@api(Scope.WRITE)
def add_bot(pool_id: int) -> ResponseReturnValue:
    """Put a bot into the pool."""
    member = members.add_member(platform(), caller(), pool_id, parse(NewMember))
    return describe_member(member), 201


@blueprint.patch("/<int:pool_id>/bots/<bot_id>")
@api(Scope.WRITE)
def change_bot(pool_id: int, bot_id: str) -> ResponseReturnValue:
    """Change weight, priority or switches of a member."""
    return describe_member(members.update_member(platform(), caller(), pool_id, bot_id, parse(MemberChange)))


@blueprint.delete("/<int:pool_id>/bots/<bot_id>")
@api(Scope.WRITE)
def remove_bot(pool_id: int, bot_id: str) -> ResponseReturnValue:
    """Take a bot out of the pool."""
    members.remove_member(platform(), caller(), pool_id, bot_id)
    return "", 204


def _whole(pool: RedirectPool) -> dict[str, object]:
    return {
        **describe(pool),
        "former_slugs": pools.former_slugs(platform(), pool),
        "members": [describe_member(member) for member in pool.members],
    }
