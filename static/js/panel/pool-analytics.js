import { api } from "../api.js";
import { chart } from "../chart.js";
import { counted, language, number, percent, text } from "../dom.js";
import { toast } from "../feedback.js";
import { looks } from "../status.js";
import { clickWords } from "./click-words.js";

const DAY_MS = 86400000;
const LONGEST_BY_HOUR = 7; // days; more bars would be thinner than a pixel
const SHOWN = 8;
const iso = (date) => `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
const beginning = (row) => new Date(row.key.length === 10 ? `${row.key}T00:00:00` : row.key).getTime() / 1000;

document.addEventListener("alpine:init", () => {
  // A pool's report of a period, on the reader's own clock.
  Alpine.data("poolAnalytics", () => ({
    ...looks,
    ...clickWords,
    from: "",
    to: "",
    by: "day",
    tz: Intl.DateTimeFormat(language).resolvedOptions().timeZone || "UTC",
    busy: false,
    isLoaded: false,
    report: {},
    totals: {},
    rows: [],
    members: [],
    breakdowns: {},
    unfolded: [],
    turn: 0,
    init() {
      this.id = this.$root.dataset.pool;
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
      return this.to === iso(new Date()) && this.from === iso(new Date(Date.now() - (days - 1) * DAY_MS));
    },
    chosen() {
      if (this.tooLong) this.by = "day";
      this.load();
    },
    grain(by) {
      this.by = by;
      this.load();
    },
    isBy(by) {
      return this.by === by;
    },
    get tooLong() {
      return new Date(this.to) - new Date(this.from) >= LONGEST_BY_HOUR * DAY_MS;
    },
    asked(by) {
      return new URLSearchParams({ from: this.from, to: this.to, by, tz: this.tz }).toString();
    },
    file(by, kind) {
      return `/api/v1/redirect-pools/${this.id}/analytics.${kind}?${this.asked(by)}`;
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
        const report = await api.get(`/panel/live/pools/${this.id}/analytics?${this.asked(this.by)}`);
        if (turn === this.turn) this.take(report);
      } catch (error) {
        if (turn === this.turn) toast(error.message, "error");
      }
      if (turn === this.turn) this.busy = false;
      this.isLoaded = true; // also after a refusal: the clicks are read apart
    },
    take(report) {
      Object.assign(this, { report, totals: report.totals, rows: report.rows, members: report.members, breakdowns: report.breakdowns });
      this.plot.show({
        times: report.rows.map(beginning),
        step: report.by === "day" ? 86400 : 3600,
        timeLabel: text("chart.time"),
        lines: [
          { label: text("analytics.no_start"), values: report.rows.map((row) => row.redirects - row.starts) },
          { label: text("analytics.starts"), values: report.rows.map((row) => row.starts) },
        ],
      });
    },
    get isEmpty() {
      return this.totals.redirects === 0;
    },
    get summary() {
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
      return this.wordOf(by, by === "bot" ? row.label : row.key);
    },
    nameOrNone: (bot) => (bot ? `@${bot.username}` : "–"),
    get usedText() {
      return this.report.most_used ? counted("analytics.redirects", this.report.most_used.redirects) : "";
    },
    get troubleText() {
      return this.report.most_troubled ? counted("analytics.losses", this.report.most_troubled.losses) : "";
    },
    lateText: (member) => (member.check_p95_ms === null ? "" : text("analytics.p95", { ms: number(member.check_p95_ms) })),
    msOf: (value) => (value === null ? "–" : `${number(value)} ms`),
    botPage: (member) => `/panel/bots/${member.bot_id}`,
    numberOf: number,
    percentOf: percent,
  }));
});
