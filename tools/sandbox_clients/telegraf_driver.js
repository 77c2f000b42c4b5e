// Telegraf.
"use strict";

const { Telegraf, Markup } = require("telegraf");
const { check, download, run } = require("./checking.js");

const { SANDBOX_URL, BOT_TOKEN, CHAT_ID, RICH_TEXT, RICH_ENTITIES } = process.env;
const chat = Number(CHAT_ID);
const bot = new Telegraf(BOT_TOKEN, { telegram: { apiRoot: SANDBOX_URL } });

run(async () => {
  await new Promise((resolve, reject) => {
    bot.catch(reject);
    bot.start(async (context) => {
      check("update: entities", context.message.entities.map((each) => each.type), ["bot_command"]);
      await context.reply("tap", Markup.inlineKeyboard([Markup.button.callback("Tap", "tap")]));
    });
    bot.action("tap", async (context) => {
      await context.answerCbQuery("ok");
      await context.editMessageText("pressed");
      resolve();
    });
    bot.launch().catch(reject);
  });
  bot.stop();
  const { telegram } = bot;
  const me = await telegram.getMe();
  check("getMe", me.is_bot, true);
  check("getChat", (await telegram.getChat(chat)).type, "private");
  check("getChatMember", (await telegram.getChatMember(chat, chat)).status, "member");
  check("getMyName", (await telegram.callApi("getMyName", {})).name, me.first_name);
  const rich = await telegram.sendMessage(chat, RICH_TEXT, { parse_mode: "HTML" });
  check("sendMessage: entities", rich.entities.map((each) => each.type).join(), RICH_ENTITIES);
  check("sendSticker", (await telegram.sendSticker(chat, "https://example.com/a.webp")).sticker.type, "regular");
  check("sendLocation", (await telegram.sendLocation(chat, -23.5, -46.6)).location.latitude, -23.5);
  check("sendVenue", (await telegram.sendVenue(chat, -23.5, -46.6, "Masp", "Av. Paulista")).venue.title, "Masp");
  check("sendContact", (await telegram.sendContact(chat, "+5511999990000", "Ana")).contact.first_name, "Ana");
  check("sendDice", (await telegram.sendDice(chat, { emoji: "🎯" })).dice.emoji, "🎯");
  const note = (await telegram.sendVideoNote(chat, { source: Buffer.from("video"), filename: "a.mp4" })).video_note;
  check("sendVideoNote", note.length, 384);
  check("getFile", await download(await telegram.getFileLink(note.file_id)), "video");
});
