/* The bot list and the link to tap. */
"use strict";

const Home = {
  list: document.getElementById("bots"),
  shown: "",

  async refresh() {
    const { bots } = await Page.call("GET", "/bots");
    const picture = JSON.stringify(bots);
    if (picture === Home.shown) return;
    Home.shown = picture;
    const focused = document.activeElement ? document.activeElement.id : "";
    Home.list.replaceChildren(...bots.map(Home.card));
    document.getElementById("no-bots").hidden = bots.length > 0;
    if (focused && document.getElementById(focused)) document.getElementById(focused).focus();
  },

  card(bot) {
    const card = Page.make("li", "bot");
    const head = Page.make("div", "bot-head");
    const name = Page.make("div", "bot-name");
    name.append(Page.make("strong", "", bot.first_name), Page.make("span", "muted", "@" + bot.username));
    head.append(Page.avatar(bot.username, bot.first_name), name, Page.chip(bot.status));
    card.append(head, Page.make("p", "muted", Home.state(bot)), Home.acts(bot));
    return card;
  },

  state(bot) {
    const webhook = Page.words[bot.webhook_url ? "webhook" : "no_webhook"];
    const waiting = bot.pending_update_count;
    if (!waiting) return webhook;
    return webhook + " · " + (waiting === 1 ? Page.words.pending_one : Page.say("pending", { n: waiting }));
  },

  acts(bot) {
    const row = Page.make("div", "bot-acts");
    const chat = Page.make("a", "button", Page.words.open_chat);
    chat.href = "/chat/" + bot.username;
    const dead = bot.status !== "alive";
    row.append(chat,
      Home.button(bot, "copy", Page.words.copy_token, "", () => Home.copy(bot.token)),
      Home.button(bot, "life", Page.words[dead ? "restore" : "ban"], dead ? "" : " danger", () => Home.change(bot, dead)));
    return row;
  },

  button(bot, role, text, extra, act) {
    const button = Page.make("button", "button quiet" + extra, text);
    button.id = role + "-" + bot.id;
    button.addEventListener("click", act);
    return button;
  },

  async copy(token) {
    try {
      await navigator.clipboard.writeText(token);
      Page.toast(Page.words.copied);
    } catch (_error) {
      Page.toast(Page.say("copy_failed", { token }));
    }
  },

  async change(bot, dead) {
    await Page.call("POST", "/bots/" + bot.id + (dead ? "/restore" : "/revoke"));
    await Home.refresh();
  },

  aim() {
    const base = document.getElementById("tap-base").value.trim().replace(/\/+$/, "");
    const slug = document.getElementById("tap-slug").value.trim();
    const link = document.getElementById("tap-open");
    if (/^https?:\/\//.test(base) && slug) link.href = base + "/go/" + encodeURIComponent(slug);
  },

  async poll() {
    try {
      await Home.refresh();
    } catch (_error) {
      Page.toast(Page.words.offline);
    }
    setTimeout(Home.poll, 2000);
  },
};

for (const id of ["tap-base", "tap-slug"]) document.getElementById(id).addEventListener("input", Home.aim);
document.getElementById("add-bot").addEventListener("click", async () => {
  await Page.call("POST", "/bots");
  await Home.refresh();
});
Home.poll();
