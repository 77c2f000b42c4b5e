// A report of a period, on the reader's own clock: the form, the chart, the breakdowns. Spread into components, which say
// where it comes from: `live(query)` and `file(by, kind)`, and may `take` more of it.
import { api } from "../api.js";
import { chart } from "../chart.js";
import { counted, language, money, number, percent, text } from "../dom.js";
import { toast } from "../feedback.js";
import { clickWords } from "./click-words.js";

const DAY_MS = 86400000;
const LONGEST_BY_HOUR = 7; // days; more bars would be thinner than a pixel
const SHOWN = 8;
const iso = (date) => `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
const beginning = (row) => new Date(row.key.length === 10 ? `${row.key}T00:00:00` : row.key).getTime() / 1000;

export const report = {
  ...clickWords,
  from: "",
  to: "",
  by: "day",
  tz: Intl.DateTimeFormat(language).resolvedOptions().timeZone || "UTC",
  busy: false,
  isLoaded: false,
  totals: {},
  rows: [],
  breakdowns: {},
  unfolded: [],
  turn: 0,
  begin() {
    this.plot = chart(this.$refs.chart);
    this.last(7);
  },
  last(days) {
    this.to = iso(new Date());
    this.from = iso(new Date(Date.now() - (days - 1) * DAY_MS));
    this.by = days === 1 ? "hour" : "day";
    this.load();
  },
  isLast(days) {
    return this.includesToday() && this.from === iso(new Date(Date.now() - (days - 1) * DAY_MS));
  },
  includesToday() {
    return this.to === iso(new Date());
  },
  chosen() {
    if (this.tooLong()) this.by = "day";
    this.load();
  },
  grain(by) {
    this.by = by;
    this.load();
  },
  isBy(by) {
    return this.by === by;
  },
  tooLong() {
    return new Date(this.to) - new Date(this.from) >= LONGEST_BY_HOUR * DAY_MS;
  },
  asked(by, more = {}) {
    return new URLSearchParams({ from: this.from, to: this.to, by, tz: this.tz, ...more }).toString();
  },
  async load() {
    if (!this.from || !this.to || this.to < this.from) {
      toast(text("analytics.wrong_dates"), "error");
      return;
    }
    this.turn += 1;
    const turn = this.turn;
    this.busy = true;
    try {
      const found = await api.get(this.live(this.by));
      if (turn === this.turn) this.take(found);
    } catch (error) {
      if (turn === this.turn) toast(error.message, "error");
    }
    if (turn === this.turn) this.busy = false;
    this.isLoaded = true; // also after a refusal: the clicks are read apart
  },
  show(found) {
    Object.assign(this, { totals: found.totals, rows: found.rows, breakdowns: found.breakdowns });
    this.plot.show({
      times: found.rows.map(beginning),
      step: found.by === "day" ? 86400 : 3600,
      timeLabel: text("chart.time"),
      lines: [
        { label: text("analytics.no_start"), values: found.rows.map((row) => row.redirects - row.starts) },
        { label: text("analytics.starts"), values: found.rows.map((row) => row.starts) },
      ],
    });
  },
  isEmpty() {
    return this.totals.redirects === 0;
  },
  summary() {
    if (this.totals.redirects === undefined) return "";
    return text("analytics.summary", { redirects: counted("analytics.redirects", this.totals.redirects), starts: counted("analytics.n_starts", this.totals.starts), from: this.from, to: this.to });
  },
  all(by) {
    return this.breakdowns[by] ?? [];
  },
  has(by) {
    return this.all(by).length > 0;
  },
  isBare(by) {
    return !this.has(by) && !this.busy;
  },
  shown(by) {
    return this.unfolded.includes(by) ? this.all(by) : this.all(by).slice(0, SHOWN);
  },
  hasMore(by) {
    return this.all(by).length > this.shown(by).length;
  },
  unfold(by) {
    this.unfolded = [...this.unfolded, by];
  },
  nameOf(by, row) {
    if (row.path) return this.pathOf(row.path);
    return this.wordOf(by, by === "bot" || by === "pool" ? row.label : row.key);
  },
  hasEarned() {
    return (this.totals.goals ?? 0) > 0 || (this.totals.revenue ?? []).length > 0;
  },
  moneyOf: (one) => money(one.amount_micros, one.currency),
  perClickOf: (one) => (one.per_click_micros === null ? "" : text("analytics.per_click", { value: money(one.per_click_micros, one.currency) })),
  hasRevenue: (row) => row.revenue.length > 0,
  revenueOf: (row) => row.revenue.map((one) => money(one.amount_micros, one.currency)).join(" · "),
  numberOf: number,
  percentOf: percent,
};
