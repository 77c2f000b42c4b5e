// grammY.
"use strict";

const { Bot, InlineKeyboard, InputFile } = require("grammy");
const { check, download, run } = require("./checking.js");

const { SANDBOX_URL, BOT_TOKEN, CHAT_ID, RICH_TEXT, RICH_ENTITIES } = process.env;
const chat = Number(CHAT_ID);
const bot = new Bot(BOT_TOKEN, { client: { apiRoot: SANDBOX_URL } });

run(async () => {
  await new Promise((resolve, reject) => {
    bot.catch((error) => reject(error.error));
    bot.command("start", async (context) => {
      check("update: entities", context.message.entities.map((each) => each.type), ["bot_command"]);
      await context.reply("tap", { reply_markup: new InlineKeyboard().text("Tap", "tap") });
    });
    bot.callbackQuery("tap", async (context) => {
      await context.answerCallbackQuery("ok");
      await context.editMessageText("pressed");
      resolve();
    });
    bot.start().catch(reject);
  });
  await bot.stop();
  const { api } = bot;
  const me = await api.getMe();
  check("getMe", me.is_bot, true);
  check("getChat", (await api.getChat(chat)).type, "private");
  check("getChatMember", (await api.getChatMember(chat, chat)).status, "member");
  check("getMyName", (await api.getMyName()).name, me.first_name);
  const rich = await api.sendMessage(chat, RICH_TEXT, { parse_mode: "HTML" });
  check("sendMessage: entities", rich.entities.map((each) => each.type).join(), RICH_ENTITIES);
  check("sendSticker", (await api.sendSticker(chat, "https://example.com/a.webp")).sticker.type, "regular");
  check("sendLocation", (await api.sendLocation(chat, -23.5, -46.6)).location.latitude, -23.5);
  check("sendVenue", (await api.sendVenue(chat, -23.5, -46.6, "Masp", "Av. Paulista")).venue.title, "Masp");
  check("sendContact", (await api.sendContact(chat, "+5511999990000", "Ana")).contact.first_name, "Ana");
  check("sendDice", (await api.sendDice(chat, "🎯")).dice.emoji, "🎯");
  const note = (await api.sendVideoNote(chat, new InputFile(Buffer.from("video"), "a.mp4"))).video_note;
  check("sendVideoNote", note.length, 384);
  const file = await api.getFile(note.file_id);
  check("getFile", await download(`${SANDBOX_URL}/file/bot${BOT_TOKEN}/${file.file_path}`), "video");
});
