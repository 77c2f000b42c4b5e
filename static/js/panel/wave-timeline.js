// One ban wave: who was lost, who stepped in, the clicks meanwhile, and what happened in each minute.
import { chart } from "../chart.js";
import { counted, initial, language, moment, number, text } from "../dom.js";
import { layers } from "./layers.js";
import { follow, liveness } from "./liveness.js";
import { endOf, list, revert } from "./wave.js";

const EVERY_MS = 5000;
const MINUTE_MS = 60_000;
const TONES = { lost: "is-offline", banned: "is-banned", back: "is-online", promoted: "is-online", member_allowed: "is-checking" };
const ALERT_TONES = { critical: "is-offline", warning: "is-degraded", recovery: "is-online" };
const clock = new Intl.DateTimeFormat(language, { day: "2-digit", month: "2-digit", hour: "2-digit", minute: "2-digit" });
const decimal = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });

const { causeText } = layers;
const minuteOf = (at) => Math.floor(Date.parse(at) / MINUTE_MS) * MINUTE_MS;
const nameOf = (event) => (event.username ? `@${event.username}` : text("wave.event.deleted_bot"));
const toneOf = (event) => (event.kind === "alert" ? ALERT_TONES[event.level] : TONES[event.kind]) ?? "is-idle";

function sentText({ sent, failed, pending }) {
  const parts = [["wave.sent", sent], ["wave.failed", failed], ["wave.pending", pending]].filter(([, count]) => count > 0);
  return parts.length > 0 ? parts.map(([key, count]) => counted(key, count)).join(" · ") : text("wave.panel_only");
}

function shown(event, index) {
  const key = `${event.at} ${index}`;
  if (event.kind === "alert") return { key, look: toneOf(event), said: event.text, note: sentText(event) };
  const cause = event.cause ? causeText(event.cause) : "";
  return { key, look: toneOf(event), said: text(`wave.event.${event.kind}`, { bot: nameOf(event), cause }), note: "" };
}

/** Events by the minute they fell into, oldest first, with that minute's clicks where they are known. */
function courseOf(events, minutes) {
  const clicks = new Map(minutes.map((minute) => [Date.parse(minute.at), minute]));
  const parts = new Map();
  events.forEach((event, index) => {
    const at = minuteOf(event.at);
    if (!parts.has(at)) parts.set(at, { at, tone: toneOf(event), clicks: clicksText(clicks.get(at)), events: [] });
    parts.get(at).events.push(shown(event, index));
  });
  return [...parts.values()];
}

function clicksText(minute) {
  if (!minute) return "";
  const key = minute.unanswered > 0 ? "wave.clicks_unanswered" : "wave.clicks";
  return counted(key, minute.clicks, { unanswered: number(minute.unanswered) });
}

document.addEventListener("alpine:init", () => {
  Alpine.data("waveTimeline", () => ({
    ...liveness,
    wave: { lost: [], promoted: [], per_minute: {} },
    minutes: [],
    course: [],
    init() {
      this.plot = chart(this.$refs.chart);
      const data = initial(this.$root);
      this.take(data);
      this.refresh = follow(this, `/panel/live/pools/${data.pool_id}/waves/${data.id}`, EVERY_MS, (fresh) => this.take(fresh));
    },
    take(data) {
      this.wave = data;
      this.minutes = data.minutes ?? [];
      this.course = courseOf(data.events, this.minutes);
      if (this.minutes.length > 0) this.draw();
    },
    draw() {
      const lines = [
        { label: text("wave.answered"), values: this.minutes.map((minute) => minute.clicks - minute.unanswered) },
        { label: text("wave.unanswered"), values: this.minutes.map((minute) => minute.unanswered) },
      ];
      this.plot.show({ times: this.minutes.map((minute) => Date.parse(minute.at) / 1000), timeLabel: text("chart.time"), lines });
    },
    get stateText() {
      if (!this.wave.is_standing) return text("wave.state.reverted");
      return text(this.promotedNames() ? "wave.state.standing" : "wave.state.open");
    },
    promotedNames() {
      return list.format(new Set(this.wave.promoted.map((bot) => `@${bot.username}`)));
    },
    get endText() {
      return endOf(this.promotedNames());
    },
    get stateClass() {
      return this.wave.is_standing ? "is-banned" : "is-idle";
    },
    get lostCount() {
      return number(this.wave.lost.length);
    },
    get promotedCount() {
      return number(new Set(this.wave.promoted.map((bot) => bot.bot_id)).size);
    },
    get recoveredText() {
      if (this.wave.recovered_at) return text("wave.recovered", { time: moment(this.wave.recovered_at) });
      const away = this.wave.lost.filter((bot) => bot.is_member && !bot.back_at).length;
      return text("wave.away", { away: number(away), total: number(this.wave.lost.length) });
    },
    rateOf(phase) {
      const rate = this.wave.per_minute[phase];
      return rate === null || rate === undefined ? "–" : decimal.format(rate);
    },
    get chartText() {
      return text("wave.summary", { before: this.rateOf("before"), during: this.rateOf("during"), after: this.rateOf("after") });
    },
    get clicksGone() {
      return this.wave.minutes === null;
    },
    get noClicks() {
      return !this.minutes.some((minute) => minute.clicks > 0);
    },
    fateText(bot) {
      if (bot.back_at) return text("wave.recovered", { time: moment(bot.back_at) });
      if (!bot.is_member) return text("wave.removed");
      return text(bot.is_banned ? "status.banned" : "status.offline");
    },
    fateClass(bot) {
      if (bot.back_at) return "is-online";
      if (!bot.is_member) return "is-idle";
      return bot.is_banned ? "is-banned" : "is-offline";
    },
    async takeBack() {
      await revert(this.wave.pool_id, this.wave.pool, this.promotedNames());
      this.refresh();
    },
    phaseText: (minute) => text(`wave.phase.${minute.phase}`),
    clockOf: (at) => clock.format(new Date(at)),
    momentOf: moment,
    numberOf: number,
    causeText,
  }));
});
