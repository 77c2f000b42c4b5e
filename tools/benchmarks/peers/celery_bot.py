"""The usual design of a bot platform: a FastAPI webhook queues a Celery task, which queues a second one that sends.

The first task keeps who wrote (`leads.py`). It does less than ours: no deduplication, no order within a chat, no limits, no
attribution, no pacing, and a task acknowledged before it is done. `uvicorn tools.benchmarks.peers.celery_bot:app` and
`celery -A tools.benchmarks.peers.celery_bot:tasks worker`.
"""

from __future__ import annotations

import hmac
import json
import os
import threading
from typing import Any

import httpx
from celery import Celery
from fastapi import FastAPI, Request, Response

from tools.benchmarks.peers.leads import Leads

SECRET = os.environ["PEER_SECRET"]
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
API = os.environ["TELEGRAM_API_URL"]
TOKEN_TAIL = "A" * 35

tasks = Celery("peer", broker=os.environ["REDIS_URL"])
tasks.conf.update(task_ignore_result=True, worker_prefetch_multiplier=32, task_serializer="json")
app = FastAPI()
_local = threading.local()


@app.post("/webhook/{number}")
async def receive(number: int, request: Request) -> Response:
    """Queue one update."""
    if not hmac.compare_digest(request.headers.get(SECRET_HEADER, ""), SECRET):
        return Response(status_code=401)
    handle.delay(number, json.loads(await request.body()))
    return Response()


@tasks.task
def handle(number: int, update: dict[str, Any]) -> None:
    """Keep who wrote, decide on the reply and queue it."""
    message = update["message"]
    person = message["from"]
    _leads().keep(
        number,
        person["id"],
        (
            person["first_name"],
            person.get("last_name", ""),
            person.get("username", ""),
            person.get("language_code", ""),
        ),
    )
    send.delay(number, {"chat_id": message["chat"]["id"], "text": message["text"], "parse_mode": "HTML"})


@tasks.task
def send(number: int, params: dict[str, Any]) -> None:
    """Call the Bot API over a kept connection."""
    _session().post(f"{API}/bot{1_000_000 + number}:{TOKEN_TAIL}/sendMessage", json=params).raise_for_status()


def _leads() -> Leads:
    if not hasattr(_local, "leads"):  # a connection of each worker's own, not inherited by its fork
        _local.leads = Leads(os.environ["LEADS_FILE"])
    leads: Leads = _local.leads
    return leads


def _session() -> httpx.Client:
    if not hasattr(_local, "session"):
        _local.session = httpx.Client(timeout=20, trust_env=False)
    session: httpx.Client = _local.session
    return session
