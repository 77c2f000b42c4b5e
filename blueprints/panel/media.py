"""Page: the media library; what it changes goes through the REST API. Its files are shown here as what they are."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, abort, render_template, request, send_file
from flask_babel import gettext as _

from blueprints.api.media import sealed
from blueprints.panel.blueprint import blueprint
from blueprints.panel.problems import problems
from services.core.identifiers import parsed_id
from services.fleet.media import library
from services.fleet.media.kinds import TAKEN
from services.fleet.media.library import MediaFilter
from web.access import caller, signed_in
from web.platform import platform

PAGE: Final = 24
SHOWN: Final = ("image/", "video/", "audio/")  # what a browser shows without running anything of it


@blueprint.get("/panel/media")
@signed_in
def media() -> str:
    """The caller's library, newest first."""
    return render_template("panel/media.html", initial=_page())


@blueprint.get("/panel/live/media")
@signed_in
def live_media() -> dict[str, Any]:
    """The same for scripts: of one kind, with words in the name, from the file behind `after` on."""
    return {**_page(), "problems": problems()}


@blueprint.get("/panel/media/<int:media_id>/content")
@signed_in
def media_content(media_id: int) -> Response:
    """A picture, film or sound, for looking at; anything else is only saved, by the API."""
    row, path = library.media_content(platform(), caller(), media_id)
    if not row.mime.startswith(SHOWN):
        abort(404)
    answer = sealed(send_file(path, mimetype=row.mime, max_age=0), "img-src 'self'; media-src 'self'; ")
    answer.headers["Cache-Control"] = "private, max-age=3600"  # the content of a number never changes
    return answer


def _page() -> dict[str, Any]:
    kind, after = request.args.get("kind", ""), parsed_id(request.args.get("after", "")) or 0
    words = request.args.get("words", "")[:100].replace("\0", "")
    wanted = MediaFilter(kind if kind in TAKEN else "", words, after, PAGE + 1, newest=True)
    found = library.list_with_uses(platform(), caller(), wanted)
    return {"files": found[:PAGE], "more": len(found) > PAGE, "room": library.room(platform(), caller())}


def media_texts() -> dict[str, str]:
    """What the scripts of the library and of its picker say."""
    return {
        "media.room": _("{used} of {limit} in use"),
        "media.room_unlimited": _("{used} in use"),
        "media.uploading": _("{name}: {percent}"),
        "media.uploaded": _("{name} is in the library."),
        "media.too_large": _("{name} is larger than the 50 MB that a bot can upload."),
        "media.unused": _("Nothing uses it"),
        "media.use.flow": _("{name}, step {step} (draft)"),
        "media.use.version": _("{name}, step {step} (version {version})"),
        "media.use.broadcast": _("Broadcast {name}"),
        "media.use.plugin": _("A plugin of {name}"),
        "media.rename": _("Rename {name}"),
        "media.renamed": _("The file has another name now."),
        "media.remove": _("Delete {name}"),
        "media.save": _("Download {name}"),
        "media.open": _("Open {name}"),
        "media.delete.title": _("Delete {name}?"),
        "media.delete.text": _("Messages that were sent keep their file. Nothing new can use it."),
        "media.delete.action": _("Delete file"),
        "media.deleted": _("The file is deleted."),
        "media.pick.title": _("Choose a file: {kind}"),
        "media.chosen": _("File {number} of the library"),
    }
