// Choosing people, tagging or blocking them, with the progress of the worker that does it. Mixed into the list of people.
import { api } from "../api.js";
import { counted, number, text } from "../dom.js";
import { attempt, confirmed } from "../feedback.js";

const LOOK_MS = 1000;

export const peopleChange = {
  picked: [],
  action: "tag",
  tag: "",
  whom: "picked",
  change: null,
  isPicked(person) {
    return this.picked.includes(person.lead_id);
  },
  pick(person) {
    const id = person.lead_id;
    this.picked = this.isPicked(person) ? this.picked.filter((one) => one !== id) : [...this.picked, id];
  },
  pickText(person) {
    return text("people.pick", { name: `${this.nameOf(person)} @${person.bot}` });
  },
  allPicked() {
    return this.found && this.people.every((person) => this.isPicked(person));
  },
  pickAll() {
    this.picked = this.allPicked() ? [] : this.people.map((person) => person.lead_id);
  },
  pickedText() {
    return counted("people.picked", this.picked.length);
  },
  tagChoices() {
    return [...new Set(this.people.flatMap((person) => person.tags))].sort();
  },
  wantsTag() {
    return this.action === "tag" || this.action === "untag";
  },
  cannotApply() {
    const isTagless = this.wantsTag() && !this.tag.trim();
    return this.busy || isTagless || (this.whom === "picked" && this.picked.length === 0);
  },
  async apply() {
    if (this.cannotApply()) return;
    const everybody = this.whom === "all";
    const values = { tag: this.tag.trim(), n: number(this.count) };
    const asks = [`people.all.${this.action}.title`, "people.all.text", "people.all.action"].map((key) => text(key, values));
    if (everybody && !(await confirmed(...asks))) return;
    this.busy = true;
    const whom = everybody ? { conditions: JSON.parse(this.where || "{}") } : { lead_ids: this.picked };
    const body = { action: this.action, ...(this.wantsTag() ? { tag: this.tag.trim() } : {}), ...whom };
    const [ok, change] = await attempt(() => api.post("/api/v1/people/changes", body));
    this.busy = false;
    if (ok) this.watchChange(change);
  },
  async watchChange(change) {
    this.change = change;
    if (change.ended_at) {
      this.picked = [];
      this.countedAt = 0;
      this.refresh();
      return;
    }
    await new Promise((resolve) => window.setTimeout(resolve, LOOK_MS));
    const [ok, found] = await attempt(() => api.get(`/api/v1/people/changes/${change.id}`));
    if (ok) this.watchChange(found);
  },
  progressText() {
    if (!this.change) return "";
    const { action, looked_at: done, total, changed } = this.change;
    const values = { tag: this.change.tag || text(`people.${action}`), done: number(done), total: number(total), changed: number(changed) };
    return text(this.change.ended_at ? "people.done" : "people.progress", values);
  },
  progressTotal() {
    return Math.max(1, this.change?.total ?? 1);
  },
  progressDone() {
    return this.change?.ended_at ? this.progressTotal() : (this.change?.looked_at ?? 0);
  },
  refusedText() {
    if (!this.change?.refused) return "";
    return counted(this.change.tag ? "people.refused" : "people.not_listed", this.change.refused);
  },
};
