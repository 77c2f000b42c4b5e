"""aiogram's own webhook server with an echo handler, everything in one process; kept is who wrote (`leads.py`).

It does less than ours: no queue (an update dies with the process), no deduplication, no order, no limits, no attribution,
no pacing. The database is asked on the event loop: a file on the same disk answers sooner than a thread would be woken.
`python -m tools.benchmarks.peers.aiogram_bot`, port in PORT.
"""

from __future__ import annotations

import os

import uvloop
from aiogram import Dispatcher, F
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import Message
from aiogram.webhook.aiohttp_server import TokenBasedRequestHandler
from aiohttp import web

from tools.benchmarks.peers.leads import Leads

dispatcher = Dispatcher()
leads = Leads(os.environ["LEADS_FILE"])


@dispatcher.message(F.text)
async def echo(message: Message) -> None:
    """Keep who wrote, and say it again."""
    person = message.from_user
    if message.bot is not None and person is not None:
        leads.keep(
            message.bot.id,
            person.id,
            (
                person.first_name,
                person.last_name or "",
                person.username or "",
                person.language_code or "",
            ),
        )
    await message.answer(message.text or "")


def main() -> None:
    """Serve until killed."""
    uvloop.install()
    app = web.Application()
    server = TelegramAPIServer.from_base(os.environ["TELEGRAM_API_URL"])
    session = AiohttpSession(api=server, limit=512)
    TokenBasedRequestHandler(dispatcher, bot_settings={"session": session}).register(
        app, path="/webhook/{bot_token}"
    )
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), print=None, access_log=None)


main()
