"""The control API under ``/sandbox/api``: make bots and people, let people act, break things, look."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from tools.sandbox.errors import ControlError
from tools.sandbox.methods.managed import announce
from tools.sandbox.model import Bot, BotStatus, Json
from tools.sandbox.world import World

Answer = Response | tuple[Response, int]


def body() -> dict[str, Any]:
    """The JSON object of the request, empty when there is none. ControlError 400."""
    if not request.get_data(cache=True):
        return {}
    values = request.get_json(silent=True)
    if not isinstance(values, dict):
        raise ControlError(400, "bad_json", "send a JSON object with Content-Type application/json")
    return values


def show_bot(bot: Bot) -> Json:
    """A bot as the control API shows it, with its token: nothing here is secret."""
    return {
        "id": bot.id,
        "username": bot.username,
        "first_name": bot.first_name,
        "token": bot.token,
        "status": bot.status.value,
        "strict": bot.strict,
        "can_manage_bots": bot.can_manage_bots,
        "webhook_url": bot.webhook.url if bot.webhook else "",
        "pending_update_count": len(bot.inbox.entries),
        "chats": len(bot.conversations),
    }


def create_control(world: World) -> Blueprint:
    """The blueprint with bots, faults, journal, counters and clock."""
    control = Blueprint("control", __name__, url_prefix="/sandbox/api")
    _bot_routes(control, world)
    _fault_routes(control, world)
    _look_routes(control, world)
    return control


def _bot_routes(control: Blueprint, world: World) -> None:
    @control.get("/bots")
    def bots() -> Answer:
        return jsonify(bots=[show_bot(bot) for bot in world.bots.values()])

    @control.post("/bots")
    def add_bots() -> Answer:
        spec = body()
        count = int(spec.get("count", 1))
        if count != 1 and (spec.get("username") or spec.get("token")):
            raise ControlError(400, "bad_count", "count goes without username and token")
        if not 1 <= count <= 10_000:
            raise ControlError(400, "bad_count", "count is 1 to 10000")
        made = [_make_bot(world, spec) for _ in range(count)]
        return jsonify(bots=[show_bot(bot) for bot in made]), 201

    @control.get("/bots/<name>")
    def one_bot(name: str) -> Answer:
        return jsonify(bot=show_bot(world.find_bot(name)))

    @control.post("/bots/<name>/<act>")
    def change_bot(name: str, act: str) -> Answer:
        bot = world.find_bot(name)
        if act == "rotate":
            world.rotate_token(bot)
            announce(world, bot)
        elif act in ("manage", "unmanage"):
            bot.can_manage_bots = act == "manage"
        elif act in ("strict", "lenient"):
            bot.strict = act == "strict"
        elif act in _STATUS_OF_ACT:
            world.set_status(bot, _STATUS_OF_ACT[act])
        else:
            raise ControlError(
                404, "no_such_act", "revoke, restore, freeze, rotate, manage, unmanage, strict or lenient"
            )
        return jsonify(bot=show_bot(bot))


_STATUS_OF_ACT = {"revoke": BotStatus.REVOKED, "restore": BotStatus.ALIVE, "freeze": BotStatus.FROZEN}


def _make_bot(world: World, spec: Json) -> Bot:
    bot = world.add_bot(
        str(spec.get("username", "")), str(spec.get("first_name", "")), str(spec.get("token", ""))
    )
    bot.strict = bool(spec.get("strict", bot.strict))
    bot.can_manage_bots = bool(spec.get("can_manage_bots", False))
    return bot


def _fault_routes(control: Blueprint, world: World) -> None:
    @control.get("/faults")
    def faults() -> Answer:
        return jsonify(faults=[fault.as_json() for fault in world.faults.faults])

    @control.post("/faults")
    def add_fault() -> Answer:
        spec = body()
        bot_id = world.find_bot(str(spec["bot"])).id if spec.get("bot") else None
        return jsonify(fault=world.faults.add(spec, bot_id).as_json()), 201

    @control.delete("/faults")
    def clear_faults() -> Answer:
        world.faults.faults.clear()
        return jsonify(ok=True)


def _look_routes(control: Blueprint, world: World) -> None:
    @control.get("/sent")
    def sent() -> Answer:
        bot_id = world.find_bot(request.args["bot"]).id if request.args.get("bot") else None
        found = world.journal.since(
            request.args.get("since", 0, int),
            bot_id,
            request.args.get("method", ""),
            request.args.get("limit", 10_000, int),
        )
        return jsonify(sent=[item.as_json() for item in found], last_seq=world.journal.last_seq)

    @control.get("/stats")
    def stats() -> Answer:
        counters = world.stats
        return jsonify(
            calls=counters.calls_by_method(),
            calls_total=sum(counters.calls.values()),
            updates_created=counters.updates_created,
            updates_filtered=counters.updates_filtered,
            updates_delivered=counters.updates_delivered,
            updates_retried=counters.updates_retried,
            updates_expired=counters.updates_expired,
            faults_applied=counters.faults_applied,
            pending=sum(len(bot.inbox.entries) for bot in world.bots.values()),
            sent=world.journal.last_seq,
            bots=len(world.bots),
            users=len(world.users),
        )

    @control.get("/webhook-times")
    def webhook_times() -> Answer:
        return jsonify(seconds=[round(each, 6) for each in world.stats.webhook_seconds])

    @control.post("/reset")
    def reset() -> Answer:
        world.reset()
        return jsonify(ok=True)

    @control.post("/clock")
    def advance() -> Answer:
        world.clock.advance(float(body().get("advance", 0)))
        return jsonify(now=world.clock.now())
