"""System: health and metrics."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from services.core.errors import InvalidInput
from services.fleet.declared.schema import PATH, bot_schema
from services.fleet.plugin_loading.reloader import Reloader
from services.operations.doctor.echo import LONGEST_NONCE, signed
from services.operations.findings import Condition
from services.operations.metrics import exposition
from services.operations.readiness import details, readiness
from services.platform.platform import Platform
from services.queueing.heartbeats import Heartbeats
from web.access import internal, public
from web.lifecycle import ON_WORKER_START
from web.limiter import REFUSED_KEYS
from web.platform import EXTENSION, platform
from web.proxies import forwarded_hops

blueprint = Blueprint("system", __name__)
REFUSED_KEYS(blueprint)
EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@blueprint.get("/health/live")
@public
def live() -> ResponseReturnValue:
    """This process answers requests; asks nobody."""
    return jsonify(status="alive")


@blueprint.get("/health/ready")
@public
def ready() -> ResponseReturnValue:
    """200 when requests can be served in full, 503 with the reasons when not; warnings do not change the status."""
    found = readiness(platform())
    return jsonify(found.as_json()), 503 if found.condition is Condition.UNREADY else 200


@blueprint.get("/health/echo")
@public
def echo() -> ResponseReturnValue:
    """For `flask doctor`, which asks from outside: signs the caller's nonce, and says how many proxies passed the request on."""
    nonce = request.args.get("nonce", "")
    if not 0 < len(nonce) <= LONGEST_NONCE:
        raise InvalidInput("A nonce of 1 to 64 characters is needed", code="nonce_needed")
    return jsonify(signature=signed(platform().settings, nonce), hops=forwarded_hops(request))


@blueprint.get("/health/full")
@internal
def full() -> ResponseReturnValue:
    """Everything known of the installation's condition; always 200, so that it can be read when it matters."""
    return jsonify(details(platform()))


@blueprint.get("/metrics")
@internal
def metrics() -> ResponseReturnValue:
    """All metrics of all processes for Prometheus."""
    return Response(exposition(platform()), content_type=EXPOSITION_TYPE)


@blueprint.get(PATH)
@public
def bot_file_schema() -> ResponseReturnValue:
    """The JSON Schema of a bot's YAML file, for editors, which cannot sign in; it says what plugins can be told, and no value."""
    return jsonify(bot_schema())


def start(app: Flask) -> None:
    """Let this web process keep to the folder of plugins and give signs of life."""
    served: Platform = app.extensions[EXTENSION]
    reloader = Reloader(served, on_swap=lambda: heartbeats.beat_now())
    heartbeats = Heartbeats(served, "web", lambda: {"plugins": reloader.report()})
    reloader.start()
    heartbeats.start()


ON_WORKER_START.append(start)
