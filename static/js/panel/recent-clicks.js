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
    sourceText(click) {
      return this.wordOf("source", click.source);
    },
    botText(click) {
      if (click.bot_id === null) return text("click.no_bot");
      return this.names[click.bot_id] ?? `#${click.bot_id}`;
    },
    momentOf: moment,
    explain: (click) => document.dispatchEvent(new CustomEvent("explain-click", { detail: click.id })),
  }));
});
