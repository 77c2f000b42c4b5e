# What is imported here keeps visitors from being let in: until this process listens, who follows a link is refused.

from services.core.greenlets import patch

patch()  # before anything else is imported

import gc
import os
import resource
import signal
from typing import Any

from services.core.environment import settings_or_exit
from services.core.listening import check_bind, listen_address
from services.core.proxies import proxies_of
from services.platform.redis.address import check_redis_known
from web.lifecycle import start_background
from web.server.connections import connections_for
from web.server.gunicorn_worker import Worker
from web.server.patience import Limits

settings = settings_or_exit(check_bind, check_redis_known)

bind = listen_address(settings)
workers = settings.web_concurrency
worker_class = Worker  # gevent, quick with plain requests, short with slow clients
Worker.limits = Limits(address_share=0.25, proxies=proxies_of(settings))  # a proxy speaks for many
worker_connections = connections_for(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
keepalive = 75  # seconds: Telegram opens few connections anew, and routers in front keep theirs for 60 s
timeout = 30
graceful_timeout = 8  # the launcher kills after 9 s, Heroku after 30 s
limit_request_line = 8190  # bytes, the most it allows: what advertising platforms add to a link may be long
control_socket_disable = True
accesslog = None  # query strings carry click ids; we write our own request log
forwarded_allow_ips = ""  # believed in one place only: TRUSTED_PROXIES
loglevel = "warning"


def when_ready(_server: Any) -> None:
    """Import in the master, once it listens, what its web processes run: one that dies is replaced in the time of a fork (ADR 76).

    Who is told to end meanwhile ends at once. gunicorn would fork first and pass the signal on, which a child that has just been
    forked loses.
    """
    told = {
        number: signal.signal(number, _end_now) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
    }
    gc.disable()
    import app  # noqa: F401, PLC0415
    from services.platform.preloading import share_imports  # noqa: PLC0415 - SQLAlchemy can wait as well

    share_imports()
    for number, handler in told.items():
        signal.signal(number, handler)


def _end_now(*_: object) -> None:
    os._exit(0)  # an exception could be caught by whatever is being imported


def post_worker_init(worker: Any) -> None:
    """Start what each web process runs beside its requests."""
    start_background(worker.wsgi)
