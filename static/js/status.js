// One look per state: words, an icon and a tone, so that colour never speaks alone. Spread into components.
import { symbol, text } from "./dom.js";

const TONES = {
  online: ["check-circle", "is-online"],
  degraded: ["alert", "is-degraded"],
  suspect: ["eye", "is-suspect"],
  offline: ["x-circle", "is-offline"],
  banned: ["ban", "is-banned"],
  checking: ["clock", "is-checking"],
  draining: ["drain", "is-idle"],
  disabled: ["pause", "is-idle"],
  running: ["check-circle", "is-online"],
  created: ["clock", "is-checking"],
  stopped: ["pause", "is-idle"],
  failed: ["x-circle", "is-offline"],
};
const TROUBLE = ["banned", "offline", "suspect", "degraded", "checking"]; // worst first
const BOT_STATES = ["running", "created", "stopped", "failed"];
const LEVELS = {
  info: ["info", "is-checking"],
  warning: ["alert", "is-degraded"],
  critical: ["x-circle", "is-offline"],
  recovery: ["check-circle", "is-online"],
};

export const looks = {
  statusText: (state) => text(`${BOT_STATES.includes(state) ? "bot" : "status"}.${state}`),
  statusSymbol: (state) => symbol((TONES[state] ?? TONES.checking)[0]),
  statusClass: (state) => (TONES[state] ?? TONES.checking)[1],
  /** Who needs somebody comes first; the others stay in their order. */
  troubleFirst(members) {
    const rank = ({ state }) => (TROUBLE.includes(state) ? TROUBLE.indexOf(state) : TROUBLE.length);
    return [...members].sort((one, other) => rank(one) - rank(other));
  },
  levelSymbol: (level) => symbol((LEVELS[level] ?? LEVELS.info)[0]),
  /** What a notification says: a line for each thing that stands. */
  textOf: (notification) => notification.texts.join("\n\n"),
  levelClass: (level) => (LEVELS[level] ?? LEVELS.info)[1],
  healthClass(pool) {
    if (!pool.total) return "is-idle";
    if (pool.health >= 100) return "is-online";
    return pool.health >= 50 ? "is-degraded" : "is-offline";
  },
};
