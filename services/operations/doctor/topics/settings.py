"""Settings that contradict each other, or are none for production."""

from __future__ import annotations

import os
from functools import partial
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from services.core.i18n import Text
from services.core.settings import Settings
from services.operations.doctor.check import NotApplicable, Severity, Topic, check
from services.operations.doctor.facts import Facts

warning = partial(check, Topic.SETTINGS, Severity.WARNING)
error = partial(check, Topic.SETTINGS, Severity.ERROR)
ALL_OF_IT: Final = 8  # prefix bits: a network so wide is no network of proxies
PROCESSES_PER_CPU: Final = 2


def _served_only(facts: Facts) -> Settings:
    if not facts.is_served:
        raise NotApplicable
    return facts.settings


@error(
    why=Text(
        "Without APP_ENV=prod keys are made on the disk, cookies travel without https and everything is told to whoever asks."
    ),
    advice=Text("Set APP_ENV=prod, or BIND=127.0.0.1 where only this machine is to reach it."),
)
def dev_is_public(facts: Facts) -> Text | None:
    """An installation that is reached from elsewhere runs as production."""
    settings = facts.settings
    if facts.is_served or _is_loopback(settings.listen_host):
        return None
    return Text(
        "APP_ENV is {env}, and the web process listens on {host}",
        env=str(settings.app_env),
        host=settings.listen_host,
    )


@warning(
    why=Text(
        "Without a public address bots poll: an update comes later, and the poller is one process for all of them."
    ),
    advice=Text("Set WEBHOOK_BASE_URL to the https address under which Telegram reaches this installation."),
)
def no_webhook_address(facts: Facts) -> Text | None:
    """Telegram is told a public address for updates."""
    settings = _served_only(facts)
    return None if settings.webhook_base_url else Text("WEBHOOK_BASE_URL is not set")


@warning(
    why=Text(
        "Ad networks and browsers warn of links without https, and what visitors send can be read on the way."
    ),
    advice=Text("Set PUBLIC_URL to an https address."),
)
def public_links_without_https(facts: Facts) -> Text | None:
    """Public links are https."""
    settings = _served_only(facts)
    url = settings.public_url
    return Text("PUBLIC_URL is {url}", url=url) if urlsplit(url).scheme == "http" else None


@warning(
    why=Text(
        "An https address means that something in front decrypts; while it is not believed, every visitor has its address, and limits per visitor hit all of them at once."
    ),
    advice=Text("Set TRUSTED_PROXIES to the number of proxies in front, 1 in most installations."),
)
def proxies_not_told(facts: Facts) -> Text | None:
    """The proxies in front are known."""
    settings = _served_only(facts)
    if urlsplit(settings.webhook_base_url).scheme != "https" or settings.trusted_proxies:
        return None
    return Text("WEBHOOK_BASE_URL is https, and TRUSTED_PROXIES is 0")


@error(
    why=Text(
        "Whoever connects directly may then claim any address: limits, lists and statistics believe it."
    ),
    advice=Text("Name the proxies themselves in PROXY_ADDRESSES, as 10.1.2.3 or 172.18.0.0/16."),
)
def proxies_are_anybody(facts: Facts) -> Text | None:
    """PROXY_ADDRESSES names proxies, not the whole world."""
    wide = [str(each) for each in facts.settings.proxy_addresses if each.prefixlen < ALL_OF_IT]
    return Text("PROXY_ADDRESSES holds {network}", network=wide[0]) if wide else None


@warning(
    why=Text("Every step is written down: the log grows by gigabytes, and each request waits for it."),
    advice=Text("Set LOG_LEVEL=INFO when you have found what you were looking for."),
)
def debug_log(facts: Facts) -> Text | None:
    """The log of production is not the debugging one."""
    return Text("LOG_LEVEL is DEBUG") if _served_only(facts).log_level == "DEBUG" else None


@warning(
    why=Text("Redirects and updates then go through Flask's views, which costs three to four times as much."),
    advice=Text("Remove FAST_PATH=false; it is for comparing the two ways."),
)
def fast_path_off(facts: Facts) -> Text | None:
    """Redirects and updates take the fast path."""
    return None if _served_only(facts).fast_path else Text("FAST_PATH is false")


@warning(
    why=Text(
        "More processes than processors take turns: answers come later, and each takes its memory and its connections."
    ),
    advice=Text("Set WEB_CONCURRENCY to the number of processors that the web process may use."),
)
def more_web_processes_than_processors(facts: Facts) -> Text | None:
    """There are not more web processes than the machine can run."""
    wanted, there = facts.settings.web_concurrency, len(os.sched_getaffinity(0))
    if wanted <= PROCESSES_PER_CPU * there:
        return None
    return Text("WEB_CONCURRENCY is {wanted}, and there are {there} processors", wanted=wanted, there=there)


@warning(
    why=Text(
        "Metrics and /health/full are then open to every program on this machine, and to nobody elsewhere: a Prometheus that runs apart gets nothing."
    ),
    advice=Text("Set METRICS_TOKEN and give it to Prometheus."),
)
def metrics_without_token(facts: Facts) -> Text | None:
    """Monitoring has a token of its own."""
    return None if _served_only(facts).metrics_token.get_secret_value() else Text("METRICS_TOKEN is not set")


@warning(
    why=Text("A short token can be guessed; behind it stand the names of all bots and their figures."),
    advice=Text("Make another one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"),
)
def metrics_token_short(facts: Facts) -> Text | None:
    """The token of monitoring cannot be guessed."""
    token = facts.settings.metrics_token.get_secret_value()
    if not token:
        raise NotApplicable
    return Text("METRICS_TOKEN has {n} characters", n=len(token)) if len(token) < 20 else None


@warning(
    why=Text("The list has no effect: nobody talks to a manager bot that is not there."),
    advice=Text("Set MANAGER_BOT_TOKEN, or remove ALLOWED_ADMIN_IDS."),
)
def managers_without_a_bot(facts: Facts) -> Text | None:
    """Who may talk to the manager bot has one to talk to."""
    settings = facts.settings
    alone = settings.allowed_admin_ids and not settings.manager_bot_token.get_secret_value()
    return Text("ALLOWED_ADMIN_IDS is set, and MANAGER_BOT_TOKEN is not") if alone else None


@error(
    why=Text(
        "Every call to the Bot API holds a bot's token in its address: without https whoever is on the way reads it."
    ),
    advice=Text("Set TELEGRAM_API_URL to an https address, or to one on this machine."),
)
def bot_api_without_https(facts: Facts) -> Text | None:
    """Tokens travel encrypted."""
    url = urlsplit(facts.settings.telegram_api_url)
    if url.scheme == "https" or _is_loopback(url.hostname or ""):
        return None
    return Text("TELEGRAM_API_URL is {url}", url=facts.settings.telegram_api_url)


@error(
    why=Text("Visitors of paid links are sent there instead of to Telegram."),
    advice=Text("Remove TELEGRAM_LINK_URL, which is for sandboxes and tests."),
)
def links_lead_elsewhere(facts: Facts) -> Text | None:
    """Links lead to Telegram."""
    settings = _served_only(facts)
    host = urlsplit(settings.telegram_link_url).hostname
    known = host in ("t.me", "telegram.me", "telegram.dog")
    return None if known else Text("TELEGRAM_LINK_URL is {url}", url=settings.telegram_link_url)


@warning(
    why=Text("Telegram answers 429 above its limits, and bots that go on above them are restricted."),
    advice=Text(
        "Telegram takes 30 messages a second of a bot, one a second in a chat, 20 a minute in a group: set PACING_… no higher."
    ),
)
def pacing_above_the_limits(facts: Facts) -> Text | None:
    """Bots send no faster than Telegram takes."""
    settings = facts.settings
    if not settings.talks_to_telegram:
        raise NotApplicable
    limits = {
        "PACING_BOT_PER_SECOND": (settings.pacing_bot_per_second, 30),
        "PACING_CHAT_PER_SECOND": (settings.pacing_chat_per_second, 1),
        "PACING_GROUP_PER_MINUTE": (settings.pacing_group_per_minute, 20),
    }
    for name, (value, most) in limits.items():
        if value > most:
            return Text("{name} is {value}, Telegram's limit is {most}", name=name, value=value, most=most)
    return None


@warning(
    why=Text("One person can then keep a bot's workers busy for all others."),
    advice=Text("Remove USER_RATE_PER_MINUTE=0: the default is 30 updates a minute."),
)
def people_without_limit(facts: Facts) -> Text | None:
    """What one person may send is bounded."""
    return None if facts.settings.user_rate_per_minute else Text("USER_RATE_PER_MINUTE is 0")


@warning(
    why=Text(
        "A check may then last longer than the time until the next one: sweeps come late, and so does the news of a dead bot."
    ),
    advice=Text("Set HEALTH_TIMEOUT_SECONDS below HEALTH_INTERVAL_SECONDS."),
)
def checks_longer_than_their_rhythm(facts: Facts) -> Text | None:
    """A health check ends before the next one begins."""
    settings = facts.settings
    if settings.health_timeout_seconds < settings.health_interval_seconds:
        return None
    return Text(
        "HEALTH_TIMEOUT_SECONDS is {timeout}, HEALTH_INTERVAL_SECONDS {interval}",
        timeout=settings.health_timeout_seconds,
        interval=settings.health_interval_seconds,
    )


@warning(
    why=Text(
        "It ends a process at a given step, for tests; here it is ignored, and its presence says that a test's environment was copied."
    ),
    advice=Text("Remove CRASH_AT, and look what else came along."),
)
def a_tests_setting(facts: Facts) -> Text | None:
    """No setting of the tests is left over."""
    return Text("CRASH_AT is set") if _served_only(facts).crash_at.value else None


@warning(
    why=Text(
        "SQLite writes one after the other: with several web processes under paid traffic they wait for each other."
    ),
    advice=Text("Give DATABASE_URL a PostgreSQL before you raise WEB_CONCURRENCY."),
)
def many_processes_on_sqlite(facts: Facts) -> Text | None:
    """Several web processes have a database for several writers."""
    if not facts.is_sqlite or facts.settings.web_concurrency <= 2:
        return None
    return Text("WEB_CONCURRENCY is {n}, and the database is SQLite", n=facts.settings.web_concurrency)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
