/* The chat with one bot: polls each second, sends, presses, blocks, bans. */
"use strict";

const Chat = {
  root: document.getElementById("chat"),
  log: document.getElementById("log"),
  text: document.getElementById("text"),
  seq: 0,
  state: { started: false, blocked: false, status: "alive" },
  timer: 0,

  get path() { return "/chats/" + Page.user + "/" + Chat.root.dataset.bot; },

  async refresh() {
    const answer = await Page.call("GET", Chat.path + "?after=" + Chat.seq);
    const atEnd = Chat.log.scrollHeight - Chat.log.scrollTop - Chat.log.clientHeight < 80;
    for (const message of answer.messages.sort((one, two) => one.message_id - two.message_id)) Chat.put(message);
    Chat.seq = answer.seq;
    Chat.state = answer;
    Chat.show();
    if (answer.messages.length && atEnd) Chat.log.scrollTop = Chat.log.scrollHeight;
  },

  put(message) {
    const fresh = Message.render(message, Chat.press, Chat.pay);
    const old = document.getElementById(fresh.id);
    if (old) old.replaceWith(fresh);
    else Chat.log.append(fresh);
    if (message.keyboard) Chat.keyboard(message.keyboard);
  },

  keyboard(markup) {
    const box = document.getElementById("keyboard");
    const rows = markup.keyboard || [];
    box.hidden = rows.length === 0;
    box.replaceChildren(...rows.map((row) => {
      const line = Page.make("div");
      for (const key of row) {
        const text = typeof key === "string" ? key : key.text;
        const button = Page.make("button", "button", text);
        button.addEventListener("click", () => Chat.act("send", { text }));
        line.append(button);
      }
      return line;
    }));
  },

  show() {
    const { started, blocked, status } = Chat.state;
    const start = document.getElementById("start");
    start.hidden = started && !blocked;
    start.textContent = Page.words[blocked ? "restart" : "start"];
    document.getElementById("composer").hidden = !start.hidden;
    document.getElementById("log-empty").hidden = Chat.log.querySelector(".msg") !== null;
    document.getElementById("chat-status").textContent = Page.words[status];
    document.getElementById("act-block").textContent = Page.words[blocked ? "unblock" : "block"];
    document.getElementById("act-ban").textContent = Page.words[status === "alive" ? "ban" : "restore"];
    const note = document.getElementById("chat-note");
    note.hidden = status === "alive" && !blocked;
    note.textContent = Page.words[{ alive: "blocked_note", revoked: "banned_note", frozen: "frozen_note" }[status]];
  },

  async act(name, body) {
    try {
      await Page.call("POST", Chat.path + "/" + name, body);
      await Chat.refresh();
      Chat.log.scrollTop = Chat.log.scrollHeight;
      return true;
    } catch (error) {
      Page.toast(error.message);
      return false;
    }
  },

  async press(message, data, button) {
    await Chat.busy(button, async () => {
      const { callback_query_id: id } = await Page.call("POST", Chat.path + "/press", { message_id: message.message_id, data });
      const answer = await Chat.answerOf("/callbacks/" + id);
      if (answer && answer.text) Page.toast(answer.text);
    });
  },

  async pay(message, button) {
    await Chat.busy(button, async () => {
      const { checkout_id: id } = await Page.call("POST", Chat.path + "/pay", { message_id: message.message_id });
      const answer = await Chat.answerOf("/checkouts/" + id);
      if (answer && !answer.ok) Page.toast(Page.say("payment_refused", { reason: answer.error_message }));
    });
  },

  async busy(button, act) {
    button.setAttribute("aria-busy", "true");
    try {
      await act();
      await Chat.refresh();
    } catch (error) {
      Page.toast(error.message);
    } finally {
      button.removeAttribute("aria-busy");
    }
  },

  /* What the bot answers within five seconds; nothing, and a word of it, when it does not. */
  async answerOf(path) {
    for (let turn = 0; turn < 20; turn += 1) {
      await new Promise((done) => { setTimeout(done, 250); });
      const { answered, answer } = await Page.call("GET", path);
      if (answered) return answer;
    }
    Page.toast(Page.words.no_answer);
    return null;
  },

  async send() {
    const text = Chat.text.value.trim();
    if (text && await Chat.act("send", { text })) Chat.text.value = "";
    Chat.text.focus();
  },

  async side() {
    const { bots } = await Page.call("GET", "/bots");
    document.getElementById("side-bots").replaceChildren(...bots.map((bot) => {
      const item = Page.make("li");
      const link = Page.make("a");
      const name = Page.make("span", "bot-name");
      const alive = bot.status === "alive";
      name.append(Page.make("strong", "", bot.first_name), alive ? Page.make("span", "muted", "@" + bot.username) : Page.chip(bot.status));
      link.href = "/chat/" + bot.username;
      if (bot.username === Chat.root.dataset.bot) link.setAttribute("aria-current", "page");
      link.append(Page.avatar(bot.username, bot.first_name), name);
      item.append(link);
      return item;
    }));
  },

  async poll() {
    try {
      await Chat.refresh();
    } catch (error) {
      if (error.status === 404) return location.assign("/"); // the sandbox was reset
      Page.toast(Page.words.offline);
    }
    return setTimeout(Chat.poll, 1000);
  },
};

document.getElementById("start").addEventListener("click", () => Chat.act("start", { payload: Chat.root.dataset.payload }));
document.getElementById("composer").addEventListener("submit", (event) => { event.preventDefault(); Chat.send(); });
Chat.text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); Chat.send(); }
});
document.getElementById("act-block").addEventListener("click", () => {
  document.querySelector(".menu").open = false;
  Chat.act(Chat.state.blocked ? "unblock" : "block");
});
document.getElementById("act-ban").addEventListener("click", async () => {
  document.querySelector(".menu").open = false;
  await Page.call("POST", "/bots/" + Chat.root.dataset.bot + (Chat.state.status === "alive" ? "/revoke" : "/restore"));
  await Promise.all([Chat.refresh(), Chat.side()]);
});
Chat.side();
Chat.poll();
