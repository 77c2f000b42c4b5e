"""REST API of bots."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, url_for
from pydantic import Field
from typing_extensions import TypedDict

from blueprints.api.access_bodies import AccessBody, EntryBody, checked_place
from blueprints.api.body import Body, Page, page_of
from blueprints.api.operation import Created, operation
from blueprints.api.worker_bots import WorkerBody
from models import Bot, BotMode, BotWorker, FsmStrategy, UncertainPolicy
from services.core.answer_types import Listing, Sentence
from services.core.errors import FlotillaError, InvalidInput
from services.fleet.bots import access, lifecycle, registry
from services.fleet.bots.access_rules import AccessEntry
from services.fleet.bots.access_views import AccessView, describe_access
from services.fleet.bots.bulk import Action, Bulk, carry_out
from services.fleet.bots.choices import MOST_PLUGINS, PluginChoice
from services.fleet.bots.tags import LONGEST_TAG, MOST_TAGS
from services.fleet.bots.token_replacement import replace_token
from services.fleet.bots.views import BotView, describe
from services.fleet.configuration.sharing import register_like
from services.fleet.pools.fields import BotId, RowId
from services.fleet.workers.bot_views import BotMade, BotResource, describe_bots, describe_new_bot
from services.fleet.workers.registry import register_worker_bot
from services.fleet.workers.removal import remove_bot
from services.platform.accounts.principal import Scope
from web.access import api, caller, fresh
from web.platform import platform

MOST_AT_ONCE = 1000  # bots in one request; twice what an account may have by default
blueprint = Blueprint("bots", __name__, url_prefix="/bots")


class ChosenPlugin(Body):
    """One plugin of a bot; its place in the list is its place in the routing."""

    name: str = Field(max_length=50)
    enabled: bool = True
    config: dict[str, Any] = Field(default_factory=dict)

    def choice(self) -> PluginChoice:
        """The same for the services."""
        return PluginChoice(self.name, self.enabled, self.config)


class NewBot(WorkerBody):
    """POST /bots. With a field of a worker, such as `max_replicas`, the bot's updates go to a program of its owner's instead of to
    plugins. `bot_token` is another name of `token`.
    """

    token: str = Field("", max_length=300, repr=False)
    bot_token: str = Field("", max_length=300, repr=False)
    bot_name: str = Field("", max_length=64, description="our name for it; without one Telegram's")
    mode: BotMode | None = None
    plugins: list[ChosenPlugin] | None = Field(None, max_length=MOST_PLUGINS)
    like: BotId | None = Field(
        None, description="a bot of yours whose behaviour it gets, instead of `plugins`"
    )
    tags: list[str] = Field(default_factory=list, max_length=MOST_TAGS)

    def given_token(self) -> str:
        """The bot's token, under whichever name; InvalidInput for none and for two."""
        if bool(self.token) is bool(self.bot_token):
            raise InvalidInput("Give token, or bot_token, not both", field="token")
        return self.token or self.bot_token

    def has_worker(self) -> bool:
        """Whether anything was said of a worker. Raises InvalidInput for one beside plugins, which it takes the place of."""
        found = bool(self.model_fields_set & WorkerBody.model_fields.keys())
        if found and (self.plugins is not None or self.like is not None):
            raise InvalidInput(
                "Give what a worker needs, or plugins or a bot that it is like, not both",
                code="plugins_or_worker",
                field="plugins",
            )
        return found


class BotChange(Body):
    """PATCH /bots/{id}: what is left out stays."""

    mode: BotMode | None = None
    name: str | None = Field(None, min_length=1, max_length=64)
    uncertain_policy: UncertainPolicy | None = None
    fsm_strategy: FsmStrategy | None = None
    tags: list[str] | None = Field(None, max_length=MOST_TAGS, description="all of them; [] takes them off")


class BulkBots(Body):
    """POST /bots/bulk: `pool_id` for what happens in a pool, `tag` for tags, neither for start and stop."""

    action: Action
    bot_ids: list[BotId] = Field(min_length=1, max_length=MOST_AT_ONCE)
    pool_id: RowId | None = None
    tag: str | None = Field(None, max_length=LONGEST_TAG)


class BulkItem(TypedDict):
    """What became of one bot; `bot_id` as it was sent. `code` and `detail` say why it was refused, else they are null."""

    bot_id: int | str
    ok: bool
    code: str | None
    detail: Sentence | None


class BulkView(TypedDict):
    """What became of all, in the order of the request."""

    done: int
    refused: int
    items: list[BulkItem]


class NewToken(Body):
    """PUT /bots/{id}/token."""

    token: str = Field(max_length=300, repr=False)
    new_identity: bool = Field(
        False,
        description="true: another Telegram bot may take over; who knew the former one has to press Start again",
    )


class Plugins(Body):
    """PUT /bots/{id}/plugins: all of them, in order."""

    plugins: list[ChosenPlugin] = Field(max_length=MOST_PLUGINS)


@blueprint.post("")
@api(Scope.WORKER)
@operation(errors=(404, 409, 502))
def create(body: NewBot) -> Created[BotMade]:
    """Register the bot of a token; with `like` it does what another bot of yours does, with a worker's fields a program of yours
    answers. A key with the scope `worker` registers bots with a worker.
    """
    token = body.given_token()
    if body.has_worker():
        bot, worker, worker_token = register_worker_bot(
            platform(), caller(), token, body.bot_name, body.new(), mode=body.mode, tags=body.tags
        )
        return _created(bot, (worker, worker_token))
    caller().require(Scope.WRITE)
    return _created(_registered(body, token) if body.like is None else _like(body, token, body.like))


def _registered(body: NewBot, token: str) -> Bot:
    plugins = None if body.plugins is None else [plugin.choice() for plugin in body.plugins]
    return registry.register_bot(
        platform(), caller(), token, mode=body.mode, plugins=plugins, tags=body.tags, name=body.bot_name
    )


def _like(body: NewBot, token: str, like: int | str) -> Bot:
    if body.plugins is not None:
        raise InvalidInput(
            "Give plugins, or a bot that it is like, not both", code="plugins_or_like", field="like"
        )
    bot = register_like(platform(), caller(), token, like, mode=body.mode, tags=body.tags)
    return registry.update_bot(platform(), caller(), bot.id, name=body.bot_name) if body.bot_name else bot


def _created(bot: Bot, made_with: tuple[BotWorker, str] | None = None) -> Created[BotMade]:
    return Created(describe_new_bot(platform(), bot, made_with), url_for(".show", bot_id=bot.id))


@blueprint.post("/bulk")
@api(Scope.WRITE)
@operation(errors=(404,))
def bulk(body: BulkBots) -> BulkView:
    """Start, stop or tag many bots, or add them to a pool, drain or remove them there; each has its own result."""
    asked = Bulk(body.action, body.bot_ids, body.pool_id, body.tag)
    outcomes = carry_out(platform(), caller(), asked)
    items = [_item(bot_id, outcome) for bot_id, outcome in zip(body.bot_ids, outcomes, strict=True)]
    done = sum(item["ok"] for item in items)
    return {"done": done, "refused": len(items) - done, "items": items}


@blueprint.get("")
@api(Scope.READ)
@operation()
def index(query: Page) -> Listing[BotResource]:
    """The caller's bots, oldest first."""
    bots = registry.list_bots(platform(), caller(), after=query.after, limit=query.limit + 1)
    described = {bot["id"]: bot for bot in describe_bots(platform(), bots)}
    return page_of(bots, query, lambda bot: described[bot.id])


@blueprint.get("/<bot_id>")
@api(Scope.READ)
@operation()
def show(bot_id: str) -> BotResource:
    """One bot, by its id or its public id."""
    return describe_bots(platform(), [registry.get_bot(platform(), caller(), bot_id)])[0]


@blueprint.patch("/<bot_id>")
@api(Scope.WRITE)
@operation(errors=(409,))
def change(bot_id: str, body: BotChange) -> BotView:
    """Change mode, name, what happens to uncertain sends or whose a conversation is."""
    return describe(registry.update_bot(platform(), caller(), bot_id, **body.model_dump()))


@blueprint.delete("/<bot_id>")
@api(Scope.WRITE)
@fresh()
@operation(errors=(409,))
def delete(bot_id: str) -> None:
    """Remove a bot with everything of it but its clicks; its worker is ended before."""
    remove_bot(platform(), caller(), bot_id)


@blueprint.post("/<bot_id>/start")
@api(Scope.WRITE)
@operation()
def start(bot_id: str) -> BotView:
    """Let it receive updates."""
    return describe(lifecycle.start_bot(platform(), caller(), bot_id))


@blueprint.post("/<bot_id>/stop")
@api(Scope.WRITE)
@operation()
def stop(bot_id: str) -> BotView:
    """Stop it; Telegram keeps its updates for 24 hours."""
    return describe(lifecycle.stop_bot(platform(), caller(), bot_id))


@blueprint.post("/<bot_id>/restart")
@api(Scope.WRITE)
@operation()
def restart(bot_id: str) -> BotView:
    """Load it anew everywhere."""
    return describe(lifecycle.restart_bot(platform(), caller(), bot_id))


def _item(bot_id: int | str, outcome: object) -> BulkItem:
    if isinstance(outcome, FlotillaError):
        return {"bot_id": bot_id, "ok": False, "code": outcome.code, "detail": outcome.text}
    return {"bot_id": bot_id, "ok": True, "code": None, "detail": None}


@blueprint.put("/<bot_id>/token")
@api(Scope.WRITE)
@fresh()
@operation(errors=(409, 502))
def new_token(bot_id: str, body: NewToken) -> BotView:
    """Replace its token by a new one of the same bot, or, if said so, have another Telegram bot take its place."""
    return describe(replace_token(platform(), caller(), bot_id, body.token, new_identity=body.new_identity))


@blueprint.get("/<bot_id>/access")
@api(Scope.READ)
@operation()
def show_access(bot_id: str) -> AccessView:
    """Whom it answers: lists without entries that have ended, maintenance, captcha."""
    return describe_access(access.get_access(platform(), caller(), bot_id))


@blueprint.put("/<bot_id>/access")
@api(Scope.WRITE)
@operation(errors=(409,))
def replace_access(bot_id: str, body: AccessBody) -> AccessView:
    """Replace the lists and switches that are given, all or none; what is left out stays."""
    return describe_access(access.set_access(platform(), caller(), bot_id, body.change()))


@blueprint.put("/<bot_id>/access/<list_name>/<telegram_id>")
@api(Scope.WRITE)
@operation(errors=(409,))
def put_on_list(bot_id: str, list_name: str, telegram_id: str, body: EntryBody) -> AccessView:
    """Put somebody on the list `allowed`, `blocked` or `admin`, for good or until a moment."""
    name, who = checked_place(list_name, telegram_id)
    entry = AccessEntry(who, body.until, body.note)
    return describe_access(access.put_entry(platform(), caller(), bot_id, name, entry))


@blueprint.delete("/<bot_id>/access/<list_name>/<telegram_id>")
@api(Scope.WRITE)
@operation(errors=(409,))
def take_off_list(bot_id: str, list_name: str, telegram_id: str) -> None:
    """Take somebody off a list."""
    name, who = checked_place(list_name, telegram_id)
    access.remove_entry(platform(), caller(), bot_id, name, who)


@blueprint.put("/<bot_id>/plugins")
@api(Scope.WRITE)
@operation(errors=(409,))
def replace_plugins(bot_id: str, body: Plugins) -> BotView:
    """Replace all plugins."""
    choices = [plugin.choice() for plugin in body.plugins]
    return describe(registry.set_plugins(platform(), caller(), bot_id, choices))
