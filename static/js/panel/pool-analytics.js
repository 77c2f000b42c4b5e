import { counted, number, text } from "../dom.js";
import { looks } from "../status.js";
import { report } from "./report.js";

document.addEventListener("alpine:init", () => {
  // A pool's report of a period, with its bots.
  Alpine.data("poolAnalytics", () => ({
    ...looks,
    ...report,
    report: {},
    members: [],
    init() {
      this.id = this.$root.dataset.pool;
      this.begin();
    },
    live(by) {
      return `/panel/live/pools/${this.id}/analytics?${this.asked(by)}`;
    },
    file(by, kind) {
      return `/api/v1/redirect-pools/${this.id}/analytics.${kind}?${this.asked(by)}`;
    },
    take(found) {
      Object.assign(this, { report: found, members: found.members });
      this.show(found);
    },
    nameOrNone: (bot) => (bot ? `@${bot.username}` : "–"),
    usedText() {
      return this.report.most_used ? counted("analytics.redirects", this.report.most_used.redirects) : "";
    },
    troubleText() {
      return this.report.most_troubled ? counted("analytics.losses", this.report.most_troubled.losses) : "";
    },
    lateText: (member) => (member.check_p95_ms === null ? "" : text("analytics.p95", { ms: number(member.check_p95_ms) })),
    msOf: (value) => (value === null ? "–" : `${number(value)} ms`),
    botPage: (member) => `/panel/bots/${member.bot_id}`,
  }));
});
