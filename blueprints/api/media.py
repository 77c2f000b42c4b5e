"""REST API of the media library: files that flows and broadcasts name by their number."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Blueprint, Response, request, send_file
from pydantic import Field, StringConstraints

from blueprints.api.body import Body, listing, page_of
from blueprints.api.operation import Created, operation
from services.core.answer_types import Listing
from services.core.errors import InvalidInput
from services.fleet.media import library
from services.fleet.media.library import MediaFilter, MediaView, RoomView, describe_media
from services.fleet.media.storing import store
from services.fleet.media.usage import UseView
from services.platform.accounts.principal import Scope
from services.platform.files.names import LONGEST_NAME
from web.access import api, caller, takes_body
from web.platform import platform

ANY = "application/octet-stream"
LARGEST_REQUEST = 51 * 1024 * 1024  # bytes: a file of 50 MB, and the form around it
ONE = "/<int:media_id>"
Kind = Literal["photo", "video", "animation", "audio", "voice", "document"]
blueprint = Blueprint("media", __name__, url_prefix="/media")


class MediaQuery(Body):
    """Which part of the library."""

    limit: int = Field(50, ge=1, le=200)
    cursor: int = Field(0, ge=0, le=2**53, description="`next` of the page before")
    kind: Kind | None = Field(None, description="as what a file is usually sent")
    words: str = Field("", max_length=100, description="in its name")


class MediaName(Body):
    """Another name for a file."""

    name: Annotated[str, StringConstraints(max_length=LONGEST_NAME)] = ""


@blueprint.get("")
@api(Scope.READ)
@operation()
def index(query: MediaQuery) -> Listing[MediaView]:
    """The files of the library, oldest first."""
    wanted = MediaFilter(query.kind or "", query.words, query.cursor, query.limit + 1)
    found = library.list_media(platform(), caller(), wanted)
    return page_of(found, query, describe_media)


@blueprint.post("")
@api(Scope.WRITE)
@takes_body(LARGEST_REQUEST)
@operation(takes_file=True, errors=(409,))
def create() -> Created[MediaView]:
    """Upload a file of up to 50 MB as the form's field `file`.

    What it is, is told by its content. The same content is kept once: uploaded again, the answer is the file that is there.
    """
    part = request.files.get("file")
    if part is None:
        raise InvalidInput("Send a file as the field `file` of a form", code="file_missing", field="file")
    made, _ = store(platform(), caller(), part.filename or "", part.stream)
    return Created(describe_media(made), f"/api/v1/media/{made.id}")


@blueprint.get("/room")
@api(Scope.READ)
@operation()
def show_room() -> RoomView:
    """How many bytes the library has, and may have."""
    return library.room(platform(), caller())


@blueprint.get(ONE)
@api(Scope.READ)
@operation()
def show(media_id: int) -> MediaView:
    """One file."""
    return describe_media(library.get_media(platform(), caller(), media_id))


@blueprint.get(f"{ONE}/uses")
@api(Scope.READ)
@operation()
def show_uses(media_id: int) -> Listing[UseView]:
    """What uses the file: steps of flows, broadcasts that are not over, plugins of bots. While there is anything it cannot be deleted."""
    return listing(library.media_uses(platform(), caller(), media_id))


@blueprint.get(f"{ONE}/content")
@api(Scope.READ)
@operation(media=ANY)
def content(media_id: int) -> Response:
    """The bytes of a file, to be saved."""
    row, path = library.media_content(platform(), caller(), media_id)
    return sealed(send_file(path, mimetype=ANY, as_attachment=True, download_name=row.name, max_age=0))


@blueprint.patch(ONE)
@api(Scope.WRITE)
@operation()
def rename(media_id: int, body: MediaName) -> MediaView:
    """Give a file another name; people see it where it is sent as a document."""
    return describe_media(library.rename_media(platform(), caller(), media_id, body.name))


@blueprint.delete(ONE)
@api(Scope.WRITE)
@operation(errors=(409,))
def remove(media_id: int) -> None:
    """Delete a file that nothing uses; messages that were sent keep theirs."""
    library.delete_media(platform(), caller(), media_id)


def sealed(answer: Response, more: str = "") -> Response:
    """`answer` as nothing that could run as a page of ours; `more` is what its policy allows."""
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = f"default-src 'none'; {more}sandbox"
    return answer
