import { api } from "../api.js";
import { counted, initial, moment, text } from "../dom.js";
import { attempt } from "../feedback.js";

document.addEventListener("alpine:init", () => {
  // One person: the bots that know them, and what happened, page by page into the past.
  Alpine.data("person", () => ({
    bots: [],
    items: [],
    next: null,
    id: 0,
    busy: false,
    init() {
      const found = initial(this.$root);
      this.id = found.telegram_id;
      this.bots = initial(this.$root, "bots");
      this.add(found);
    },
    add(found) {
      const before = this.items.length;
      this.items = [...this.items, ...found.items.map((item, index) => ({ ...item, index: before + index }))];
      this.next = found.next;
    },
    async more() {
      this.busy = true;
      const query = new URLSearchParams({ cursor: this.next });
      const [ok, found] = await attempt(() => api.get(`/api/v1/people/${this.id}/timeline?${query}`));
      if (ok) this.add(found);
      this.busy = false;
    },
    get some() {
      return this.items.length > 0;
    },
    get none() {
      return this.items.length === 0;
    },
    keyOf: (each) => each.index,
    when: moment,
    botOf: (each) => (each.bot ? `@${each.bot}` : ""),
    titleOf({ kind, details }) {
      if (kind === "message" && details.by) return text("happened.by", { name: details.by });
      if (kind === "message") return text(`happened.${details.direction}`);
      return text(`happened.${kind}`, { pool: details.pool, step: details.step, flow: details.name, goal: details.goal });
    },
    linesOf({ kind, details }) {
      if (kind === "message") return details.text || details.kind;
      if (kind === "click") return [details.source || text("people.direct"), details.campaign].filter(Boolean).join(" · ");
      if (kind === "start") return details.start_param;
      if (kind === "goal") return details.value ? `${details.value} ${details.currency}` : "";
      return details.times > 1 ? counted("happened.times", details.times) : "";
    },
    touchOf(touch) {
      if (!touch) return text("people.no_click");
      return [touch.source || text("people.direct"), touch.campaign, touch.ad].filter(Boolean).join(" · ");
    },
    stateOf: (bot) => text(`lead.${bot.state}`),
    talkOf: (bot) => `/panel/inbox/${bot.conversation_id}`,
    isFree: (bot) => !bot.is_blocked,
    block(bot) {
      return this.setBlocked(bot, true, () => api.put(this.placeOf(bot), { until: null, note: "" }));
    },
    unblock(bot) {
      return this.setBlocked(bot, false, () => api.remove(this.placeOf(bot)));
    },
    placeOf(bot) {
      return `/api/v1/bots/${bot.bot_id}/access/blocked/${this.id}`;
    },
    async setBlocked(bot, isBlocked, work) {
      this.busy = true;
      const [ok] = await attempt(work);
      if (ok) this.bots = this.bots.map((one) => (one.bot_id === bot.bot_id ? { ...one, is_blocked: isBlocked } : one));
      this.busy = false;
    },
  }));
});
