import { api } from "../api.js";
import { counted, text } from "../dom.js";
import { attempt, confirmed } from "../feedback.js";
import { changeWords } from "./changes.js";

document.addEventListener("alpine:init", () => {
  // What a pool's bots share: who follows and who differs, and another behaviour for them, shown before it is made.
  Alpine.data("poolBehaviour", () => ({
    ...changeWords,
    path: "",
    pool: 0,
    loaded: false,
    version: 0,
    behaviour: null,
    members: [],
    drift: null,
    like: "",
    everybody: true,
    asked: null,
    plan: null,
    busy: false,
    init() {
      this.pool = Number(this.$root.dataset.pool);
      this.path = `/api/v1/redirect-pools/${this.pool}/behaviour`;
      document.addEventListener("fleet-changed", () => this.load());
      this.load();
    },
    async load() {
      const [ok, data] = await attempt(() => api.get(this.path));
      if (ok) Object.assign(this, data, { loaded: true });
      if (this.isEmpty && this.members.length > 1) await this.compare();
    },
    async compare() {
      const [ok, data] = await attempt(() => api.get(`/api/v1/redirect-pools/${this.pool}/drift`));
      if (ok) this.drift = data;
    },
    get differing() {
      return this.drift?.different ?? [];
    },
    get driftText() {
      if (!this.drift?.like) return "";
      const bot = `@${this.drift.like.username}`;
      return this.differing.length ? counted("behaviour.drift", this.differing.length, { bot }) : text("behaviour.no_drift");
    },
    get owned() {
      return this.version > 0;
    },
    get isEmpty() {
      return this.loaded && !this.owned;
    },
    get hasMembers() {
      return this.members.length > 0;
    },
    get noMembers() {
      return !this.hasMembers;
    },
    pageOf: (member) => `/panel/bots/${member.bot_id}#behaviour`,
    canFollow: (member) => member.differs && !member.declared_in,
    get someCanFollow() {
      return this.members.some((member) => this.canFollow(member) && member.follows_pool_id === null);
    },
    standing(member) {
      if (member.declared_in) return text("behaviour.declared", { file: member.declared_in });
      if (!member.differs) return text("behaviour.follows");
      if (member.differences === 0 && !member.follows_pool_id) return text("behaviour.equal");
      const kind = member.follows_pool_id && !member.follows ? "behaviour.elsewhere" : "behaviour.differs";
      return counted(kind, member.differences);
    },
    get cannotPlan() {
      return this.busy || this.like === "";
    },
    planLike() {
      return this.show({ like: Number(this.like), everybody: this.everybody });
    },
    planAll() {
      return this.show({ behaviour: this.behaviour, everybody: true });
    },
    async show(asked) {
      const plan = await this.doing(() => api.put(this.path, asked));
      if (plan) Object.assign(this, { asked, plan });
    },
    async make() {
      const done = await this.doing(() => api.put(this.path, { ...this.asked, if_plan: this.plan.plan }), "behaviour.made");
      if (!done) return;
      this.forget();
      await this.load();
    },
    forget() {
      this.plan = null;
    },
    async doing(work, good) {
      this.busy = true;
      const [ok, answer] = await attempt(work, good);
      this.busy = false;
      return ok ? answer : null;
    },
    get changes() {
      return this.plan?.changes ?? [];
    },
    get hasChanges() {
      return this.changes.length > 0;
    },
    get shownChanges() {
      return this.shownOf(this.changes);
    },
    get moreChanges() {
      return this.moreOf(this.changes);
    },
    get doesSomething() {
      return this.hasChanges || this.plan?.bots.length > 0 || !this.owned;
    },
    get planText() {
      if (!this.plan) return "";
      return this.doesSomething ? counted("behaviour.plan", this.plan.bots.length) : text("behaviour.same");
    },
    get losing() {
      const bots = (this.plan?.bots ?? []).filter((bot) => bot.begins && bot.differences > 0);
      return bots.length ? text("behaviour.losing", { bots: bots.map((bot) => `@${bot.username}`).join(", ") }) : "";
    },
    async follow(member) {
      const bot = `@${member.username}`;
      const agreed = await confirmed(text("behaviour.follow.title", { bot }), text("behaviour.follow.text"), text("behaviour.follow.action"));
      if (agreed) await this.followed(member, this.pool);
    },
    unfollow(member) {
      return this.followed(member, null);
    },
    async followed(member, pool) {
      await this.doing(() => api.put(`/api/v1/bots/${member.bot_id}/follows`, { pool_id: pool }), pool ? "behaviour.made" : "behaviour.freed");
      this.forget();
      await this.load();
    },
    async giveUp() {
      const agreed = await confirmed(text("behaviour.drop.title"), text("behaviour.drop.text"), text("behaviour.drop.action"));
      if (!agreed) return;
      await this.doing(() => api.remove(this.path), "behaviour.dropped");
      this.forget();
      await this.load();
    },
  }));
});
