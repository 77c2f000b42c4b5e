# mypy: disable-error-code="import-not-found"
"""python-telegram-bot."""

import asyncio
import os
from typing import Any

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import Application, ApplicationBuilder, CallbackQueryHandler, CommandHandler

from tools.sandbox_clients.checking import check, done

URL, CHAT = os.environ["SANDBOX_URL"], int(os.environ["CHAT_ID"])


async def started(update: Update, _context: Any) -> None:
    """Offer the button."""
    message = update.effective_message
    assert message is not None
    check("update: entities", [entity.type for entity in message.entities], ["bot_command"])
    markup = InlineKeyboardMarkup([[InlineKeyboardButton("Tap", callback_data="tap")]])
    await message.reply_text("tap", reply_markup=markup)


async def tapped(update: Update, context: Any) -> None:
    """Answer the tap and go on."""
    assert update.callback_query is not None
    await update.callback_query.answer("ok")
    await update.callback_query.edit_message_text("pressed")
    context.application.stop_running()


async def calls(bot: Bot) -> None:
    """Every method once."""
    me = await bot.get_me()
    check("getMe", me.is_bot, True)
    check("getChat", (await bot.get_chat(CHAT)).type, "private")
    check("getChatMember", (await bot.get_chat_member(CHAT, CHAT)).status, "member")
    check("getMyName", (await bot.get_my_name()).name, me.first_name)
    rich = await bot.send_message(CHAT, os.environ["RICH_TEXT"], parse_mode="HTML")
    check("sendMessage: entities", ",".join(each.type for each in rich.entities), os.environ["RICH_ENTITIES"])
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
    note = await bot.send_video_note(CHAT, b"video")
    check("sendVideoNote", note.video_note and note.video_note.length, 384)
    assert note.video_note is not None
    file = await note.video_note.get_file()
    check("getFile", bytes(await file.download_as_bytearray()), b"video")


async def call_all(application: Application[Any, Any, Any, Any, Any, Any]) -> None:
    """With a connection of its own: that of the polling is closed."""
    async with Bot(application.bot.token, base_url=f"{URL}/bot", base_file_url=f"{URL}/file/bot") as bot:
        await calls(bot)


def main() -> None:
    """The whole play."""
    builder = ApplicationBuilder().token(os.environ["BOT_TOKEN"])
    application = builder.base_url(f"{URL}/bot").base_file_url(f"{URL}/file/bot").build()
    application.add_handler(CommandHandler("start", started))
    application.add_handler(CallbackQueryHandler(tapped, "^tap$"))
    application.run_polling(stop_signals=None)
    asyncio.run(call_all(application))
    done()


main()
