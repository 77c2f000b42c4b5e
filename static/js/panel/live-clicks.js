import { ago, text } from "../dom.js";
import { clickWords } from "./click-words.js";
import { follow, liveness } from "./liveness.js";

const EVERY_MS = 3000;

document.addEventListener("alpine:init", () => {
  // The newest clicks of all pools as they arrive, of the segment that the page shows.
  Alpine.data("liveClicks", () => ({
    ...clickWords,
    ...liveness,
    clicks: [],
    names: {},
    pools: {},
    segment: {},
    known: null, // ids seen before; null before the first answer
    fresh: [],
    isEmpty: false,
    init() {
      const path = () => `/panel/live/analytics/clicks?${new URLSearchParams(this.segment)}`;
      const refresh = follow(this, path, EVERY_MS, (data) => this.take(data));
      document.addEventListener("segment", (event) => {
        this.segment = event.detail;
        this.known = null;
        refresh();
      });
    },
    take(data) {
      Object.assign(this, { clicks: data.clicks, names: data.bots, pools: data.pools, isEmpty: data.clicks.length === 0 });
      this.fresh = this.known ? data.clicks.map((click) => click.id).filter((id) => !this.known.has(id)) : [];
      this.known = new Set(data.clicks.map((click) => click.id));
      if (this.fresh.length > 0) document.dispatchEvent(new CustomEvent("clicks-arrived"));
    },
    isFresh(click) {
      return this.fresh.includes(click.id) ? "is-changed" : "";
    },
    fromText(click) {
      const { source, campaign, ad } = click;
      return this.pathOf(ad ? [source, campaign, ad] : campaign ? [source, campaign] : [source]);
    },
    botText(click) {
      if (click.bot_id === null) return text("click.no_bot");
      return click.bot_id in this.names ? `@${this.names[click.bot_id]}` : text("analytics.deleted");
    },
    poolText(click) {
      return this.pools[click.pool_id];
    },
    agoOf: (click) => ago(click.at),
  }));
});
