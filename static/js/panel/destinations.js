import { api } from "../api.js";
import { ago, counted, hasText, initial, symbol, text } from "../dom.js";
import { attempt, confirmed, toast } from "../feedback.js";
import { poll } from "../live.js";

const EVERY_MS = 10000;
const PATH = "/api/v1/notification-destinations";
const TONES = {
  ok: ["check-circle", "is-online"],
  untried: ["clock", "is-checking"],
  unlinked: ["link", "is-degraded"],
  failing: ["alert", "is-degraded"],
  refused: ["x-circle", "is-offline"],
  reserve: ["alert", "is-degraded"],
  off: ["pause", "is-idle"],
};

const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

document.addEventListener("alpine:init", () => {
  Alpine.data("destinations", () => ({
    items: [],
    testing: 0,
    init() {
      this.items = initial(this.$root);
      const again = poll(PATH, EVERY_MS, (data) => (this.items = data.items), () => {});
      document.addEventListener("destinations-changed", again);
    },
    add: () => tell("edit-destination", null),
    edit: (item) => tell("edit-destination", item),
    async test(item) {
      this.testing = item.id;
      const [ok, result] = await attempt(() => api.post(`${PATH}/${item.id}/test`));
      this.testing = 0;
      if (ok && result.delivered) toast(text("destination.tested"));
      if (ok && !result.delivered) toast(text("destination.test_failed", { reason: result.error }), "error");
      tell("destinations-changed");
    },
    async remove(item) {
      const values = { name: this.title(item) };
      if (!(await confirmed(text("delete_destination.title", values), text("delete_destination.text"), text("delete_destination.action")))) return;
      await attempt(() => api.remove(`${PATH}/${item.id}`), "destination.deleted");
      tell("destinations-changed");
    },
    title: (item) => item.name || text(`destination.${item.kind}`),
    details(item) {
      const quiet = item.quiet ? text("destination.quiet", item.quiet) : "";
      return [item.name ? text(`destination.${item.kind}`) : "", item.address, rulesText(item.rules), quiet].filter(Boolean).join(" · ");
    },
    stateText: (item) => text(`destination.state.${item.state}`),
    stateSymbol: (item) => symbol((TONES[item.state] ?? TONES.untried)[0]),
    stateClass: (item) => (TONES[item.state] ?? TONES.untried)[1],
    sentText: (item) => (item.last_sent_at ? text("destination.last_sent", { when: ago(item.last_sent_at) }) : ""),
    isTesting(item) {
      return this.testing === item.id;
    },
    cannotTest(item) {
      return this.testing !== 0 || item.state === "unlinked";
    },
    get some() {
      return this.items.length > 0;
    },
    get none() {
      return this.items.length === 0;
    },
  }));
});

function rulesText(rules) {
  if (rules.length === 0) return "";
  if (rules.length > 1) return counted("destination.rules", rules.length);
  const key = `destination.level.${rules[0].min_level ?? "all"}`;
  return hasText(key) ? text(key) : "";
}
