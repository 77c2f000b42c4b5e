"""Tests of plugins, without network and without Redis: a person's chat with a bot that has the plugin.

    def test_buying() -> None:
        chat = Chat(ShopPlugin, {"currency": "R$"})
        chat.send("/start")
        chat.tap("Buy")
        assert chat.last.text == "Thank you!"

Router, context, conversations, markup and the signatures of buttons are those of the product; only Telegram is played. What
Telegram would refuse fails the test, and so does what a handler raises.
"""

from services.messaging.plugin_kit.chat import Chat
from services.messaging.plugin_kit.played_telegram import ShownMessage, TelegramRefuses

__all__ = ["Chat", "ShownMessage", "TelegramRefuses"]
