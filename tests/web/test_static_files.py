"""Static files, pages and texts on their way to the browser: what is kept for a year, and what is packed."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from blueprints.panel.text_files import texts_url
from web.static_files import version

YEAR = "max-age=31536000"
PACKED = {"Accept-Encoding": "gzip"}


def address(app: Flask, name: str) -> str:
    with app.test_request_context():
        return app.url_for("static", filename=name)


def test_a_static_file_has_an_address_of_its_content_and_is_kept_for_a_year(
    app: Flask, client: FlaskClient
) -> None:
    named = address(app, "js/shell.js")
    assert re.fullmatch(r"/static/v-[0-9a-f]{12}/js/shell\.js", named)
    kept = client.get(named)
    assert YEAR in kept.headers["Cache-Control"]
    assert "immutable" in kept.headers["Cache-Control"]
    assert kept.data == (Path(str(app.static_folder)) / "js/shell.js").read_bytes()


@pytest.mark.parametrize("path", ["/static/js/shell.js", "/static/v-000000000000/js/shell.js"])
def test_any_other_address_of_a_static_file_is_asked_for_anew(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["nowhere.js", "../app.py", "v-1"])
def test_what_is_no_static_file_is_not_found(app: Flask, client: FlaskClient, path: str) -> None:
    assert client.get(f"/static/{path}").status_code == 404
    assert client.get(address(app, path)).status_code == 404


def test_a_changed_file_changes_the_address(tmp_path: Path) -> None:
    def now() -> str:
        version.cache_clear()
        return version(str(tmp_path))

    (tmp_path / "a.js").write_text("one")
    first = now()
    (tmp_path / "a.js").write_text("two")
    second = now()
    (tmp_path / "a.js").rename(tmp_path / "b.js")
    assert len({first, second, now()}) == 3
    version.cache_clear()


def test_a_script_leaves_packed_for_who_takes_it(app: Flask, client: FlaskClient) -> None:
    named = address(app, "css/data.css")
    plain, packed = client.get(named), client.get(named, headers=PACKED)
    assert (packed.headers["Content-Encoding"], packed.headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(packed.data) == plain.data
    assert "immutable" in packed.headers["Cache-Control"]
    assert "Content-Encoding" not in client.get(named, headers={"Accept-Encoding": "gzip;q=0"}).headers


def test_a_page_leaves_packed_and_a_short_answer_as_it_is(client: FlaskClient) -> None:
    page = client.get("/setup", headers=PACKED)
    assert page.headers["Content-Encoding"] == "gzip"
    assert b"<html" in gzip.decompress(page.data)
    assert int(page.headers["Content-Length"]) == len(page.data)
    assert "Content-Encoding" not in client.get("/health/live", headers=PACKED).headers


def test_what_is_packed_streamed_or_tagged_already_stays_right(app: Flask, client: FlaskClient) -> None:
    def tagged() -> Response:
        answer = Response("x" * 5000, mimetype="application/json")
        answer.set_etag("now")
        return answer

    views: dict[str, Callable[[], Response]] = {
        "tagged": tagged,
        "streamed": lambda: Response(iter(["x" * 5000]), mimetype="text/csv"),
        "packed": lambda: Response(b"x" * 5000, mimetype="text/csv", headers={"Content-Encoding": "br"}),
    }
    answers = {}
    with app.test_request_context(headers=PACKED):
        for name, view in views.items():
            answers[name] = app.process_response(view())
    assert answers["tagged"].headers["ETag"] == 'W/"now"'
    assert "Content-Encoding" not in answers["streamed"].headers
    assert answers["packed"].headers["Content-Encoding"] == "br"


@pytest.mark.parametrize(("locale", "said"), [("pt_BR", "Copiado"), ("en", "Copied")])
def test_the_texts_of_a_language_are_a_file_that_is_kept_for_a_year(
    app: Flask, client: FlaskClient, locale: str, said: str
) -> None:
    with app.test_request_context():
        named = texts_url(locale)
    answer = client.get(named)
    assert f'"copied": "{said}"' in answer.text
    assert YEAR in answer.headers["Cache-Control"]
    assert "Cookie" not in answer.headers.get("Vary", "")
    former = client.get(f"/texts/{locale}/000000000000.js")
    assert former.text == answer.text
    assert former.headers["Cache-Control"] == "no-store"


def test_a_page_names_its_texts_instead_of_holding_them(client: FlaskClient) -> None:
    page = client.get("/setup", headers={"Accept-Language": "en"})
    assert re.search(r'<script defer src="/texts/en/[0-9a-f]{12}\.js">', page.text)
    assert '<meta name="description" content="Flotilla spreads' in page.text
    assert len(page.data) < 10_000
    assert client.get("/texts/xx/000000000000.js").status_code == 404
