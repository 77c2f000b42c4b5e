"""`/botapi`: the Bot API for a bot's own program, with its worker token in the place of the bot's (ADR 42)."""

from __future__ import annotations

from functools import partial
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Any

from flask import Blueprint, Response, json, request, send_file

from services.core.errors import Rejected
from services.messaging.workers.bot_api import BotApi
from services.messaging.workers.said import Said, refusal
from web.access import by_worker, worker
from web.departed import has_left
from web.limiter import REFUSED_KEYS
from web.platform import platform
from web.work_giver import work_giver
from web.worker_limits import limit_programs

blueprint = Blueprint("bot_api", __name__, url_prefix="/botapi")
REFUSED_KEYS(blueprint)
limit_programs(blueprint, looks=True)
LARGEST_REQUEST = 51 * 1024 * 1024  # bytes: a file of 50 MB, and the form around it
MOST_FILES = 21  # ten of an album with a thumbnail each, and one more to be refused by Telegram
IN_MEMORY = 1024 * 1024  # bytes of a file; what is larger goes by way of a temporary file


@blueprint.route("/bot<worker_token>/<method>", methods=["GET", "POST"])
@by_worker
def call(worker_token: str, method: str) -> Response:
    """Call a method; parameters by query, form, with files in it, or JSON."""
    if request.mimetype == "multipart/form-data":
        request.max_content_length = LARGEST_REQUEST
    files = {
        field: (part.filename or field, part.stream)
        for field, part in islice(request.files.items(), MOST_FILES)
    }
    gone = partial(has_left, request.environ)
    return _answer(_api().call(worker(), method, _params(), gone, files))


@blueprint.get("/file/bot<worker_token>/<path:file_path>")
@by_worker
def file(worker_token: str, file_path: str) -> Response:
    """A file that somebody sent, by the path that getFile told."""
    content = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # closed with the answer

    def take(piece: bytes) -> None:
        content.write(piece)

    try:
        _api().download(worker(), file_path, take)
    except Rejected as error:
        content.close()
        return _answer(refusal(404, f"Not Found: {error.message}"))
    content.seek(0)
    return send_file(content, mimetype="application/octet-stream")


def _params() -> dict[str, Any]:
    body = request.get_json(silent=True) if request.is_json else None
    return {**request.args.to_dict(), **request.form.to_dict(), **(body if isinstance(body, dict) else {})}


def _answer(said: Said) -> Response:
    return Response(json.dumps(said.body), said.status, mimetype="application/json")


def _api() -> BotApi:
    return BotApi(platform(), work_giver())
