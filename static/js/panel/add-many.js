import { api } from "../api.js";
import { number, text } from "../dom.js";
import { doToAll } from "./bulk-bots.js";
import { dialogForm } from "./form.js";
import { likeChoice } from "./like-choice.js";

const TOKEN = /(\d{5,}):[A-Za-z0-9_-]{20,}/;

/** What each line that says something asks for: its token and the bot's number, or none. */
function read(pasted) {
  const lines = pasted.split("\n").map((line, at) => ({ place: at + 1, line: line.trim() }));
  return lines.filter(({ line }) => line).map(({ place, line }) => ({ place, token: TOKEN.exec(line)?.[0] ?? "", bot: TOKEN.exec(line)?.[1] ?? "" }));
}

document.addEventListener("alpine:init", () => {
  let tokens = new Map(); // by line; never in the page, and forgotten with the dialog
  // Tokens of many bots, one a line, registered one after the other with a result beside each line.
  Alpine.data("addMany", () => ({
    ...dialogForm,
    ...likeChoice,
    pasted: "",
    mode: "",
    pool: "",
    tags: "",
    rows: [],
    stopped: false,
    init() {
      document.addEventListener("add-many", () => {
        this.forget();
        this.open();
        this.readOthers();
      });
      this.$root.addEventListener("close", () => this.forget());
    },
    forget() {
      tokens = new Map();
      Object.assign(this, { pasted: "", rows: [], stopped: true });
    },
    send() {
      const asked = read(this.pasted);
      this.pasted = ""; // out of the page before anything else happens
      tokens = new Map(asked.map(({ place, token }) => [place, token]));
      const first = {};
      this.rows = asked.map(({ place, bot }) => {
        const before = bot ? first[bot] : undefined;
        if (bot) first[bot] ??= place;
        return { place, bot, id: 0, state: "wait", said: text("many.wait"), refusal: bot ? before && text("many.twice", { line: before }) : text("many.no_token") };
      });
      return this.run();
    },
    again() {
      for (const row of this.failed) Object.assign(row, { state: "wait", said: text("many.wait") });
      return this.run();
    },
    run() {
      this.stopped = false;
      return this.submitting(async () => {
        const rows = this.rows.filter((row) => row.state === "wait");
        for (const row of rows) if (!this.stopped) await this.register(row);
        await this.join(rows.filter((row) => row.id));
        document.dispatchEvent(new CustomEvent("fleet-changed"));
      });
    },
    async register(row) {
      if (row.refusal) return this.mark(row, "bad", row.refusal);
      this.mark(row, "busy", text("many.busy"));
      const body = { token: tokens.get(row.place), tags: this.tags.split(",").map((tag) => tag.trim()).filter(Boolean) };
      if (this.mode) body.mode = this.mode;
      if (this.like) body.like = Number(this.like);
      try {
        const bot = await api.post("/api/v1/bots", body);
        tokens.delete(row.place);
        row.id = bot.id;
        this.mark(row, "good", text("many.added", { name: `@${bot.username}` }));
      } catch (error) {
        this.mark(row, "bad", error.message);
      }
    },
    /** Put those that were registered into the chosen pool, in one request. */
    async join(rows) {
      if (!this.pool || rows.length === 0) return;
      const answer = await doToAll("add_to_pool", rows.map((row) => row.id), { pool_id: Number(this.pool) });
      for (const item of answer?.items ?? []) {
        if (!item.ok) rows.filter((row) => row.id === item.bot_id).forEach((row) => this.mark(row, "half", text("bot_not_joined", { reason: item.detail })));
      }
    },
    mark(row, state, said) {
      Object.assign(row, { state, said });
    },
    stop() {
      this.stopped = true;
    },
    get failed() {
      return this.rows.filter((row) => row.state === "bad" && !row.refusal);
    },
    get canRepeat() {
      return !this.busy && this.failed.length > 0;
    },
    get started() {
      return this.rows.length > 0;
    },
    get asking() {
      return this.rows.length === 0;
    },
    get decided() {
      return this.rows.filter((row) => !["wait", "busy"].includes(row.state)).length;
    },
    get progressText() {
      const added = this.rows.filter((row) => row.id).length;
      return text("many.progress", { n: number(this.decided), all: number(this.rows.length), added: number(added) });
    },
    get nothingPasted() {
      return !this.pasted.trim();
    },
    placeText: (row) => text("many.line", { line: row.place, bot: row.bot || "–" }),
    rowClass: (row) => ({ good: "is-online", half: "is-degraded", bad: "is-offline", busy: "is-checking" })[row.state] ?? "is-idle",
  }));
});
