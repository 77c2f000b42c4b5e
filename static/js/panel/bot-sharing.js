// A bot's configuration for other bots, and out and in as a file: shown first, made by the plan that was shown.
import { api } from "../api.js";
import { counted, text } from "../dom.js";
import { attempt, toast } from "../feedback.js";
import { changeWords } from "./changes.js";

const LARGEST_BYTES = 1_000_000; // as the server takes

document.addEventListener("alpine:init", () => {
  Alpine.data("botSharing", () => ({
    ...changeWords,
    target: "",
    bots: [],
    chosen: [],
    asked: null,
    plan: null,
    busy: false,
    path: "",
    init() {
      const { bot } = this.$root.dataset;
      this.path = `/api/v1/bots/${bot}`;
      this.$watch("target", async (target) => {
        this.forget();
        if (target !== "bots" || this.bots.length) return;
        const [ok, found] = await attempt(() => api.get("/panel/live/bots/names"));
        if (ok) this.bots = found.bots.filter((other) => String(other.id) !== bot);
      });
    },
    get picks() {
      return this.target === "bots";
    },
    get noBots() {
      return this.picks && this.bots.length === 0;
    },
    get cannotPlan() {
      return this.busy || this.target === "" || (this.picks && this.chosen.length === 0);
    },
    forget() {
      this.plan = null;
    },
    share() {
      const body = this.picks ? { bot_ids: this.chosen.map(Number) } : { pool_id: Number(this.target) };
      return this.show((more) => api.post(`${this.path}/behaviour/apply`, { ...body, ...more }));
    },
    async picked(event) {
      const [file] = event.target.files;
      event.target.value = ""; // so that the same file can be chosen again
      if (!file) return;
      if (file.size > LARGEST_BYTES) {
        toast(text("texts.too_large"), "error");
        return;
      }
      const document = await file.text();
      await this.show((more) => api.put(`${this.path}/configuration`, { document, ...more }));
    },
    async show(ask) {
      const plan = await this.doing(() => ask({}));
      if (plan) Object.assign(this, { asked: ask, plan });
    },
    async make() {
      const { plan, items } = this.plan;
      const done = await this.doing(() => this.asked({ if_plan: plan }), "behaviour.made");
      this.forget();
      if (done && !items) window.location.reload(); // the forms on this page show what is no more
    },
    async doing(work, good) {
      this.busy = true;
      const [ok, answer] = await attempt(work, good);
      this.busy = false;
      return ok ? answer : null;
    },
    /** What becomes of each bot: the others, or this one alone where a file was read. */
    get items() {
      if (!this.plan) return [];
      return this.plan.items ?? [{ bot_id: 0, username: this.$root.dataset.username, changes: this.plan.changes, code: null, detail: null }];
    },
    get shownItems() {
      return this.items.filter((item) => item.code || item.changes.length);
    },
    get changing() {
      return this.items.filter((item) => !item.code && item.changes.length).length;
    },
    get changesSomething() {
      return this.changing > 0;
    },
    get planText() {
      return this.changesSomething ? counted("sharing.plan", this.changing) : text("behaviour.same");
    },
    shownIn(item) {
      return item.code ? [] : this.shownOf(item.changes);
    },
    noteOf(item) {
      return item.code ? item.detail : this.moreOf(item.changes);
    },
  }));
});
