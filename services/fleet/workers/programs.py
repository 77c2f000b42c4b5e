"""Programs that are to be started for bots: what to start, how many, and what they are told (W4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import or_, select

from models import Bot, BotWorker
from services.core.kafka_settings import Transport
from services.core.settings import Settings
from services.fleet.workers.environment import opened_environment, owner_of
from services.fleet.workers.redis_access import own_address
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.platform.tokens import token_of


@dataclass(frozen=True)
class Program:
    """The program behind a bot that is started here; `environment` is all that it is told, secrets included."""

    bot_id: int
    public_id: str  # bot_<12 hex>: what it is called where it runs
    command: str
    image: str
    min_replicas: int
    max_replicas: int
    restarted_at: datetime | None  # copies that were started before are replaced
    environment: Mapping[str, str] = field(repr=False)


def programs(platform: Platform) -> list[Program]:
    """Every program that should be running or ready to be, in the order of its bot's id; one query.

    That is of bots that run, with a command or an image and a token in force, whose end nobody asked for.
    """
    query = (
        select(Bot, BotWorker)
        .join(BotWorker, BotWorker.bot_id == Bot.id)
        .where(
            Bot.desired_running.is_(True),
            BotWorker.ending_since.is_(None),
            BotWorker.token_hash.is_not(None),
            or_(BotWorker.command != "", BotWorker.image != ""),
        )
        .order_by(Bot.id)
    )
    with platform.database.reading() as session:
        return [program_of(platform, bot, worker) for bot, worker in session.execute(query)]


def program_of(platform: Platform, bot: Bot, worker: BotWorker) -> Program:
    """The program of a bot, its secrets opened."""
    return Program(
        bot.id,
        bot.public_id,
        worker.command,
        worker.image,
        worker.min_replicas,
        worker.max_replicas,
        worker.restarted_at,
        environment_of(platform, bot, worker),
    )


def environment_of(platform: Platform, bot: Bot, worker: BotWorker) -> dict[str, str]:
    """All variables of the program behind a bot: ours over its owner's, which cannot have our names."""
    token = platform.vault.unseal(worker.sealed_token, owner=owner_of(bot.id))
    redis_url = own_address(platform.settings, bot, worker, token)
    return {
        **opened_environment(platform.vault, bot.id, worker.sealed_environment),
        "BOT_ID": bot.public_id,
        "INCOMING_STREAM": work_keys.incoming(bot.public_id),
        "OUTGOING_STREAM": work_keys.outgoing(bot.public_id),
        "CONSUMER_GROUP": work_keys.group(bot.public_id),
        "API_URL": api_url(platform.settings),
        "WORKER_TOKEN": token,
        **({"REDIS_URL": redis_url} if redis_url else {}),
        **(_kafka(platform.settings, bot) if worker.transport == Transport.KAFKA else {}),
        **({"BOT_TOKEN": token_of(platform, bot)} if worker.passes_bot_token else {}),
    }


def _kafka(settings: Settings, bot: Bot) -> dict[str, str]:
    """What programs that read Kafka are told. Their BOT_ID goes without `bot_`: they make `bot_{BOT_ID}_workers` of it."""
    return {
        "BOT_ID": bot.public_id.removeprefix("bot_"),
        "KAFKA_BROKERS": settings.kafka_brokers,
        "KAFKA_INCOMING_TOPIC": work_keys.incoming(bot.public_id),
        "KAFKA_OUTGOING_TOPIC": work_keys.outgoing(bot.public_id),
        "KAFKA_CONSUMER_GROUP": work_keys.group(bot.public_id),
    }


def api_url(settings: Settings) -> str:
    """Where programs reach this installation."""
    known = settings.worker_api_url or settings.public_url or settings.webhook_base_url
    return known or f"http://127.0.0.1:{settings.port}"
