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
    async setMode(event) {
      const [ok, bot] = await attempt(() => api.patch(`/api/v1/bots/${this.bot.id}`, { mode: event.target.value }), "saved");
      if (ok) this.bot = bot;
      else event.target.value = this.bot.mode;
    },
    remove() {
      return this.deleteBot(this.bot, "/panel/bots");
    },
  }));
});
