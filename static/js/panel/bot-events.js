// What happened to a bot, newest first, in pages.
import { api } from "../api.js";
import { ago, hasText, moment, symbol, text } from "../dom.js";
import { attempt } from "../feedback.js";

const SYMBOLS = [
  [/^member_state$/, "pulse"],
  [/^(member|pool|wave)_/, "pool"],
  [/plugin/, "plug"],
  [/token|password|key_/, "key"],
  [/_started$/, "play"],
  [/_stopped$/, "pause"],
  [/_restarted$/, "restart"],
  [/_access$/, "eye"],
];

const stateText = (state) => (hasText(`status.${state}`) ? text(`status.${state}`) : state);
const plainly = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));

function stateChange({ from, to, cause }) {
  const why = hasText(`cause.${cause}`) ? text(`cause.${cause}`) : cause;
  return [`${stateText(from)} → ${stateText(to)}`, why].filter(Boolean).join(" · ");
}

document.addEventListener("alpine:init", () => {
  Alpine.data("botEvents", () => ({
    events: [],
    kind: "",
    next: null,
    isRead: false,
    show(tab) {
      if (tab === "events") queueMicrotask(() => this.read()); // outside: what it reads shall not bring it here again
    },
    read() {
      return this.fetch("");
    },
    more() {
      return this.fetch(this.next);
    },
    async fetch(cursor) {
      const { kind } = this;
      const query = new URLSearchParams({ kind, cursor });
      const [ok, page] = await attempt(() => api.get(`/api/v1/bots/${this.$root.dataset.bot}/events?${query}`));
      if (!ok || kind !== this.kind) return;
      this.events = cursor ? [...this.events, ...page.items] : page.items;
      this.next = page.next;
      this.isRead = true;
    },
    detailsOf(event) {
      if (event.kind === "member_state") return stateChange(event.details);
      const details = Object.entries(event.details.changes ?? event.details).filter(([, value]) => value !== null);
      return details.map(([name, value]) => `${name}: ${plainly(value)}`).join(" · ");
    },
    byOf: (event) => (event.ip ? text("events.from", event) : event.by),
    when: (event) => `${ago(event.at)} · ${moment(event.at)}`,
    symbolOf: (event) => symbol(SYMBOLS.find(([kinds]) => kinds.test(event.kind))?.[1] ?? "bot"),
    get some() {
      return this.events.length > 0;
    },
    get none() {
      return this.isRead && this.events.length === 0;
    },
  }));
});
