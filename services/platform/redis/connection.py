"""Redis clients. Two profiles: `fast` for requests, `blocking` for reads that wait on purpose.

redis-py's own defaults retry ten times with long timeouts: a dead server would cost seconds per command.
"""

from __future__ import annotations

from typing import Any

from redis import BlockingConnectionPool, ConnectionPool, Redis
from redis.backoff import ConstantBackoff, NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from services.core.lost_connections import NEAR_TCP_OPTIONS
from services.core.settings import Settings
from services.platform.redis import upkeep_keys
from services.platform.redis.address import redis_address
from services.platform.redis.auto_pipelining import AutoPipelining
from services.platform.redis.parser import AnswerParser

CONNECT_TIMEOUT_SECONDS = 1.0
FAST_TIMEOUT_SECONDS = 2.0
POOL_WAIT_SECONDS = 2.0
BLOCKING_TIMEOUT_SECONDS = 6.0  # nobody blocks longer than 4 s; RQ raises it for its own waiting

# A restart of Redis takes up to a second: a command waits 1.5 s for it.
PATIENT_RETRY = Retry(ConstantBackoff(0.1), 15, supported_errors=(RedisConnectionError,))


def fast_client(
    settings: Settings, *, timeout_seconds: float = FAST_TIMEOUT_SECONDS, shares: bool = True
) -> Redis:
    """A client for request paths: one reconnect, two seconds (or `timeout_seconds`) per answer, text answers.

    `shares`: whether commands of the same moment share a round trip.
    """
    pool = BlockingConnectionPool.from_url(
        redis_address(settings),
        max_connections=settings.redis_max_connections,
        timeout=POOL_WAIT_SECONDS,
        socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
        socket_timeout=timeout_seconds,
        # One immediate retry heals a connection that the server closed while idle; a silent server stays silent.
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        decode_responses=True,
        parser_class=AnswerParser,
        **_tcp(settings.redis_url),
        **_tls(settings.redis_url, settings.redis_verify_tls),
    )
    return AutoPipelining(connection_pool=pool) if shares else Redis(connection_pool=pool)


def blocking_client(settings: Settings, *, decode: bool = True, patient: bool = False) -> Redis:
    """A client for BLPOP, XREAD BLOCK and subscriptions. RQ takes it with decode=False.

    A connection that died without a word is given up after BLOCKING_TIMEOUT_SECONDS: without, its reader waits for ever.
    `patient`: a Redis that restarts is waited for, where nobody waits for the caller.
    """
    pool = ConnectionPool.from_url(
        redis_address(settings),
        socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
        socket_timeout=BLOCKING_TIMEOUT_SECONDS,
        health_check_interval=30,
        retry=PATIENT_RETRY if patient else Retry(NoBackoff(), 1),
        decode_responses=decode,
        parser_class=AnswerParser,
        **_tcp(settings.redis_url),
        **_tls(settings.redis_url, settings.redis_verify_tls),
    )
    return Redis(connection_pool=pool)


def probing_client(url: str, *, verify_tls: bool = True) -> Redis:
    """A client that fails at once, for whoever asks again and again whether a server is up."""
    return Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
        socket_timeout=FAST_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0, (RedisConnectionError, RedisTimeoutError)),
        **_tls(url, verify_tls),
    )


def _tcp(url: str) -> dict[str, Any]:
    """Options of connections over a network, so that idle ones that are lost cost nobody a timeout each; a Unix socket refuses them."""
    if url.startswith("unix://"):
        return {}
    return {"socket_keepalive": True, "socket_keepalive_options": NEAR_TCP_OPTIONS}


def _tls(url: str, verify: bool) -> dict[str, Any]:
    """Options of TLS connections; the other kinds of address refuse them."""
    return {"ssl_cert_reqs": "none"} if url.startswith("rediss://") and not verify else {}


def check_writable(redis: Redis) -> None:
    """Write one key: a Redis that is full, whose disk is full, or that is a replica answers reads all the same. Raises RedisError."""
    redis.set(upkeep_keys.write_probe(), "1", ex=60)
