import { api } from "../api.js";
import { ago, hasText, initial, number, text } from "../dom.js";
import { attempt } from "../feedback.js";
import { follow, liveness } from "./liveness.js";
import { mixed } from "./mixing.js";
import { paging } from "./paging.js";

const EVERY_MS = 3000;

document.addEventListener("alpine:init", () => {
  // Who waits for an answer; and which bots keep messages.
  Alpine.data("inbox", () => mixed(liveness, paging("0"), {
    talks: [],
    waiting: 0,
    bots: [],
    view: "waiting",
    bot: "",
    init() {
      this.bots = initial(this.$root, "bots");
      this.take(initial(this.$root));
      this.refresh = follow(this, () => this.path(), EVERY_MS, (data) => this.take(data));
    },
    path() {
      const asked = { view: this.view, cursor: this.cursor, ...(this.bot ? { bot_id: this.bot } : {}) };
      return `/panel/live/inbox?${new URLSearchParams(asked)}`;
    },
    take(data) {
      this.talks = data.talks;
      this.next = data.next;
      this.waiting = data.waiting;
    },
    look(view) {
      this.view = view;
      this.toFirstPage();
      this.refresh();
    },
    chooseBot(event) {
      this.bot = event.target.value;
      this.toFirstPage();
      this.refresh();
    },
    isView(view) {
      return String(this.view === view);
    },
    get waitingCount() {
      return number(this.waiting);
    },
    get some() {
      return this.talks.length > 0;
    },
    get none() {
      return this.talks.length === 0;
    },
    get keepsAny() {
      return this.bots.some((bot) => bot.keeps);
    },
    get keepsNone() {
      return !this.keepsAny;
    },
    pageOf: (talk) => `/panel/inbox/${talk.id}`,
    classOf: (talk) => (talk.unanswered_since ? "is-waiting" : ""),
    nameOf: (talk) => talk.name || talk.username || String(talk.telegram_id),
    previewOf(talk) {
      const kind = `kind.${talk.last_text}`;
      const said = hasText(kind) ? text(kind) : talk.last_text;
      return talk.last_direction === "out" ? text("inbox.you", { text: said }) : said;
    },
    stateOf(talk) {
      if (talk.unanswered_since) return text("inbox.since", { when: ago(talk.unanswered_since) });
      if (!talk.answered_at) return text("inbox.done");
      const name = talk.answered_by === "telegram" ? text("inbox.telegram") : talk.answered_by;
      return text("inbox.answered", { name, when: ago(talk.answered_at) });
    },
    assignedText: (talk) => (talk.assigned_to ? `· ${text("inbox.sees_to_it", { name: talk.assigned_to })}` : ""),
    async keep(bot, event) {
      const keeps = event.target.checked;
      const work = () => api.put(`/api/v1/bots/${bot.id}/messages`, { keeps_messages: keeps });
      const [ok] = await attempt(work, keeps ? "inbox.kept" : "inbox.not_kept");
      if (ok) this.bots = this.bots.map((one) => (one.id === bot.id ? { ...one, keeps } : one));
      else event.target.checked = bot.keeps;
    },
  }));
});
