import { number, percent, text } from "../dom.js";
import { OTHER, PATH } from "./click-words.js";
import { report } from "./report.js";

const RELOAD_MS = 60000; // how often clicks that arrive renew a report that they belong to
const APART = ["country", "device"];

const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

document.addEventListener("alpine:init", () => {
  // The report over all pools; a click on a row filters by it, and by it what the live clicks show too.
  Alpine.data("accountAnalytics", () => ({
    ...report,
    segment: {}, // name -> value; "" is the direct or unknown ones
    pools: {},
    former: {},
    change: {},
    loadedAt: 0,
    init() {
      const asked = new URLSearchParams(window.location.search); // a filter can be kept as a bookmark
      const names = ["pool_id", ...PATH, ...APART];
      this.segment = Object.fromEntries(names.filter((name) => asked.has(name)).map((name) => [name, asked.get(name)]));
      this.begin();
      document.addEventListener("clicks-arrived", () => {
        if (this.includesToday() && !this.busy && Date.now() - this.loadedAt > RELOAD_MS) this.load();
      });
      this.$nextTick(() => tell("segment", this.segment));
    },
    live(by) {
      return `/panel/live/analytics?${this.asked(by, this.segment)}`;
    },
    file(by, kind) {
      return `/api/v1/analytics.${kind}?${this.asked(by, this.segment)}`;
    },
    take(found) {
      Object.assign(this, { former: found.former.totals, change: found.change, loadedAt: Date.now() });
      Object.assign(this.pools, Object.fromEntries((found.breakdowns.pool ?? []).map((row) => [row.key, row.label])));
      this.show(found);
    },
    narrow(by, row) {
      const path = row.path ?? [row.key];
      if (by === "pool") this.choose({ ...this.segment, pool_id: row.key });
      else this.choose({ ...this.only("pool_id"), ...(PATH.includes(by) ? Object.fromEntries(path.map((value, at) => [PATH[at], value])) : { [by]: row.key }) });
    },
    cannotNarrow: (_by, row) => row.key === OTHER,
    /** Take a condition away, and with a source its campaign, with a campaign its ad. */
    widen(name) {
      const gone = PATH.includes(name) ? PATH.slice(PATH.indexOf(name)) : [name];
      this.choose(Object.fromEntries(Object.entries(this.segment).filter(([key]) => !gone.includes(key))));
    },
    only(name) {
      return name in this.segment ? { [name]: this.segment[name] } : {};
    },
    choose(segment) {
      this.segment = segment;
      const query = new URLSearchParams(segment).toString();
      window.history.replaceState(null, "", query ? `?${query}` : window.location.pathname);
      tell("segment", segment);
      this.load();
    },
    get conditions() {
      const word = (name, value) => (name === "pool_id" ? (this.pools[value] ?? `#${value}`) : this.wordOf(name, value));
      return Object.entries(this.segment).map(([name, value]) => ({ name, said: `${text(`segment.${name}`)}: ${word(name, value)}` }));
    },
    get isNarrow() {
      return this.conditions.length > 0;
    },
    get hidesSome() {
      return this.isNarrow && ["source", ...APART].some((by) => !this.isKept(by));
    },
    isKept(by) {
      return by in this.breakdowns;
    },
    knows(name) {
      return this.totals[name] !== undefined;
    },
    toneOf: (value) => (value > 0 ? "is-online" : value < 0 ? "is-offline" : "is-idle"),
    changeOf: (value) => (value === null || value === undefined ? "–" : `${value > 0 ? "+" : ""}${percent(value)}`),
    pointsOf: (value) => (value === null || value === undefined ? "–" : text("analytics.points", { points: `${value > 0 ? "+" : ""}${number(value)}` })),
    beforeOf(name) {
      const value = this.former[name];
      return text("analytics.before", { value: name === "conversion" ? percent(value) : number(value) });
    },
  }));
});
