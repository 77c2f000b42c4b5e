// Choosing bots of a list, also all that the filter found, and one request for what is done to them. Spread into components.
import { api } from "../api.js";
import { number, text } from "../dom.js";
import { attempt, confirmed, toast } from "../feedback.js";

const IN_POOL = ["add_to_pool", "drain", "undrain", "remove_from_pool"];
const TAGS = ["tag", "untag"];
const MOST_NAMED = 8; // for each reason
const ASKED_FIRST = ["stop", "drain", "remove_from_pool"]; // visitors or chats feel it at once

/** Do `action` to the bots `ids` in one request; resolves to the answer, or to null when all of it was refused. */
export async function doToAll(action, ids, about = {}) {
  const [ok, answer] = await attempt(() => api.post("/api/v1/bots/bulk", { action, bot_ids: ids, ...about }));
  document.dispatchEvent(new CustomEvent("fleet-changed"));
  return ok ? answer : null;
}

/** The bots of a page by name, the others by their number. */
function named(items, names) {
  const known = items.map((item) => names[item.bot_id]).filter(Boolean).slice(0, MOST_NAMED);
  const rest = items.length - known.length;
  return [...known, ...(rest ? [text("bulk.more", { n: number(rest) })] : [])].join(", ");
}

export const bulk = {
  picked: [],
  action: "start",
  actionPool: "",
  actionTag: "",
  busy: false,
  refusals: [],
  keepPicked() {
    const there = new Set(this.list.ids);
    this.picked = this.picked.filter((id) => there.has(id)); // what is done is done to what the filter shows
  },
  isPicked(bot) {
    return this.picked.includes(bot.id);
  },
  pick(bot) {
    this.picked = this.isPicked(bot) ? this.picked.filter((id) => id !== bot.id) : [...this.picked, bot.id];
  },
  allPicked() {
    return this.found && this.picked.length === this.list.ids.length;
  },
  pickAll() {
    this.picked = this.allPicked() ? [] : [...this.list.ids];
  },
  anyPicked() {
    return this.picked.length > 0;
  },
  pickedText() {
    const values = { n: number(this.picked.length), all: number(this.list.ids.length) };
    return text(this.anyPicked() ? "bots.picked" : "bots.pick_all", values);
  },
  wantsPool() {
    return IN_POOL.includes(this.action);
  },
  wantsTag() {
    return TAGS.includes(this.action);
  },
  cannotApply() {
    const missing = (this.wantsPool() && !this.actionPool) || (this.wantsTag() && !this.actionTag.trim());
    return this.busy || !this.anyPicked() || missing;
  },
  async apply() {
    if (this.cannotApply()) return;
    const ids = [...this.picked];
    const values = { n: number(ids.length), pool: this.poolName(this.actionPool) };
    const asks = [`bulk.${this.action}.title`, `bulk.${this.action}.text`, "bulk.apply"].map((key) => text(key, values));
    if (ASKED_FIRST.includes(this.action) && !(await confirmed(...asks))) return;
    this.busy = true;
    const about = this.wantsPool() ? { pool_id: Number(this.actionPool) } : this.wantsTag() ? { tag: this.actionTag } : {};
    const names = Object.fromEntries(this.list.bots.map((bot) => [bot.id, `@${bot.username}`]));
    const answer = await doToAll(this.action, ids, about);
    this.busy = false;
    if (answer) this.tell(answer, names);
  },
  tell(answer, names) {
    const refused = answer.items.filter((item) => !item.ok);
    const reasons = [...new Set(refused.map((item) => item.detail))];
    this.refusals = reasons.map((reason) => ({ reason, bots: named(refused.filter((item) => item.detail === reason), names) }));
    this.picked = refused.map((item) => item.bot_id); // the others are done
    toast(text("bulk.done", { n: number(answer.done) }), answer.refused ? "error" : "good");
  },
  anyRefused() {
    return this.refusals.length > 0;
  },
  refusedText() {
    return text("bulk.refused");
  },
  forgetRefusals() {
    this.refusals = [];
  },
  poolName(id) {
    return this.pools.find((pool) => pool.id === Number(id))?.name ?? "";
  },
};
