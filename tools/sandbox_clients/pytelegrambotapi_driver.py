# mypy: disable-error-code="assignment,untyped-decorator"
"""pyTelegramBotAPI."""

import os
from typing import Any

from telebot import TeleBot, apihelper
from telebot.types import InlineKeyboardButton, InlineKeyboardMarkup

from tools.sandbox_clients.checking import check, done

CHAT = int(os.environ["CHAT_ID"])
apihelper.API_URL = os.environ["SANDBOX_URL"] + "/bot{0}/{1}"
apihelper.FILE_URL = os.environ["SANDBOX_URL"] + "/file/bot{0}/{1}"
bot: Any = TeleBot(os.environ["BOT_TOKEN"], threaded=False)


@bot.message_handler(commands=["start"])
def started(message: Any) -> None:
    """Offer the button."""
    check("update: entities", [entity.type for entity in message.entities], ["bot_command"])
    bot.send_message(
        message.chat.id,
        "tap",
        reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("Tap", callback_data="tap")]]),
    )


@bot.callback_query_handler(func=lambda query: query.data == "tap")
def tapped(query: Any) -> None:
    """Answer the tap and go on."""
    bot.answer_callback_query(query.id, "ok")
    bot.edit_message_text("pressed", query.message.chat.id, query.message.message_id)
    bot.stop_polling()


def calls() -> None:
    """Every method once."""
    me = bot.get_me()
    check("getMe", me.is_bot, True)
    check("getChat", bot.get_chat(CHAT).type, "private")
    check("getChatMember", bot.get_chat_member(CHAT, CHAT).status, "member")
    check("getMyName", bot.get_my_name().name, me.first_name)
    rich = bot.send_message(CHAT, os.environ["RICH_TEXT"], parse_mode="HTML")
    check("sendMessage: entities", ",".join(each.type for each in rich.entities), os.environ["RICH_ENTITIES"])
    check("sendSticker", bot.send_sticker(CHAT, "https://example.com/a.webp").sticker.type, "regular")
    check("sendLocation", bot.send_location(CHAT, -23.5, -46.6).location.latitude, -23.5)
    check("sendVenue", bot.send_venue(CHAT, -23.5, -46.6, "Masp", "Av. Paulista").venue.title, "Masp")
    check("sendContact", bot.send_contact(CHAT, "+5511999990000", "Ana").contact.first_name, "Ana")
    check("sendDice", bot.send_dice(CHAT, emoji="🎯").dice.emoji, "🎯")
    note = bot.send_video_note(CHAT, b"video").video_note
    check("sendVideoNote", note.length, 384)
    check("getFile", bot.download_file(bot.get_file(note.file_id).file_path), b"video")


bot.infinity_polling(timeout=5, long_polling_timeout=5)
calls()
done()
