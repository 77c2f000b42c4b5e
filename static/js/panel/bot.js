import { api } from "../api.js";
import { initial, moment } from "../dom.js";
import { looks } from "../status.js";
import { botActions } from "./bot-actions.js";
import { follow, liveness } from "./liveness.js";
import { refusals } from "./refusals.js";

const EVERY_MS = 3000;

document.addEventListener("alpine:init", () => {
  Alpine.data("bot", () => ({
    ...looks,
    ...liveness,
    ...botActions,
    ...refusals,
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
      return this.shownValue("mode", this.bot.mode) === mode;
    },
    isPolicy(policy) {
      return this.shownValue("uncertain_policy", this.bot.uncertain_policy) === policy;
    },
    isStrategy(strategy) {
      return this.shownValue("fsm_strategy", this.bot.fsm_strategy) === strategy;
    },
    setMode(event) {
      return this.change(event.target, "mode");
    },
    setPolicy(event) {
      return this.change(event.target, "uncertain_policy");
    },
    setStrategy(event) {
      return this.change(event.target, "fsm_strategy");
    },
    setTags(event) {
      const tags = event.target.value.split(",").map((tag) => tag.trim());
      return this.save("tags", tags.filter(Boolean));
    },
    get tagsText() {
      return this.shownValue("tags", this.bot.tags).join(", ");
    },
    change(select, field) {
      return this.save(field, select.value);
    },
    async save(field, value) {
      const bot = await this.saving(field, value, () => api.patch(`/api/v1/bots/${this.bot.id}`, { [field]: value }));
      if (bot) this.bot = { ...this.bot, ...bot };
    },
    remove() {
      return this.deleteBot(this.bot, "/panel/bots");
    },
  }));
});
