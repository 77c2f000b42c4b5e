// What plugins keep of a bot: stores with sizes, their keys by prefix and in pages, one value, deleting.
import { api } from "../api.js";
import { number, text } from "../dom.js";
import { attempt, confirmed } from "../feedback.js";

const KB = 1024;
const filled = (element, values) => element.dataset.label.replace(/\{(\w+)\}/, (all, name) => values[name] ?? all);

document.addEventListener("alpine:init", () => {
  Alpine.data("pluginStore", () => ({
    stores: [],
    isRead: false,
    plugin: "",
    prefix: "",
    asked: "", // the prefix of what is shown
    keys: [],
    next: null,
    shown: null,
    pretty: "",
    show(tab) {
      if (tab === "store") queueMicrotask(() => this.read()); // outside: what it reads shall not bring it here again
    },
    path(place, query) {
      return `/api/v1/bots/${this.$root.dataset.bot}/store${place}?${new URLSearchParams(query)}`;
    },
    async read() {
      const [ok, page] = await attempt(() => api.get(this.path("", {})));
      if (!ok) return;
      this.isRead = true;
      this.stores = page.items;
      if (!this.stores.some((store) => store.plugin === this.plugin)) this.plugin = "";
    },
    open(store) {
      this.plugin = this.plugin === store.plugin ? "" : store.plugin;
      this.prefix = "";
      return this.search();
    },
    async search() {
      this.asked = this.prefix;
      this.keys = [];
      await this.fetch("");
    },
    more() {
      return this.fetch(this.next);
    },
    async fetch(cursor) {
      const { plugin, asked } = this;
      if (!plugin) return;
      const [ok, page] = await attempt(() => api.get(this.path("/keys", { plugin, prefix: asked, cursor })));
      if (!ok || plugin !== this.plugin || asked !== this.asked) return;
      const known = new Set(this.keys.map((item) => item.key));
      this.keys = [...this.keys, ...page.items.filter((item) => !known.has(item.key))];
      this.next = page.next;
    },
    async look(item) {
      if (this.shown === item.key) {
        this.shown = null;
        return;
      }
      const [ok, value] = await attempt(() => api.get(this.path("/value", { plugin: this.plugin, key: item.key })));
      if (!ok) return;
      this.pretty = value.pretty;
      this.shown = item.key;
    },
    async remove(item) {
      const { plugin } = this;
      if (!(await confirmed(text("store.delete.title", item), text("store.delete.text", { plugin }), text("store.delete.action")))) return;
      const [ok] = await attempt(() => api.remove(this.path("/value", { plugin, key: item.key })), "store.deleted");
      if (ok) this.keys = this.keys.filter((each) => each.key !== item.key);
      await this.read();
    },
    async clear(store) {
      const { plugin } = store;
      const values = { plugin, n: number(store.keys) };
      if (!(await confirmed(text("store.clear.title", values), text("store.clear.text", values), text("store.clear.action")))) return;
      await attempt(() => api.remove(this.path("", { plugin })), "store.cleared");
      await this.read();
    },
    share: (store) => (100 * store.size) / store.limit,
    sizeText: (store) => text("store.size", { keys: number(store.keys), size: number(Math.ceil(store.size / KB)), limit: number(store.limit / KB / KB) }),
    shareLabel: (store) => text("store.share", { plugin: store.plugin }),
    labelOf: (element, store) => filled(element, store),
    keyLabel: (element, item) => filled(element, item),
    isLeft: (store) => !store.in_use,
    expanded(store) {
      return store.plugin === this.plugin ? "true" : "false";
    },
    isShown(item) {
      return item.key === this.shown;
    },
    shownState(item) {
      return item.key === this.shown ? "true" : "false";
    },
    get isOpen() {
      return this.plugin !== "";
    },
    get some() {
      return this.stores.length > 0;
    },
    get none() {
      return this.isRead && this.stores.length === 0;
    },
    get someKeys() {
      return this.keys.length > 0;
    },
    get noKeys() {
      return this.keys.length === 0;
    },
  }));
});
