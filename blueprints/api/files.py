"""REST API of the files that people send to bots."""

from __future__ import annotations

from flask import Blueprint, Response, send_file

from blueprints.api.body import Page, page_of
from blueprints.api.operation import operation
from services.core.answer_types import Listing
from services.messaging.files.listing import FileView, delete_file, describe_file, file_content, list_files
from services.platform.accounts.principal import Scope
from web.access import api, caller
from web.platform import platform

ANY = "application/octet-stream"
blueprint = Blueprint("files", __name__)


@blueprint.get("/bots/<bot_id>/files")
@api(Scope.READ)
@operation()
def index(bot_id: str, query: Page) -> Listing[FileView]:
    """The files that people sent to the bot and a plugin kept, oldest first."""
    files = list_files(platform(), caller(), bot_id, after=query.after, limit=query.limit + 1)
    return page_of(files, query, describe_file)


@blueprint.get("/files/<file_id>/content")
@api(Scope.READ)
@operation(media=ANY)
def content(file_id: str) -> Response:
    """The bytes of a file, to be saved: no browser shows what a stranger sent as a page of ours."""
    file, path = file_content(platform(), caller(), file_id)
    answer = send_file(path, mimetype=ANY, as_attachment=True, download_name=file.name, max_age=0)
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


@blueprint.delete("/files/<file_id>")
@api(Scope.WRITE)
@operation()
def delete(file_id: str) -> None:
    """Delete a file; who sent it still has it in the chat."""
    delete_file(platform(), caller(), file_id)
