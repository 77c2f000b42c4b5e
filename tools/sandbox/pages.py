"""The pages a person sees: bot list, link landing, chat, managed-bot confirmation."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for

from tools.sandbox import people
from tools.sandbox.control import show_bot
from tools.sandbox.errors import ControlError
from tools.sandbox.methods.managed import create_managed_bot
from tools.sandbox.model import User
from tools.sandbox.names import PAYLOAD_PATTERN, USERNAME_PATTERN
from tools.sandbox.texts import HTML_LANG, LANGUAGES, language, texts
from tools.sandbox.world import World

COOKIE = "sandbox_user"
COOKIE_AGE = 30 * 24 * 3600
DEFAULT_SLUG = "red1"


def create_pages(world: World) -> Blueprint:
    """The blueprint with the pages."""
    pages = Blueprint("pages", __name__)
    pages.after_request(_remember)
    _list_routes(pages, world)
    _link_routes(pages, world)
    return pages


def _person(world: World) -> User:
    """Who is in front of the browser: the one that `?as=` names, the cookie's, or a new one, made when first needed."""
    given = request.args.get("as") or request.cookies.get(COOKIE, "")
    known = world.users.get(int(given)) if given.isdigit() else None
    user = known or world.add_user(language_code="pt-br" if language() == "pt" else "en")
    g.user = user
    return user


def _remember(response: Response) -> Response:
    if g.get("user") is not None:
        response.set_cookie(COOKIE, str(g.user.id), max_age=COOKIE_AGE, httponly=True, samesite="Lax")
    if request.args.get("lang") in LANGUAGES:
        response.set_cookie("sandbox_lang", request.args["lang"], max_age=COOKIE_AGE, samesite="Lax")
    return response


def _render(template: str, world: World, status: int = 200, **values: Any) -> Response:
    lang = language()
    words = texts(lang)
    page = render_template(
        template,
        t=words,
        lang=lang,
        html_lang=HTML_LANG[lang],
        me=_person(world),
        words=json.dumps(words, ensure_ascii=False),
        bots=[show_bot(bot) for bot in world.bots.values()],
        **values,
    )
    return make_response(page, status)


def _same_origin() -> None:
    """A form of a foreign page may not act here. ControlError 403."""
    origin = request.headers.get("Origin")
    if origin and urlsplit(origin).netloc != request.host:
        raise ControlError(403, "foreign_origin", "a page of another origin may not act here")


def _list_routes(pages: Blueprint, world: World) -> None:
    @pages.get("/")
    def home() -> Response:
        return _render(
            "home.html",
            world,
            public_url=world.settings.public_url,
            slug=DEFAULT_SLUG,
            own_url=request.host_url.rstrip("/"),
        )

    @pages.get("/favicon.ico")
    def favicon() -> Any:
        return redirect(url_for("static", filename="icon.svg"), 302)

    @pages.post("/sandbox/me/new")
    def new_person() -> Any:
        _same_origin()
        g.user = world.add_user(language_code="pt-br" if language() == "pt" else "en")
        return redirect(url_for("pages.home"), 303)

    @pages.get("/chat/<username>")
    def chat(username: str) -> Response:
        bot = world.find_bot(username)
        return _render("chat.html", world, bot=show_bot(bot), payload=_payload())

    @pages.get("/file/bot<token>/<path:path>")
    def download(token: str, path: str) -> Response:
        bot = world.by_token.get(token)
        unique = path.rpartition("/")[2].partition("_")[0]
        for stored in world.files.values():
            if (
                bot is not None
                and stored.bot_id == bot.id
                and stored.file_id.endswith(unique)
                and stored.data
            ):
                return Response(stored.data, mimetype="application/octet-stream")
        return Response(
            '{"ok":false,"error_code":404,"description":"Not Found"}', 404, mimetype="application/json"
        )


def _payload() -> str:
    """The start payload of the link, nothing when Telegram would not take it."""
    given = request.args.get("start", "")
    return given if PAYLOAD_PATTERN.fullmatch(given) else ""


def _link_routes(pages: Blueprint, world: World) -> None:
    @pages.get("/<username>")
    def landing(username: str) -> Response:
        if not USERNAME_PATTERN.fullmatch(username):
            return _render("unknown.html", world, 404, name=username[:32])
        bot = world.by_username.get(username.lower())
        if bot is None:
            return _render("unknown.html", world, name=username)
        return _render("landing.html", world, bot=show_bot(bot), payload=_payload())

    @pages.post("/<username>")
    def press_start(username: str) -> Any:
        _same_origin()
        people.press_start(world, world.find_bot(username), _person(world), request.form.get("start", ""))
        return redirect(url_for("pages.chat", username=username), 303)

    @pages.get("/newbot/<manager>/<suggested>")
    def ask_managed(manager: str, suggested: str) -> Response:
        bot = world.find_bot(manager)
        return _render(
            "newbot.html",
            world,
            manager=bot,
            suggested=suggested,
            made=None,
            name=request.args.get("name", ""),
        )

    @pages.post("/newbot/<manager>/<suggested>")
    def make_managed(manager: str, suggested: str) -> Response:
        _same_origin()
        username = request.form.get("username", suggested).lstrip("@")
        owner, name = _person(world), request.form.get("name", "")
        made = create_managed_bot(world, world.find_bot(manager), owner, username, name)
        return _render(
            "newbot.html", world, manager=world.find_bot(manager), suggested=suggested, made=made, name=""
        )
