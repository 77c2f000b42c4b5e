# mypy: disallow-untyped-decorators=False
"""aiogram."""

import asyncio
import os

from aiogram import Bot, Dispatcher, F
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import CommandStart
from aiogram.types import (
    BufferedInputFile,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
)

from tools.sandbox_clients.checking import check, done

CHAT = int(os.environ["CHAT_ID"])
dispatcher = Dispatcher()


@dispatcher.message(CommandStart())
async def started(message: Message) -> None:
    """Offer the button."""
    check("update: entities", [entity.type for entity in message.entities or ()], ["bot_command"])
    button = InlineKeyboardButton(text="Tap", callback_data="tap")
    await message.answer("tap", reply_markup=InlineKeyboardMarkup(inline_keyboard=[[button]]))


@dispatcher.callback_query(F.data == "tap")
async def tapped(query: CallbackQuery) -> None:
    """Answer the tap and go on."""
    await query.answer("ok")
    if isinstance(query.message, Message):
        await query.message.edit_text("pressed")
    await dispatcher.stop_polling()


async def calls(bot: Bot) -> None:
    """Every method once."""
    me = await bot.get_me()
    check("getMe", me.is_bot, True)
    check("getChat", (await bot.get_chat(CHAT)).type, "private")
    check("getChatMember", (await bot.get_chat_member(CHAT, CHAT)).status, "member")
    check("getMyName", (await bot.get_my_name()).name, me.first_name)
    rich = await bot.send_message(CHAT, os.environ["RICH_TEXT"], parse_mode="HTML")
    check(
        "sendMessage: entities",
        ",".join(each.type for each in rich.entities or ()),
        os.environ["RICH_ENTITIES"],
    )
    sticker = await bot.send_sticker(CHAT, "https://example.com/a.webp")
    check("sendSticker", sticker.sticker and sticker.sticker.type, "regular")
    place = await bot.send_location(CHAT, -23.5, -46.6)
    check("sendLocation", place.location and place.location.latitude, -23.5)
    venue = await bot.send_venue(CHAT, -23.5, -46.6, "Masp", "Av. Paulista")
    check("sendVenue", venue.venue and venue.venue.title, "Masp")
    contact = await bot.send_contact(CHAT, "+5511999990000", "Ana")
    check("sendContact", contact.contact and contact.contact.first_name, "Ana")
    dice = await bot.send_dice(CHAT, emoji="🎯")
    check("sendDice", dice.dice and dice.dice.emoji, "🎯")
    note = await bot.send_video_note(CHAT, BufferedInputFile(b"video", "a.mp4"))
    check("sendVideoNote", note.video_note and note.video_note.length, 384)
    if note.video_note:
        content = await bot.download(note.video_note)
        check("getFile", content and content.read(), b"video")


async def main() -> None:
    """The whole play."""
    session = AiohttpSession(api=TelegramAPIServer.from_base(os.environ["SANDBOX_URL"]))
    async with Bot(os.environ["BOT_TOKEN"], session=session) as bot:
        await dispatcher.start_polling(bot, handle_signals=False, close_bot_session=False)
        await calls(bot)
    done()


asyncio.run(main())
