// What the buttons of a pool's card do, wherever the card is shown. Spread into components.
import { number, percent, text } from "../dom.js";

const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

export const poolActions = {
  manage: (pool) => tell("manage-pool", pool),
  settings: (pool) => tell("pool-settings", pool),
  create: () => tell("create-pool"),
  addBot: () => tell("add-bot"),
  link: (pool) => `${document.body.dataset.publicUrl || window.location.origin}/go/${pool.slug}`,
  linkHost: (pool) => poolActions.link(pool).replace(/^https?:\/\//, "").replace(/\/go\/[^/]*$/, ""),
  linkPath: (pool) => `/go/${pool.slug}`,
  page: (pool) => `/panel/pools/${pool.id}`,
  analyticsPage: (pool) => `/panel/pools/${pool.id}/analytics`,
  wavesPage: (pool) => `/panel/pools/${pool.id}/waves`,
  healthText: (pool) => percent(pool.health),
  onlineText: (pool) => text("n_of_m_online", { online: number(pool.online), total: number(pool.total) }),
  hourText: (pool) => number(pool.redirects_hour),
  usedText: (pool) => percent(pool.capacity_used),
  stateText: (pool) => text(pool.is_active ? "pool.active" : "pool.paused"),
  stateClass: (pool) => (pool.is_active ? "is-online" : "is-idle"),
  cardClass: (pool) => (pool.is_active ? "" : "is-paused"),
  strategyText: (pool) => text(`strategy.${pool.strategy}`),
  hasWave: (pool) => Boolean(pool.wave_at),
  isEmpty: (pool) => pool.members.length === 0,
  hasMembers: (pool) => pool.members.length > 0,
};
