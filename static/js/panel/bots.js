import { api } from "../api.js";
import { initial } from "../dom.js";
import { attempt } from "../feedback.js";
import { looks } from "../status.js";
import { botActions } from "./bot-actions.js";
import { follow, liveness } from "./liveness.js";
import { watch } from "./watch.js";

const EVERY_MS = 3000;

document.addEventListener("alpine:init", () => {
  Alpine.data("bots", () => ({
    ...looks,
    ...liveness,
    ...botActions,
    bots: [],
    pools: [],
    init() {
      this.take(initial(this.$root));
      const refresh = follow(this, "/panel/live/bots", EVERY_MS, (data) => this.take(data));
      document.addEventListener("fleet-changed", refresh);
    },
    take(data) {
      this.bots = data.bots;
      watch(this.bots.map((bot) => ({ bot_id: bot.id, username: bot.username, state: bot.state })));
      this.pools = data.pools;
    },
    add() {
      document.dispatchEvent(new CustomEvent("add-bot"));
    },
    joinable(bot) {
      return this.pools.filter((pool) => !bot.pools.some((joined) => joined.id === pool.id));
    },
    canJoin(bot) {
      return this.joinable(bot).length > 0;
    },
    async join(bot, event) {
      const pool = event.target.value;
      event.target.value = "";
      if (!pool) return;
      await attempt(() => api.post(`/api/v1/redirect-pools/${pool}/bots`, { bot_id: bot.id }), "member_added");
      document.dispatchEvent(new CustomEvent("fleet-changed"));
    },
    poolPage: (pool) => `/panel/pools/${pool.id}`,
    initialOf: (bot) => bot.username.slice(0, 2),
    get none() {
      return this.bots.length === 0;
    },
    get some() {
      return this.bots.length > 0;
    },
  }));
});
