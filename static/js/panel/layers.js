// A member's three layers in words: what each says, why, and what follows. Spread into components.
import { ago, counted, hasText, moment, number, percent, symbol, text } from "../dom.js";
import { looks } from "../status.js";

const LAYERS = ["identity", "delivery", "conversion"];
const LOOKS = {
  ok: ["check-circle", "is-online"],
  failing: ["x-circle", "is-offline"],
  unknown: ["clock", "is-checking"],
  off: ["pause", "is-idle"],
  trial: ["eye", "is-suspect"],
};
const WELL = ["ok", "online"];
const REJECTED = ["unauthorized", "not_found", "frozen"];
const ABOUT_ALL = ["poller_silent", "worker_backlog", "public_address"];

const share = (part) => percent(part === null || part === undefined ? null : part * 100);
const causeText = (cause) => (hasText(`cause.${cause}`) ? text(`cause.${cause}`) : cause);
const stateOf = (name, layer) => (name === "conversion" && layer.on_trial ? "trial" : layer.state);
const stateText = (state) => (hasText(`layer.state.${state}`) ? text(`layer.state.${state}`) : looks.statusText(state));

const reasons = {
  identity(layer) {
    if (layer.cause) return causeText(layer.cause);
    return layer.checked_at ? text("layer.checked", { ago: ago(layer.checked_at) }) : "";
  },
  delivery(layer, identity) {
    if (followsFromIdentity(layer, identity)) return text("layer.follows");
    if (layer.cause) return causeText(layer.cause);
    if (layer.state === "off") return text("layer.stopped");
    if (layer.state === "unknown") return text("layer.unseen");
    return layer.pending ? counted("layer.pending", layer.pending) : text("layer.arriving");
  },
  conversion(layer) {
    if (layer.on_trial) return text("layer.waiting");
    const baseline = share(layer.baseline);
    if (layer.state === "suspect") return text("layer.run", { run: number(layer.run), limit: number(layer.run_limit) });
    if (layer.state === "degraded") return text("layer.half", { baseline });
    if (layer.state === "ok") return layer.rate === null ? text("layer.usual", { baseline }) : text("layer.rate", { rate: share(layer.rate), baseline });
    const learning = layer.matured_clicks < Number(text("conversion.needed"));
    return learning ? text("layer.learning", { count: number(layer.matured_clicks) }) : text("layer.rare");
  },
};

// Telegram delivers nothing for a token that it rejects: one cause, not two.
const followsFromIdentity = (delivery, identity) => delivery.state === "failing" && (delivery.cause === "token_rejected" || REJECTED.includes(identity.cause));

function mark(name, all) {
  const layer = all[name];
  const state = stateOf(name, layer);
  const [icon, tone] = LOOKS[state] ?? [null, looks.statusClass(state)];
  const well = WELL.includes(state);
  return {
    name,
    tone: well || state === "unknown" ? `${tone} is-calm` : tone,
    symbol: icon ? symbol(icon) : looks.statusSymbol(state),
    label: text(`layer.${name}`),
    state: stateText(state),
    reason: reasons[name](layer, all.identity),
    well,
  };
}

function conversionWhy({ state, on_trial: onTrial, run, run_limit: limit }) {
  if (onTrial) return text("why.trial");
  if (state === "suspect") return text("why.suspect", { run: number(run), limit: number(limit) });
  return state === "degraded" ? text("why.degraded.conversion") : "";
}

function identityWhy({ state }) {
  return text(state === "degraded" ? "why.degraded.identity" : `why.${state}`);
}

function deliveryWhy({ state, cause }) {
  if (state !== "failing") return "";
  return text(ABOUT_ALL.includes(cause) ? "why.shared.delivery" : "why.degraded.delivery");
}

/** What the layers mean for visitors and how it ends, one sentence each; that all is well only when it is. */
function explanations({ identity, delivery, conversion }) {
  const why = { identity: WELL.includes(identity.state) ? "" : identityWhy(identity), delivery: followsFromIdentity(delivery, identity) ? "" : deliveryWhy(delivery), conversion: conversionWhy(conversion) };
  const troubles = LAYERS.filter((name) => why[name]).map((name) => `${text(`layer.${name}`)}: ${why[name]}`);
  return troubles.length > 0 ? troubles : [text("why.online")];
}

export const layers = {
  marks: (member) => LAYERS.map((name) => mark(name, member.layers)),
  shortClass: (each) => (each.well ? "visually-hidden" : ""),
  explanations: (member) => explanations(member.layers),
  causeText,
  baselineText: (member) => share(member.layers.conversion.baseline),
  rateText: (member) => share(member.layers.conversion.rate),
  recentText({ layers: { conversion } }) {
    return counted("conversion.recent", conversion.recent_clicks, { starts: number(conversion.recent_starts) });
  },
  maturedText: (member) => number(member.layers.conversion.matured_clicks),
  lagText: (member) => text("conversion.lag", { seconds: number(member.layers.conversion.lag_seconds) }),
  runText({ layers: { conversion } }) {
    return text("conversion.run", { run: number(conversion.run), limit: number(conversion.run_limit) });
  },
  runValue: ({ layers: { conversion } }) => Math.min(conversion.run, conversion.run_limit ?? 0),
  runLimit: (member) => member.layers.conversion.run_limit ?? 1,
  runClass: (member) => (layers.runValue(member) >= layers.runLimit(member) ? "is-hot" : ""),
  sinceText: (member) => moment(member.layers.conversion.since),
  hasVerdict: (member) => Boolean(member.layers.conversion.since),
};
