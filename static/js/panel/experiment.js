// One experiment: rates of its arms with their intervals, starting and stopping it.
import { api } from "../api.js";
import { initial, language, number, text } from "../dom.js";
import { attempt, confirmed } from "../feedback.js";
import { follow, liveness } from "./liveness.js";

const EVERY_MS = 5000;
const ENDS = [1, 2, 5, 10, 20, 30, 50, 75, 100]; // percent: where the axis may end
const decimal = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const signed = new Intl.NumberFormat(language, { maximumFractionDigits: 2, signDisplay: "exceptZero" });
const list = new Intl.ListFormat(language, { type: "conjunction" });
const rate = (value) => `${decimal.format(value)} %`;
const WARNINGS = { sample_ratio_mismatch: "is-offline", not_tracked: "is-offline" };

document.addEventListener("alpine:init", () => {
  Alpine.data("experiment", () => ({
    ...liveness,
    results: {},
    busy: false,
    init() {
      this.results = initial(this.$root);
      this.refresh = follow(this, `/panel/live/experiments/${this.results.id}`, EVERY_MS, (data) => {
        this.results = data.results;
      });
    },
    get arms() {
      return this.results.arms;
    },
    get state() {
      if (this.results.is_active) return "running";
      return this.results.started_at ? "stopped" : "draft";
    },
    get stateText() {
      return text(`experiment.${this.state}`);
    },
    get stateClass() {
      return { running: "is-online", stopped: "is-idle", draft: "is-checking" }[this.state];
    },
    whole: number,
    has(figure) {
      return this.arms.every((arm) => arm[figure]);
    },
    poolPage(arm) {
      return `/panel/pools/${arm.pool_id}`;
    },

    // The plot
    end100(figure) {
      const known = this.arms.filter((arm) => arm.visitors > 0).map((arm) => arm[figure]?.high ?? 0);
      const highest = known.length > 0 ? Math.max(...known) : 100;
      return ENDS.find((end) => end >= highest) ?? 100;
    },
    endText(figure) {
      return rate(this.end100(figure));
    },
    at(value, figure) {
      return `${Math.min(100, (100 * value) / this.end100(figure))}%`;
    },
    low(arm, figure) {
      return this.at(arm[figure]?.low ?? 0, figure);
    },
    high(arm, figure) {
      return this.at(arm[figure]?.high ?? 0, figure);
    },
    middle(arm, figure) {
      return this.at(arm[figure]?.rate ?? 0, figure);
    },
    dotted(arm) {
      return arm.visitors > 0 ? "visible" : "hidden";
    },
    countText(arm, figure) {
      return `${number(arm[figure]?.count ?? 0)} / ${number(arm.visitors)}`;
    },
    rangeText(arm, figure) {
      const found = arm[figure];
      if (!found || found.rate === null) return text("experiment.nobody");
      return text("experiment.range", { rate: rate(found.rate), low: decimal.format(found.low), high: rate(found.high) });
    },
    verdict(arm, figure) {
      return arm[figure]?.against_control?.verdict ?? "";
    },
    comparedText(arm, figure) {
      const found = this.verdict(arm, figure);
      if (!found) return arm.pool_id === this.results.control_pool_id ? text("experiment.control") : "";
      const { low, high } = arm[figure].against_control;
      return text(`experiment.${found}`, { low: signed.format(low), high: signed.format(high) });
    },
    tone(arm, figure) {
      return { more: "tone-more", fewer: "tone-fewer" }[this.verdict(arm, figure)] ?? "tone-plain";
    },

    // What is to be minded
    warningText(warning) {
      if (warning === "too_few" && this.results.visitors_needed === null) return text("warning.too_few_starts");
      return text(`warning.${warning}`, { needed: number(this.results.visitors_needed) });
    },
    warningClass(warning) {
      return WARNINGS[warning] ?? "is-degraded";
    },

    // Acts
    async act(path, said) {
      this.busy = true;
      await attempt(() => api.post(`/api/v1/experiments/${this.results.id}/${path}`), said);
      this.busy = false;
      this.refresh();
    },
    async begin() {
      if (await this.agreed("start_experiment")) await this.act("start", "experiment.started");
    },
    async end() {
      if (await this.agreed("stop_experiment")) await this.act("stop", "experiment.ended");
    },
    async remove() {
      if (!(await this.agreed("delete_experiment"))) return;
      const [ok] = await attempt(() => api.remove(`/api/v1/experiments/${this.results.id}`));
      if (ok) window.location.assign("/panel/experiments");
    },
    agreed(question) {
      const { name, arms } = this.results;
      const split = list.format(arms.map((arm) => `${arm.name} ${arm.percent} %`));
      return confirmed(text(`${question}.title`, { name }), text(`${question}.text`, { split }), text(`${question}.action`));
    },
  }));
});
