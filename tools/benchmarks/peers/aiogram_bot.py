"""aiogram's own webhook server with an echo handler, everything in one process and nothing kept.

It does less than ours: no queue (an update dies with the process), no deduplication, no order, no limits, no pacing.
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

dispatcher = Dispatcher()


@dispatcher.message(F.text)
async def echo(message: Message) -> None:
    """Say it again."""
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
