import { initial } from "../dom.js";
import { looks } from "../status.js";
import { layers } from "./layers.js";
import { follow, liveness } from "./liveness.js";
import { poolActions } from "./pool-actions.js";
import { watch } from "./watch.js";

const EVERY_MS = 3000;

document.addEventListener("alpine:init", () => {
  // The pools as cards: on their own page, and on a bot's tab with that bot's pools first.
  Alpine.data("poolCards", () => ({
    ...looks,
    ...poolActions,
    ...liveness,
    ...layers,
    pools: [],
    bot: 0,
    init() {
      this.bot = Number(this.$root.dataset.bot || 0);
      this.take(initial(this.$root));
      const refresh = follow(this, "/panel/live/pools", EVERY_MS, (data) => this.take(data.pools));
      document.addEventListener("fleet-changed", refresh);
    },
    take(pools) {
      if (!this.bot) watch(pools.flatMap((pool) => pool.members));
      const mine = (pool) => pool.members.some((member) => member.bot_id === this.bot);
      this.pools = this.bot ? [...pools.filter(mine), ...pools.filter((pool) => !mine(pool))] : pools;
    },
    get none() {
      return this.pools.length === 0;
    },
    get some() {
      return this.pools.length > 0;
    },
  }));
});
