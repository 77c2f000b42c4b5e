"""The scripts' texts, one file per language, kept by browsers as long as no text changes."""

from __future__ import annotations

import json
from functools import lru_cache
from hashlib import sha256

from flask import Response, url_for
from flask_babel import force_locale

from blueprints.panel.blueprint import blueprint
from blueprints.panel.texts import script_texts
from services.core.errors import NotFound
from services.core.i18n import LOCALES
from web.access import public
from web.static_files import DIGEST_LENGTH, keep_for_a_year


@blueprint.get("/texts/<locale>/<digest>.js")
@public
def texts(locale: str, digest: str) -> Response:
    """What static/js may say in this language; any digest gets today's texts, today's is kept for a year."""
    if locale not in LOCALES:
        raise NotFound("There are no texts in this language", code="locale_not_found")
    body, current = _script(locale)
    answer = Response(body, mimetype="text/javascript")
    if digest == current:
        keep_for_a_year(answer)
    return answer


def texts_url(locale: str) -> str:
    """Where the texts of `locale` are, as they are now."""
    return url_for("panel.texts", locale=locale, digest=_script(locale)[1])


@lru_cache(maxsize=len(LOCALES))
def _script(locale: str) -> tuple[str, str]:
    with force_locale(locale):
        body = f"window.flotillaTexts = {json.dumps(script_texts())};\n"
    return body, sha256(body.encode()).hexdigest()[:DIGEST_LENGTH]
