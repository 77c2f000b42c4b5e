import { api } from "../api.js";
import { moment, text } from "../dom.js";
import { attempt } from "../feedback.js";
import { clickWords } from "./click-words.js";

const PAGE = 20;

document.addEventListener("alpine:init", () => {
  // The newest clicks of a pool; each can be explained.
  Alpine.data("recentClicks", () => ({
    ...clickWords,
    clicks: [],
    names: {},
    cursor: "",
    isEmpty: false,
    init() {
      this.id = this.$root.dataset.pool;
      this.restart();
    },
    async restart() {
      const [ok, data] = await attempt(() => api.get(`/api/v1/redirect-pools/${this.id}/bots`));
      if (ok) this.names = Object.fromEntries(data.items.map((member) => [member.bot_id, `@${member.username}`]));
      await this.load("", []);
    },
    more() {
      return this.load(`&cursor=${this.cursor}`, this.clicks);
    },
    async load(where, before) {
      const [ok, data] = await attempt(() => api.get(`/api/v1/clicks?pool_id=${this.id}&limit=${PAGE}${where}`));
      if (!ok) return;
      this.clicks = [...before, ...data.items];
      this.cursor = data.next ?? "";
      this.isEmpty = this.clicks.length === 0;
    },
    whoText(click) {
      const parts = [text(`audience.${click.audience}`)];
      if (click.audience === "human" && click.device) parts.push(this.wordOf("device", click.device));
      if (click.country) parts.push(this.wordOf("country", click.country));
      if (click.over_limit) parts.push(text("click.over_limit"));
      return parts.join(" · ");
    },
    sourceText(click) {
      return this.wordOf("source", click.source);
    },
    botText(click) {
      if (click.bot_id === null) return text("click.no_bot");
      return this.names[click.bot_id] ?? `#${click.bot_id}`;
    },
    resultText: (click) => text(click.started_at ? "click.started" : "click.not_started"),
    resultClass: (click) => (click.started_at ? "is-online" : "is-idle"),
    momentOf: moment,
    explain: (click) => document.dispatchEvent(new CustomEvent("explain-click", { detail: click.id })),
  }));
});
