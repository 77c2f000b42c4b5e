import { api } from "../api.js";
import { initial, moment } from "../dom.js";
import { attempt } from "../feedback.js";
import { looks } from "../status.js";
import { botActions } from "./bot-actions.js";
import { follow, liveness } from "./liveness.js";

const EVERY_MS = 3000;

document.addEventListener("alpine:init", () => {
  Alpine.data("bot", () => ({
    ...looks,
    ...liveness,
    ...botActions,
    bot: {},
    init() {
      this.bot = initial(this.$root);
      const refresh = follow(this, `/panel/live/bots/${this.bot.id}`, EVERY_MS, (data) => (this.bot = data.bot));
      document.addEventListener("fleet-changed", refresh);
    },
    get added() {
      return moment(this.bot.created_at);
    },
    isMode(mode) {
      return this.bot.mode === mode;
    },
    isPolicy(policy) {
      return this.bot.uncertain_policy === policy;
    },
    setMode(event) {
      return this.change(event.target, "mode");
    },
    setPolicy(event) {
      return this.change(event.target, "uncertain_policy");
    },
    async change(select, field) {
      const [ok, bot] = await attempt(() => api.patch(`/api/v1/bots/${this.bot.id}`, { [field]: select.value }), "saved");
      if (ok) this.bot = bot;
      else select.value = this.bot[field];
    },
    remove() {
      return this.deleteBot(this.bot, "/panel/bots");
    },
  }));
});
