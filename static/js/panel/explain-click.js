import { api } from "../api.js";
import { hasText, moment, number, percent, text } from "../dom.js";
import { attempt } from "../feedback.js";
import { looks } from "../status.js";

document.addEventListener("alpine:init", () => {
  // Why a click went where it went, from what was stored with it.
  Alpine.data("explainClick", () => ({
    ...looks,
    click: {},
    lines: [],
    candidates: [],
    members: [],
    init() {
      document.addEventListener("explain-click", (event) => this.start(event.detail));
    },
    async start(id) {
      const [ok, click] = await attempt(() => api.get(`/api/v1/clicks/${id}/explain`));
      if (!ok) return;
      Object.assign(this, { click, candidates: click.candidates, members: click.members, lines: this.told(click) });
      this.$root.showModal();
    },
    close() {
      this.$root.close();
    },
    /** What sent the click to its pool, before any bot was chosen. */
    sent(click) {
      if (click.rule) return [text("explain.rule")];
      if (click.experiment) return [text("explain.experiment", { name: click.experiment.name ?? `#${click.experiment.id}` })];
      return [];
    },
    told(click) {
      const parts = click.reason.split("/");
      const lines = this.sent(click);
      if (parts[0] === "nobody") return [...lines, text("rule.nobody")];
      if (click.reason === "fallback/url") return [...lines, text("rule.fallback_url")];
      if (parts[0] === "fallback") lines.push(text(`rule.${parts.shift()}`));
      for (const key of [`rule.${parts[0]}`, `tier.${parts[1]}`]) if (hasText(key)) lines.push(text(key));
      if (click.position !== null) lines.push(text("explain.position", { position: number(click.position) }));
      return lines;
    },
    nameOf: (one) => (one.username ? `@${one.username}` : `#${one.bot_id}`),
    isChosen(one) {
      return one.bot_id === this.click.bot_id;
    },
    chosenClass(one) {
      return this.isChosen(one) ? "is-chosen" : "";
    },
    candidateText(one) {
      const parts = [];
      if (one.share !== 1) parts.push(text("explain.share", { share: number(one.share) }));
      if (one.factor < 1) parts.push(text("explain.factor", { percent: percent(one.factor * 100) }));
      if (this.isChosen(one)) parts.push(text("explain.chosen"));
      return parts.join(" · ");
    },
    momentOf: moment,
  }));
});
