import { initial, number, text } from "../dom.js";
import { looks } from "../status.js";
import { botActions } from "./bot-actions.js";
import { bulk } from "./bulk-bots.js";
import { follow, liveness } from "./liveness.js";

const EVERY_MS = 3000;
const TROUBLE = "trouble";
const STATES = [TROUBLE, "banned", "offline", "failed", "suspect", "degraded", "created", "running", "stopped"];
// What a bookmark may ask for; anything else in the address is left out.
const FITS = {
  q: (value) => value.length <= 100,
  state: (value) => STATES.includes(value),
  tag: (value) => value.length <= 30,
  pool: (value) => /^\d{1,18}$/.test(value),
  page: (value) => /^[1-9]\d{0,3}$/.test(value),
};

document.addEventListener("alpine:init", () => {
  // The list, a page at a time: the server filters and puts trouble first, and sends rows only when they changed.
  Alpine.data("bots", () => ({
    ...looks,
    ...liveness,
    ...botActions,
    ...bulk,
    list: { bots: [], ids: [], total: 0, page: 1, pages: 1, states: {}, tags: {} },
    pools: [],
    mark: "",
    asked: { q: "", state: "", tag: "", pool: "", page: "1" },
    init() {
      this.take(initial(this.$root));
      const found = new URLSearchParams(window.location.search); // a filter can be kept as a bookmark
      for (const name of Object.keys(this.asked)) if (found.has(name) && FITS[name](found.get(name))) this.asked[name] = found.get(name);
      this.refresh = follow(this, () => this.path(), EVERY_MS, (data) => this.take(data));
      if (this.filtered) this.refresh();
      document.addEventListener("fleet-changed", () => this.refresh());
    },
    path() {
      return `/panel/live/bots?${this.query({ mark: this.mark })}`;
    },
    query(more = {}) {
      const given = Object.entries({ ...this.asked, ...more }).filter(([name, value]) => value !== "" && !(name === "page" && value === "1"));
      return new URLSearchParams(given).toString();
    },
    take(data) {
      this.mark = data.mark;
      if (!data.list) return; // nothing changed
      this.list = data.list;
      this.pools = data.pools;
      this.asked.page = String(data.list.page);
      this.keepPicked();
    },
    filter(name, value) {
      Object.assign(this.asked, { [name]: value, page: "1" });
      this.show();
    },
    turnTo(page) {
      this.asked.page = String(page);
      this.show();
    },
    show() {
      const query = this.query();
      window.history.replaceState(null, "", query ? `?${query}` : window.location.pathname);
      this.refresh();
    },
    search(event) {
      this.filter("q", event.target.value); // as it is: who pauses after a blank goes on typing behind it
    },
    choosePool(event) {
      this.filter("pool", event.target.value);
    },
    chooseState(state) {
      this.filter("state", state);
    },
    chooseTag(tag) {
      this.filter("tag", this.asked.tag === tag ? "" : tag);
    },
    clearFilter() {
      this.asked = { q: "", state: "", tag: "", pool: "", page: "1" };
      this.show();
    },
    isState(state) {
      return this.asked.state === state;
    },
    isTag(tag) {
      return this.asked.tag === tag;
    },
    isPool(pool) {
      return this.asked.pool === String(pool.id);
    },
    get filtered() {
      return this.query() !== "";
    },
    /** Everybody, who needs somebody, and each state that some bot has. */
    get states() {
      const counts = this.list.states;
      const some = STATES.filter((state) => counts[state] > 0 || this.isState(state));
      const label = (state) => (state === TROUBLE ? text("bots.trouble") : looks.statusText(state));
      const all = { state: "", label: text("bots.all"), count: number(this.list.total) };
      return [all, ...some.map((state) => ({ state, label: label(state), count: number(counts[state] ?? 0) }))];
    },
    get tags() {
      return Object.keys(this.list.tags);
    },
    get hasTags() {
      return this.tags.length > 0;
    },
    tagCount(tag) {
      return number(this.list.tags[tag]);
    },
    add: () => document.dispatchEvent(new CustomEvent("add-bot")),
    make: () => document.dispatchEvent(new CustomEvent("new-bot")),
    addMany: () => document.dispatchEvent(new CustomEvent("add-many")),
    poolPage: (pool) => `/panel/pools/${pool.id}`,
    initialOf: (bot) => bot.username.slice(0, 2),
    get none() {
      return this.list.total === 0;
    },
    get some() {
      return this.list.total > 0;
    },
    get found() {
      return this.list.ids.length > 0;
    },
    get nothingFound() {
      return this.some && !this.found;
    },
    get paged() {
      return this.list.pages > 1;
    },
    get isFirst() {
      return this.list.page <= 1;
    },
    get isLast() {
      return this.list.page >= this.list.pages;
    },
    former() {
      this.turnTo(this.list.page - 1);
    },
    following() {
      this.turnTo(this.list.page + 1);
    },
    get pageText() {
      return text("bots.page", { page: number(this.list.page), pages: number(this.list.pages) });
    },
  }));
});
