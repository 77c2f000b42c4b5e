import { chart } from "../chart.js";
import { ago, counted, initial, number, text } from "../dom.js";
import { looks } from "../status.js";
import { follow, liveness } from "./liveness.js";
import { poolActions } from "./pool-actions.js";
import { watch } from "./watch.js";

const EVERY_MS = 3000;

document.addEventListener("alpine:init", () => {
  Alpine.data("overview", () => ({
    ...looks,
    ...poolActions,
    ...liveness,
    tiles: {},
    pools: [],
    notifications: [],
    system: {},
    span: "hour",
    total: 0,
    refresh: null,
    init() {
      this.plot = chart(this.$refs.chart);
      this.take(initial(this.$root));
      this.refresh = follow(this, () => `/panel/live/overview?span=${this.span}`, EVERY_MS, (data) => this.take(data));
      document.addEventListener("fleet-changed", () => this.refresh());
    },
    take(data) {
      Object.assign(this, { tiles: data.tiles, pools: data.pools, notifications: data.notifications, system: data.system });
      watch(this.pools.flatMap((pool) => pool.members));
      this.total = data.series.total.reduce((sum, value) => sum + value, 0);
      this.plot.show({ times: data.series.times, timeLabel: text("chart.time"), lines: [{ label: text("chart.redirects"), values: data.series.total }] });
    },
    choose(span) {
      this.span = span;
      this.refresh();
    },
    isSpan(span) {
      return this.span === span;
    },
    tile(name) {
      return number(this.tiles[name]);
    },
    isBad(name) {
      return this.tiles[name] > 0;
    },
    get chartText() {
      return counted(`chart.summary.${this.span}`, this.total);
    },
    get noClicks() {
      return this.total === 0;
    },
    ago,
  }));
});
