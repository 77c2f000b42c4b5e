// One broadcast on its way: how far it is, what came of it; pausing, stopping, changing what was sent.
import { api } from "../api.js";
import { initial, moment, number, percent, text, hasText } from "../dom.js";
import { attempt, confirmed } from "../feedback.js";
import { follow, liveness } from "./liveness.js";

const EVERY_MS = 1000;
const RESULTS_MS = 30000; // between counts of what came of it, which look at all recipients
const CHANGEABLE_MS = 48 * 3600 * 1000;
const TONES = { preparing: "is-online", running: "is-online", braked: "is-offline", draft: "is-checking", scheduled: "is-checking" };
const ACTS = {
  start: ["draft"],
  unschedule: ["scheduled"],
  pause: ["running"],
  resume: ["paused", "braked"],
  stop: ["scheduled", "preparing", "running", "paused", "braked"],
  remove: ["draft", "done", "stopped"],
};

document.addEventListener("alpine:init", () => {
  Alpine.data("broadcastProgress", () => ({
    ...liveness,
    state: { broadcast: { counts: {}, causes: {} }, results: [] },
    busy: false,
    newText: "",
    countedAt: Date.now(),
    init() {
      this.state = initial(this.$root);
      this.newText = this.one.variants[0]?.message?.text ?? "";
      this.refresh = follow(this, () => this.path(), EVERY_MS, (data) => this.take(data));
    },
    path() {
      const isDue = Date.now() - this.countedAt >= RESULTS_MS;
      return `/panel/live/broadcasts/${this.one.id}${isDue ? "?results=true" : ""}`;
    },
    take(data) {
      const isEnding = !data.broadcast.ended_at !== !this.one.ended_at;
      if (data.results) this.countedAt = Date.now();
      else if (isEnding) this.countedAt = 0; // count at once what it came to
      this.state = { ...this.state, ...data };
    },
    get one() {
      return this.state.broadcast;
    },
    get stateText() {
      return text(`broadcast.${this.one.status}`);
    },
    get stateClass() {
      return TONES[this.one.status] ?? "is-idle";
    },
    get causeText() {
      return this.one.cause ? text(`broadcast.cause.${this.one.cause}`) : "";
    },
    get causeClass() {
      return this.one.status === "braked" ? "is-offline" : "is-checking";
    },
    can(act) {
      return ACTS[act].includes(this.one.status);
    },
    whole: number,
    count(name) {
      return number(this.one.counts[name] ?? 0);
    },

    // The bar
    part(name) {
      const { sent, blocked, failed, uncertain, skipped } = this.one.counts;
      return { sent, bad: blocked + failed, settled: sent + blocked + failed, other: uncertain + skipped }[name];
    },
    width(name) {
      return `${(100 * this.part(name)) / Math.max(1, this.one.recipients)}%`;
    },
    get done() {
      return this.one.recipients - this.one.counts.left;
    },
    get percent() {
      return Math.floor((100 * this.done) / Math.max(1, this.one.recipients));
    },
    get progressText() {
      return text("broadcast.progress", { done: number(this.done), all: number(this.one.recipients), percent: percent(this.percent) });
    },
    get endText() {
      if (this.one.status === "scheduled") return text("broadcast.begins", { time: moment(this.one.scheduled_at) });
      return this.state.ends_at ? text("broadcast.ends", { time: moment(this.state.ends_at) }) : moment(this.one.ended_at);
    },

    // What came of it
    get hasResults() {
      return this.one.kind === "send" && this.one.counts.sent > 0;
    },
    share(row, name) {
      return `${number(row[name])} · ${percent((100 * row[name]) / Math.max(1, row.sent))}`;
    },
    get causes() {
      const found = Object.entries(this.one.causes).sort((one, other) => other[1] - one[1]);
      return found.map(([name, times]) => ({ name, number: times, text: hasText(`recipient.${name}`) ? text(`recipient.${name}`) : name }));
    },
    get hasCauses() {
      return this.causes.length > 0;
    },
    get canChange() {
      const isFresh = this.one.started_at && Date.now() - new Date(this.one.started_at) < CHANGEABLE_MS;
      return Boolean(isFresh && this.one.kind === "send" && this.one.counts.sent > 0 && ["done", "stopped"].includes(this.one.status) && !this.isOfStep);
    },
    get stepParts() {
      const steps = this.one.variants.filter((each) => each.step);
      return steps.map((each) => text("compose.of_step", each.step));
    },
    get isOfStep() {
      return this.one.variants.some((each) => each.step);
    },
    get canEdit() {
      return this.canChange && this.one.variants.length === 1;
    },

    // Acts
    async act(path, said) {
      this.busy = true;
      await attempt(() => api.post(`/api/v1/broadcasts/${this.one.id}/${path}`), said);
      this.busy = false;
      this.refresh();
    },
    begin() {
      return this.act("start", "broadcast.started");
    },
    unschedule() {
      return this.act("unschedule", "").then(() => window.location.reload());
    },
    pause() {
      return this.act("pause", "broadcast.paused_now");
    },
    resume() {
      return this.act("resume", "broadcast.resumed_now");
    },
    async stop() {
      if (await this.agreed("stop_broadcast")) await this.act("stop", "broadcast.stopped_now");
    },
    async remove() {
      if (!(await this.agreed("delete_broadcast"))) return;
      const [ok] = await attempt(() => api.remove(`/api/v1/broadcasts/${this.one.id}`));
      if (ok) window.location.assign("/panel/broadcasts");
    },
    async deleteSent() {
      if (await this.agreed("delete_sent")) await this.change({});
    },
    async editSent() {
      const message = { ...this.one.variants[0].message, text: this.newText };
      if (await this.agreed("edit_sent")) await this.change({ message });
    },
    async change(body) {
      this.busy = true;
      const [ok, made] = await attempt(() => api.post(`/api/v1/broadcasts/${this.one.id}/changes`, body));
      const [begun] = ok ? await attempt(() => api.post(`/api/v1/broadcasts/${made.id}/start`)) : [false];
      this.busy = false;
      if (begun) window.location.assign(`/panel/broadcasts/${made.id}`);
    },
    agreed(question) {
      const values = { name: this.one.name, people: number(this.one.counts.sent) };
      return confirmed(text(`${question}.title`, values), text(`${question}.text`, values), text(`${question}.action`));
    },
  }));
});
