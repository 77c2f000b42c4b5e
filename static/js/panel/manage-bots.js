import { api } from "../api.js";
import { text } from "../dom.js";
import { attempt, confirmed, toast } from "../feedback.js";
import { looks } from "../status.js";
import { doToAll } from "./bulk-bots.js";
import { refusals } from "./refusals.js";

const SAVED_AT_ONCE = ["weight", "capacity_per_hour", "priority", "is_enabled", "draining"];

const key = (member, field) => `${member.bot_id}.${field}`;

document.addEventListener("alpine:init", () => {
  // The two columns "available" and "in the pool". Every change is saved at once and said aloud.
  Alpine.data("manageBots", () => ({
    ...looks,
    ...refusals,
    pool: { id: 0, name: "", max_bots: 0 },
    members: [],
    available: [],
    chosen: [],
    busy: false,
    init() {
      document.addEventListener("manage-pool", (event) => this.start(event.detail));
    },
    async start(pool) {
      Object.assign(this, { pool: { id: pool.id, name: pool.name, max_bots: 0 }, members: [], available: [], chosen: [], refused: {} });
      this.$root.showModal();
      await this.load();
    },
    async load() {
      const [ok, data] = await attempt(() => api.get(`/panel/live/pools/${this.pool.id}/members`));
      if (ok) Object.assign(this, { pool: data.pool, members: data.members, available: data.available });
    },
    async changed() {
      await this.load();
      document.dispatchEvent(new CustomEvent("fleet-changed"));
    },
    path(member) {
      return `/api/v1/redirect-pools/${this.pool.id}/bots/${member.bot_id}`;
    },
    async addChosen() {
      this.busy = true;
      const answer = await doToAll("add_to_pool", this.chosen.map(Number), { pool_id: this.pool.id });
      const refused = (answer?.items ?? []).filter((item) => !item.ok);
      if (answer?.done) toast(text("member_added"));
      new Set(refused.map((item) => item.detail)).forEach((detail) => toast(detail, "error"));
      this.chosen = refused.map((item) => String(item.bot_id));
      this.busy = false;
      await this.load();
    },
    async set(member, field, value) {
      const saved = await this.saving(key(member, field), value, () => api.patch(this.path(member), { [field]: value }));
      if (saved) await this.changed();
    },
    setNumber(member, field, event) {
      return this.set(member, field, event.target.value === "" ? null : Number(event.target.value));
    },
    setSwitch(member, field, event) {
      return this.set(member, field, event.target.checked);
    },
    valueIn(member, field) {
      return this.shownValue(key(member, field), member[field]);
    },
    wrong(member, field) {
      return this.invalid(key(member, field));
    },
    problems(member) {
      const refused = SAVED_AT_ONCE.filter((field) => key(member, field) in this.refused);
      return refused.map((field) => `${text(`member.${field}`)}: ${this.problem(key(member, field))}`);
    },
    async remove(member) {
      const values = { bot: `@${member.username}`, pool: this.pool.name };
      const agreed = await confirmed(text("remove_member.title", values), text("remove_member.text", values), text("remove_member.action"));
      if (!agreed) return;
      await attempt(() => api.remove(this.path(member)), "member_removed");
      await this.changed();
    },
    isPriority(member, value) {
      return this.valueIn(member, "priority") === value;
    },
    get noneAvailable() {
      return this.available.length === 0;
    },
    get noMembers() {
      return this.members.length === 0;
    },
    get nothingChosen() {
      return this.busy || this.chosen.length === 0;
    },
    get places() {
      return `${this.members.length}/${this.pool.max_bots || "…"}`;
    },
    close() {
      this.$root.close();
    },
  }));
});
