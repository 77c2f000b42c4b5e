// What advertising cost and brought back, and the imports of costs with how far they have come.
import { api } from "../api.js";
import { amount, counted, initial, language, moment, money, number, percent, text } from "../dom.js";
import { attempt, confirmed, toast } from "../feedback.js";
import { clickWords } from "./click-words.js";
import { problemText } from "./import-words.js";

const DAY_MS = 86400000;
const SHOWN = 50;
const PROBLEMS_SHOWN = 5;
const POLL_MS = 2000;
const UNDER_WAY = ["reading", "writing"];
const iso = (date) => `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;

document.addEventListener("alpine:init", () => {
  Alpine.data("returns", () => ({
    ...clickWords,
    kinds: ["campaign", "source", "ad", "pool", "bot", "day"],
    from: "",
    to: "",
    by: "campaign",
    currency: "",
    shownCurrency: "",
    totals: {},
    rows: [],
    missing: [],
    imports: [],
    busy: false,
    isLoaded: false,
    unfolded: false,
    turn: 0,
    init() {
      this.imports = initial(this.$root, "imports");
      document.addEventListener("costs-imported", () => this.watch());
      this.last(30);
      if (this.isAnyUnderWay) setTimeout(() => this.watch(), POLL_MS);
      if (window.location.hash === "#import") this.$nextTick(() => this.openImport());
    },
    openImport: () => document.dispatchEvent(new CustomEvent("import-costs")),
    last(days) {
      this.to = iso(new Date());
      this.from = iso(new Date(Date.now() - (days - 1) * DAY_MS));
      this.load();
    },
    isLast(days) {
      return this.to === iso(new Date()) && this.from === iso(new Date(Date.now() - (days - 1) * DAY_MS));
    },
    get query() {
      const tz = Intl.DateTimeFormat(language).resolvedOptions().timeZone || "UTC";
      return new URLSearchParams({ from: this.from, to: this.to, by: this.by, tz, currency: this.currency.trim().toUpperCase() }).toString();
    },
    get file() {
      return `/api/v1/returns.csv?${this.query}`;
    },
    async load() {
      this.turn += 1;
      const turn = this.turn;
      this.busy = true;
      const [ok, found] = await attempt(() => api.get(`/api/v1/returns?${this.query}`));
      if (turn !== this.turn) return;
      this.busy = false;
      this.isLoaded = true;
      if (ok) Object.assign(this, { totals: found.totals, rows: found.rows, missing: found.missing_rates, shownCurrency: found.currency, unfolded: false });
    },
    get hasRows() {
      return this.rows.length > 0;
    },
    get isEmpty() {
      return this.isLoaded && !this.hasRows;
    },
    get shownRows() {
      return this.unfolded ? this.rows : this.rows.slice(0, SHOWN);
    },
    get hasMore() {
      return this.shownRows.length < this.rows.length;
    },
    showAll() {
      this.unfolded = true;
    },
    get largest() {
      return Math.max(1, ...this.rows.map((row) => Math.max(row.cost_micros, row.revenue_micros)));
    },
    get missingText() {
      if (!this.missing.length) return "";
      const currencies = this.missing.map((each) => each.currency).join(", ");
      return text("returns.missing", { currencies, into: this.shownCurrency, day: this.missing.map((each) => each.day).sort()[0] });
    },
    get withoutCostText() {
      const { redirects_without_cost: clicks, starts_without_cost: starts, goals_without_cost: goals } = this.totals;
      if (!clicks && !starts && !goals) return "";
      return text("returns.without_cost", { clicks: number(clicks), starts: number(starts), goals: number(goals) });
    },
    kindText: (kind) => text(`returns.by.${kind}`),
    labelOf(row) {
      if (row.path) return this.pathOf(row.path);
      if (this.by === "source") return this.wordOf("source", row.key);
      return row.label || text(this.by === "bot" ? "returns.no_bot" : "returns.no_clicks");
    },
    numberOf: number,
    percentOf: percent,
    moneyOf(micros) {
      return micros === null || micros === undefined ? "–" : money(micros, this.shownCurrency);
    },
    amountOf: (micros) => (micros === null ? "–" : amount(micros)),
    toneOf: (figures) => (figures.profit_micros < 0 ? "is-offline" : "is-online"),
    pillOf: (row) => (row.roi_percent === null ? "is-idle" : row.roi_percent < 0 ? "is-offline" : "is-online"),
    // Imports
    get noImports() {
      return this.imports.length === 0;
    },
    get isAnyUnderWay() {
      return this.imports.some((one) => UNDER_WAY.includes(one.status));
    },
    async watch() {
      const [ok, found] = await attempt(() => api.get("/api/v1/spend/imports?limit=20"));
      if (!ok) return;
      this.imports = found.items;
      if (this.isAnyUnderWay) setTimeout(() => this.watch(), POLL_MS);
      else this.load();
    },
    isWriting: (one) => one.status === "writing",
    statusText: (one) => text(`import.status.${one.status}`),
    statusClass: (one) => ({ done: "is-online", failed: "is-offline", uploading: "is-idle" })[one.status] ?? "is-checking",
    importText(one) {
      const sums = Object.entries(one.sums).map(([currency, micros]) => money(micros, currency));
      const facts = [moment(one.created_at), ...(one.lines ? [counted("import.lines", one.lines)] : []), ...sums];
      if (this.isWriting(one)) facts.push(text("import.written", { written: number(one.written), rows: number(one.rows) }));
      if (one.replaced) facts.push(counted("import.replaced", one.replaced));
      return facts.join(" · ");
    },
    firstProblems: (one) => one.problems.slice(0, PROBLEMS_SHOWN),
    problemText,
    takeBackLabel: (one) => text("delete_import.title", { name: one.name }),
    async takeBack(one) {
      if (!(await confirmed(this.takeBackLabel(one), text("delete_import.text"), text("delete_import.action")))) return;
      const [ok] = await attempt(() => api.remove(`/api/v1/spend/imports/${one.id}`));
      if (!ok) return;
      toast(text("import.deleted"));
      this.watch();
    },
  }));
});
