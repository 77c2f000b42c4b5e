// What works and what waits: queues, lanes, outboxes; and what is done about them.
import { api } from "../api.js";
import { chart } from "../chart.js";
import { ago, counted, initial, moment, number, text } from "../dom.js";
import { attempt, confirmed, toast } from "../feedback.js";
import { follow, liveness } from "./liveness.js";

const EVERY_MS = 3000;
const HISTORY_MS = 60000; // samples are taken twice a minute
const LINES = ["updates_lag", "updates", "messages_lag", "messages", "jobs", "clicks"];
const BASE = "/api/v1/queues";

const nameOf = (box) => (box.is_own ? `@${box.username}` : text("queue.bot", { id: box.bot_id }));

document.addEventListener("alpine:init", () => {
  Alpine.data("queues", () => ({
    ...liveness,
    queues: [],
    workers: [],
    processes: [],
    lanes: [],
    outboxes: [],
    jobs: [],
    lines: LINES,
    line: "updates_lag",
    span: "3h",
    history: null,
    queue: "default",
    state: "failed",
    busy: false,
    showsAll: false,
    init() {
      this.take(initial(this.$root));
      this.refresh = follow(this, () => this.path(), EVERY_MS, (data) => this.take(data));
      if (!this.$refs.chart) return;
      this.plot = chart(this.$refs.chart);
      this.hear();
      setInterval(() => document.hidden || this.hear(), HISTORY_MS);
    },
    path() {
      return `/panel/live/queues?${new URLSearchParams({ queue: this.queue, state: this.state })}`;
    },
    take(data) {
      for (const name of ["queues", "workers", "processes", "lanes", "outboxes", "jobs"]) this[name] = data[name] ?? [];
    },
    ask() {
      return this.refresh();
    },
    show(state) {
      this.state = state;
      return this.refresh();
    },
    isState(state) {
      return this.state === state;
    },
    // The chart
    async hear() {
      const [ok, history] = await attempt(() => api.get(`${BASE}/history?span=${this.span}`));
      if (ok) this.history = history;
      if (ok) this.draw();
    },
    look(span) {
      this.span = span;
      return this.hear();
    },
    isSpan(span) {
      return this.span === span;
    },
    get samples() {
      return (this.history?.[this.line] ?? []).filter((value) => value !== null);
    },
    draw() {
      if (!this.history || this.noSamples) return;
      const values = this.history[this.line].map((value) => value ?? 0);
      this.plot.show({ times: this.history.times, step: this.history.step_seconds, timeLabel: text("chart.time"), lines: [{ label: this.lineText(this.line), values }] });
    },
    get noSamples() {
      return this.history !== null && this.samples.length === 0;
    },
    get chartText() {
      return `${this.lineText(this.line)}: ${number(this.samples.at(-1))}, max. ${number(Math.max(0, ...this.samples))}`;
    },
    get gapText() {
      if (!this.history || this.noSamples) return "";
      const known = this.history.updates.findIndex((value) => value !== null);
      const gaps = this.history.updates.slice(known, -1).filter((value) => value === null).length;
      return gaps > 0 ? text("queue.gaps", { n: number(gaps) }) : "";
    },
    lineText: (name) => text(`queue.line.${name}`),
    // What is done
    async retry(job) {
      const [ok] = await attempt(() => api.post(`${BASE}/jobs/${job.id}/retry`));
      if (ok) toast(counted("queue.retried", 1));
      this.refresh();
    },
    async retryAll(queue) {
      const [ok, answer] = await attempt(() => api.post(`${BASE}/${queue.name}/retry`));
      if (ok) toast(counted("queue.retried", answer.jobs));
      this.refresh();
    },
    async emptyQueue(queue) {
      const said = { queue: this.queueText(queue.name), count: number(queue.queued) };
      if (!(await confirmed(text("empty_queue.title", said), text("empty_queue.text", said), text("empty_queue.action")))) return;
      const [ok, answer] = await attempt(() => api.post(`${BASE}/${queue.name}/empty`));
      if (ok) toast(counted("queue.emptied", answer.jobs));
      this.refresh();
    },
    async wake(lane) {
      const [ok, answer] = await attempt(() => api.post(`${BASE}/wake`, { kind: lane.kind, number: lane.number }));
      if (ok) toast(text(answer.woken ? "queue.woken" : "queue.not_woken"));
      this.refresh();
    },
    /** Two hundred at a time; what came in since it was asked stays. */
    async drop(box) {
      const said = { bot: nameOf(box), count: number(box.waiting) };
      if (!(await confirmed(text("drop_outbox.title", said), text("drop_outbox.text", said), text("drop_outbox.action")))) return;
      this.busy = true;
      let dropped = 0;
      let left = 1;
      while (left > 0 && dropped < box.waiting) {
        const [ok, answer] = await attempt(() => api.post(`${BASE}/outboxes/${box.bot_id}/drop`));
        if (!ok || answer.dropped === 0) break;
        dropped += answer.dropped;
        left = answer.left;
      }
      this.busy = false;
      if (dropped > 0) toast([counted("queue.dropped", dropped), left > 0 ? text("queue.more_waits") : ""].join(" "));
      this.refresh();
    },
    // What is shown
    numberOf: number,
    ageOf: ago,
    queueText: (name) => text(`queue.${name}`),
    jobText: (job) => `${job.function}(${job.ids.join(", ")})`,
    jobClass: (job) => ({ failed: "is-offline", started: "is-online" })[job.state] ?? "is-idle",
    isFailed: (job) => job.state === "failed",
    timesText: (job) => [job.id.slice(0, 8), ...[job.enqueued_at, job.started_at, job.ended_at].filter(Boolean).map(moment)].join(" · "),
    stateText(worker) {
      return text(`queue.${worker.state}`) + (worker.job ? ` · ${worker.job.slice(0, 8)}` : "");
    },
    get shownLanes() {
      return this.lanes.filter((lane) => this.showsAll || lane.waiting > 0 || lane.holder !== "" || lane.apart > 0);
    },
    toggleLanes() {
      this.showsAll = !this.showsAll;
    },
    laneKey: (lane) => `${lane.kind}${lane.number}`,
    laneText: (lane) => text(lane.kind === "lane" ? "queue.lane" : "queue.shard", { n: lane.number }),
    apartText: (lane) => counted("queue.apart", lane.apart),
    laneState: (lane) => text(lane.is_stuck ? "queue.stuck" : lane.is_alive ? "queue.at_work" : "queue.quiet"),
    laneClass: (lane) => (lane.is_stuck ? "is-offline" : lane.is_alive ? "is-online" : "is-idle"),
    lagText: (lane) => (lane.lag_seconds === null ? "–" : text("queue.seconds", { n: number(lane.lag_seconds) })),
    holderText(lane) {
      if (!lane.holder) return text("queue.nobody");
      return lane.is_alive ? `${lane.holder} · ${text("queue.seconds", { n: number(lane.held_for) })}` : text("queue.dead_holder");
    },
    canWake: (lane) => lane.waiting > 0 && !lane.is_alive,
    botText: nameOf,
    botPage: (box) => `/panel/bots/${box.bot_id}`,
    pauseText(box) {
      const whole = box.paused_until ? text("queue.paused", { time: moment(box.paused_until) }) : "";
      return [whole, box.paused_chats ? counted("queue.paused_chats", box.paused_chats) : ""].filter(Boolean).join(" · ");
    },
    processClass: (process) => (process.is_alive ? "is-online" : "is-offline"),
    processText(process) {
      const busy = process.workers === null ? "" : text("queue.busy_of", { busy: number(process.busy), workers: number(process.workers) });
      const sign = text("queue.sign", { n: number(process.age_seconds), minutes: number(Math.floor(process.uptime_seconds / 60)) });
      return [sign, busy, process.leads ? text("queue.leads") : ""].filter(Boolean).join(" · ");
    },
  }));
});
