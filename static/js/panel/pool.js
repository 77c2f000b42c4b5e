import { api } from "../api.js";
import { chart } from "../chart.js";
import { ago, counted, initial, moment, number, percent, text } from "../dom.js";
import { attempt, confirmed } from "../feedback.js";
import { looks } from "../status.js";
import { botActions } from "./bot-actions.js";
import { layers } from "./layers.js";
import { follow, liveness } from "./liveness.js";
import { poolActions } from "./pool-actions.js";
import { watch } from "./watch.js";
import { banWave } from "./wave.js";

const EVERY_MS = 2000;
const FLASH_MS = 2400;

document.addEventListener("alpine:init", () => {
  // One pool, live: failover is seen here within one poll of its happening.
  Alpine.data("pool", () => ({
    ...looks,
    ...poolActions,
    ...liveness,
    ...layers,
    ...banWave,
    status: {},
    members: [],
    funnel: {},
    timeline: [],
    span: "hour",
    total: 0,
    opened: 0,
    flashing: [],
    now: Date.now(),
    init() {
      this.plot = chart(this.$refs.chart);
      const data = initial(this.$root);
      this.id = data.status.pool_id;
      this.take(data);
      this.refresh = follow(this, () => `/panel/live/pools/${this.id}?span=${this.span}`, EVERY_MS, (fresh) => this.take(fresh));
      document.addEventListener("fleet-changed", () => this.refresh());
      window.setInterval(() => (this.now = Date.now()), 1000);
    },
    take(data) {
      this.flash(data.status.members);
      Object.assign(this, { status: data.status, members: data.status.members, funnel: data.funnel, timeline: data.timeline, wave: data.wave });
      watch(this.members);
      this.draw(data.series);
    },
    flash(members) {
      const before = new Map(this.members.map((member) => [member.bot_id, member.state]));
      const changed = members.filter((member) => before.has(member.bot_id) && before.get(member.bot_id) !== member.state);
      if (changed.length === 0) return;
      this.flashing = changed.map((member) => member.bot_id);
      window.setTimeout(() => (this.flashing = []), FLASH_MS);
    },
    draw(series) {
      const names = new Map(this.members.map((member) => [String(member.bot_id), `@${member.username}`]));
      const lines = Object.entries(series.by_bot).map(([bot, values]) => ({
        label: names.get(bot) ?? text(bot === "0" ? "chart.fallback" : "chart.former"),
        values,
      }));
      this.total = series.total.reduce((sum, value) => sum + value, 0);
      if (lines.length === 0) lines.push({ label: text("chart.redirects"), values: series.total });
      this.plot.show({ times: series.times, timeLabel: text("chart.time"), lines });
    },
    choose(span) {
      this.span = span;
      this.refresh();
    },
    isSpan(span) {
      return this.span === span;
    },
    get hero() {
      return { online: this.status.online_bots, total: this.status.total_bots, health: this.status.health };
    },
    get heroClass() {
      return this.healthClass(this.hero);
    },
    get usedValue() {
      return Math.min(100, Number.parseInt(this.status.capacity_used, 10) || 0);
    },
    get usedClass() {
      if (this.usedValue >= 90) return "is-hot";
      return this.usedValue >= 75 ? "is-warm" : "";
    },
    get sweepText() {
      const age = this.status.last_sweep_age_seconds;
      return age === null || age === undefined ? "" : text("sweep_age", { seconds: number(Math.round(age)) });
    },
    get chartText() {
      return counted(`chart.summary.${this.span}`, this.total);
    },
    get uptimeLabel() {
      return text(`uptime.${this.span}`);
    },
    get noClicks() {
      return this.total === 0;
    },
    rowClass(member) {
      return `${this.statusClass(member.state)} ${this.flashing.includes(member.bot_id) ? "is-changed" : ""}`;
    },
    reason(member) {
      const parts = [];
      if (member.cause && member.status !== "online") parts.push(this.causeText(member.cause));
      const held = (new Date(member.circuit_breaker_until ?? 0) - this.now) / 1000;
      if (held > 0 && member.status !== "banned") parts.push(text("held", { seconds: number(Math.ceil(held)) }));
      if (member.status === "online" && member.slow_start_percent < 100) parts.push(text("slow_start", { percent: member.slow_start_percent }));
      if (member.status === "banned") parts.push(text("banned_hint"));
      return parts.join(" · ");
    },
    failureText: (failure) => `${moment(failure.at)} · ${failure.detail ?? ""}`,
    switchesText(member) {
      const parts = [text(`priority.${member.priority}`), text("weight", { weight: member.weight })];
      if (member.promoted_at) parts.push(text("promoted"));
      return parts.join(" · ");
    },
    entryText(entry) {
      const change = `${this.statusText(entry.from)} → ${this.statusText(entry.to)}`;
      return entry.cause ? `${change} · ${this.causeText(entry.cause)}` : change;
    },
    turnOf: (member) => (member.rotation_position === null ? "–" : `#${member.rotation_position}`),
    msOf: (value) => (value === null ? "–" : `${number(value)} ms`),
    numberOf: number,
    percentOf: percent,
    ago,
    botPage: (member) => `/panel/bots/${member.bot_id}`,
    hasFailures: (member) => member.last_failures.length > 0,
    detailsId: (member) => `details-${member.bot_id}`,
    isOpen(member) {
      return this.opened === member.bot_id;
    },
    openClass(member) {
      return this.isOpen(member) ? "is-open" : "";
    },
    toggle(member) {
      this.opened = this.isOpen(member) ? 0 : member.bot_id;
    },
    isLost: botActions.isLost,
    needsToken: botActions.needsToken,
    replaceToken: botActions.replaceToken,
    /** A backup that could serve and does not yet. */
    reserve() {
      return this.members.find((member) => member.priority === -1 && member.state === "online");
    },
    hasReserve() {
      return Boolean(this.reserve());
    },
    async bringReserveIn() {
      const { bot_id: id, username } = this.reserve();
      const values = { bot: `@${username}` };
      if (!(await confirmed(text("bring_in.title", values), text("bring_in.text", values), text("bring_in.action")))) return;
      await attempt(() => api.patch(`/api/v1/redirect-pools/${this.id}/bots/${id}`, { priority: 0 }), "brought_in");
      this.refresh();
    },
    async removeMember(member) {
      const values = { bot: `@${member.username}`, pool: this.status.name };
      if (!(await confirmed(text("remove_member.title", values), text("remove_member.text", values), text("remove_member.action")))) return;
      await attempt(() => api.remove(`/api/v1/redirect-pools/${this.id}/bots/${member.bot_id}`), "member_removed");
      this.refresh();
    },
    isBanned: (member) => member.status === "banned",
    async readmit(member) {
      const values = { bot: `@${member.username}` };
      if (!(await confirmed(text("readmit.title", values), text("readmit.text", values), text("readmit.action")))) return;
      await attempt(() => api.post(`/panel/live/pools/${this.id}/members/${member.bot_id}/allow`), "member_readmitted");
      this.refresh();
    },
    makeBot: () => document.dispatchEvent(new CustomEvent("new-bot")),
    openManage() {
      this.manage({ id: this.id, name: this.status.name });
    },
    openSettings() {
      this.settings({ id: this.id });
    },
    async pause() {
      const values = { pool: this.status.name };
      if (!(await confirmed(text("pause_pool.title", values), text("pause_pool.text", values), text("pause_pool.action")))) return;
      await this.switchTo(false, "pool_paused");
    },
    resume() {
      return this.switchTo(true, "pool_resumed");
    },
    async switchTo(active, said) {
      await attempt(() => api.patch(`/api/v1/redirect-pools/${this.id}`, { is_active: active }), said);
      this.refresh();
    },
  }));
});
