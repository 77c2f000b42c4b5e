"""Messages that carry neither text nor file: a place, an address, a contact, a throw of dice."""

from __future__ import annotations

import math
from collections.abc import Callable

from tools.sandbox.errors import bad_request
from tools.sandbox.methods.chats import writable_chat
from tools.sandbox.methods.sending import post
from tools.sandbox.model import Bot, Json
from tools.sandbox.params import Params
from tools.sandbox.world import World

DICE = {"🎲": 6, "🎯": 6, "🎳": 6, "🏀": 5, "⚽": 5, "🎰": 64}
"""The highest value of each (Bot API: Dice)."""


def _place(params: Params) -> Json:
    """Telegram's ``Location``. ApiError 400 for what is nowhere on Earth."""
    try:
        latitude, longitude = (float(params.text(name)) for name in ("latitude", "longitude"))
    except ValueError:
        latitude = longitude = math.nan
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise bad_request("wrong latitude or longitude specified")
    return {"latitude": latitude, "longitude": longitude}


def _location(_world: World, params: Params) -> Json:
    place = _place(params)
    if params.integer("live_period"):
        place["live_period"] = params.integer("live_period")
    return {"location": place}


def _venue(_world: World, params: Params) -> Json:
    place = _place(params)
    return {
        "location": place,
        "venue": {"location": place, "title": _given(params, "title"), "address": _given(params, "address")},
    }


def _contact(_world: World, params: Params) -> Json:
    contact = {name: _given(params, name) for name in ("phone_number", "first_name")}
    if params.text("last_name"):
        contact["last_name"] = params.text("last_name")
    return {"contact": contact}


def _dice(world: World, params: Params) -> Json:
    emoji = params.text("emoji") or "🎲"
    if emoji not in DICE:
        raise bad_request("emoji is not supported")
    return {"dice": {"emoji": emoji, "value": world.rng.randint(1, DICE[emoji])}}


def _given(params: Params, name: str) -> str:
    if not params.text(name).strip():
        raise bad_request(f"{name} is empty")
    return params.text(name)


def _sender(method: str, content: Callable[[World, Params], Json]) -> Callable[[World, Bot, Params], Json]:
    def send(world: World, bot: Bot, params: Params) -> Json:
        chat = writable_chat(world, bot, params)
        return post(world, bot, chat, params, content(world, params), method, None)

    return send


_CONTENTS = {"sendLocation": _location, "sendVenue": _venue, "sendContact": _contact, "sendDice": _dice}
METHODS = {method: _sender(method, content) for method, content in _CONTENTS.items()}
