// A bot's program that is started here: its copies, their bounds, how they ended, and what they write. Inside `botWorker`.
import { api } from "../api.js";
import { chart } from "../chart.js";
import { ago, language, number, text } from "../dom.js";
import { attempt, confirmed } from "../feedback.js";

const EVERY_MS = 2000;
const MOST_LINES = 300;
const clock = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
const tenths = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });

document.addEventListener("alpine:init", () => {
  Alpine.data("botProgram", () => ({
    least: 0,
    most: 1,
    known: "",
    lines: [],
    last: "",
    timer: 0,
    asks: false,
    plots: null,
    follow(tab) {
      clearInterval(this.timer);
      if (tab !== "worker") return;
      queueMicrotask(() => this.hear()); // outside: what it reads shall not bring it here again
      this.timer = setInterval(() => document.hidden || this.hear(), EVERY_MS);
    },
    init() {
      this.$watch("found", () => this.draw());
    },
    draw() {
      if (!this.isStarted) return;
      this.takeBounds();
      this.plots ??= { copies: chart(this.$refs.copies), lag: chart(this.$refs.lag) };
      const { times, copies, lag } = this.found.history;
      const show = (plot, label, values) => plot.show({ times, timeLabel: text("chart.time"), lines: [{ label, values }] });
      show(this.plots.copies, text("worker.copies"), copies);
      show(this.plots.lag, text("worker.waiting"), lag);
    },
    /** What stands in the fields is the person's until the server's answer changes. */
    takeBounds() {
      const { min, max } = this.worker.replicas;
      if (`${min} ${max}` === this.known) return;
      Object.assign(this, { least: min, most: max, known: `${min} ${max}` });
    },
    async hear() {
      if (this.asks || !this.isStarted) return;
      this.asks = true;
      const [ok, heard] = await attempt(() => api.get(`/panel/live/bots/${this.$root.dataset.bot}/worker/output?after=${this.last}`));
      this.asks = false;
      if (!ok || heard.lines.length === 0) return;
      const { output } = this.$refs;
      const isAtEnd = output.scrollTop + output.clientHeight >= output.scrollHeight - 8;
      this.lines = [...this.lines, ...heard.lines].slice(-MOST_LINES);
      this.last = heard.lines.at(-1).id;
      if (isAtEnd) this.$nextTick(() => output.scrollTo(0, output.scrollHeight));
    },
    async bound() {
      const body = { min_replicas: Number(this.least), max_replicas: Number(this.most) };
      await this.ask(() => api.patch(`/api/v1/bots/${this.$root.dataset.bot}/replicas`, body).then(() => null), "worker.bounded");
    },
    async restart() {
      const question = [text("worker.restart.title"), text("worker.restart.text"), text("worker.restart.action")];
      if (await confirmed(...question)) await this.ask(() => api.post(`${this.base}/restart`, {}).then(() => null), "worker.restarted");
    },
    get copiesText() {
      if (!this.some) return "";
      const { current, min, max } = this.worker.replicas;
      return text("worker.copies.now", { current: number(current), min: number(min), max: number(max) });
    },
    get chartText() {
      return this.some ? text("worker.chart", { copies: this.copiesText, lag: number(this.worker.lag) }) : "";
    },
    get code() {
      return this.some ? this.worker.worker_command || this.worker.worker_image : "";
    },
    get exits() {
      return this.some ? this.worker.exits : [];
    },
    get noExits() {
      return this.exits.length === 0;
    },
    ranText: (ended) => text("worker.ran", { ago: ago(ended.at), seconds: tenths.format(ended.seconds) }),
    hasOutput: (ended) => ended.output.length > 0,
    outputOf: (ended) => ended.output.join("\n"),
    outputLabel: (ended) => text("worker.exit.output", { reason: ended.reason }),
    get outputText() {
      if (this.lines.length === 0) return text("worker.silent");
      return this.lines.map((line) => `${clock.format(new Date(line.at))}  ${line.text}`).join("\n");
    },
  }));
});
