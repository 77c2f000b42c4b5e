"""Static files under an address that names their content: `/static/v-<digest>/js/shell.js`.

One digest for the whole folder, since modules import each other by relative paths. A browser keeps such a file for a year; any
other address below `/static/` is asked for anew each time. Without a build step: what lies in the folder is served.

WhiteNoise serves names that carry a digest, but makes them in a build step, in Django only, and packs in a second one; the address
of the whole folder, on which the modules' relative imports rest, would have to be made here all the same. It would take over
`_serve` and `_packed`, in front of every request (6 µs each), for one more package.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app

from web.compression import COMPRESSED, accepts_gzip, mark_compressed

PREFIX = "v-"
DIGEST_LENGTH = 12
BEST = 9  # packed once per process


def init_app(app: Flask) -> None:
    """Have `url_for('static', …)` name the content, and serve what it names; while debugging files stay as they are."""
    if not app.debug:
        app.url_defaults(_name_content)
        app.view_functions["static"] = _serve


def keep_for_a_year(answer: Response) -> None:
    """Tell browsers that this address never answers anything else."""
    answer.cache_control.no_cache = None
    answer.cache_control.public = True
    answer.cache_control.max_age = 365 * 24 * 3600
    answer.cache_control.immutable = True


@lru_cache(maxsize=1)
def version(folder: str) -> str:
    """The digest of everything in `folder`, names and bytes, read once per process."""
    digest = sha256()
    for file in sorted(Path(folder).rglob("*")):
        if file.is_file():
            digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes() + b"\0")
    return PREFIX + digest.hexdigest()[:DIGEST_LENGTH]


def _name_content(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint == "static":
        values["filename"] = f"{version(str(current_app.static_folder))}/{values['filename']}"


def _serve(filename: str) -> Response:
    """A file by its name, with or without the digest before it; a digest that is not today's gets today's file, unkept."""
    named, _, rest = filename.partition("/")
    answer = current_app.send_static_file(rest if named.startswith(PREFIX) and rest else filename)
    if named != version(str(current_app.static_folder)):
        return answer
    if answer.mimetype in COMPRESSED and accepts_gzip():
        answer.close()
        answer = Response(_packed(str(current_app.static_folder), rest), mimetype=answer.mimetype)
        mark_compressed(answer)
    keep_for_a_year(answer)
    return answer


@lru_cache(maxsize=256)
def _packed(folder: str, name: str) -> bytes:
    return gzip.compress((Path(folder) / name).read_bytes(), BEST, mtime=0)
