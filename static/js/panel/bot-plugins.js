import { api } from "../api.js";
import { initial, text } from "../dom.js";
import { toast } from "../feedback.js";
import { dragOrder, reordered } from "./drag-order.js";
import { textPreview } from "./text-preview.js";

document.addEventListener("alpine:init", () => {
  // A bot's plugins in order, each with a form made from its description; saved all at once.
  Alpine.data("botPlugins", () => ({
    ...textPreview,
    bot: 0,
    items: [],
    changed: false,
    busy: false,
    problems: [], // {field, detail}; field is the place: "start.welcome_message", "help.commands.3.description"
    said: "",
    asked: 0,
    init() {
      const bot = initial(this.$root);
      this.bot = bot.id;
      this.items = arranged(initial(this.$root, "plugins"), bot.plugins);
      this.lookAtAll();
      this.$nextTick(() => this.check());
      document.addEventListener("texts-changed", (event) => this.takeTexts(event.detail));
      window.addEventListener("beforeunload", (event) => this.changed && event.preventDefault());
    },
    /** Texts that were saved elsewhere on this page stand in the form too, so that saving it does not undo them. */
    takeTexts(changes) {
      for (const change of changes) {
        const [name, ...place] = change.path.split(".");
        const last = place.pop();
        const config = this.items.find((plugin) => plugin.name === name)?.config;
        const holder = place.reduce((value, key) => value?.[key], config);
        if (holder && last in holder) holder[last] = change.new;
      }
      this.lookAtAll();
    },
    touch() {
      this.changed = true;
      this.lookSoon();
    },
    move(index, by) {
      this.moveTo(index, index + by);
    },
    moveTo(from, to) {
      reordered(this.items, from, to);
      const { name, title } = this.items[to];
      this.say({ title, number: to + 1 });
      this.touch();
      this.$nextTick(() => document.querySelector(`[data-plugin="${name}"] [data-move]:not(:disabled)`)?.focus());
    },
    drag(index, event) {
      dragOrder(event, index, (from, to) => this.moveTo(from, to));
    },
    say(moved) {
      this.said = text("config.moved", moved);
    },
    heard(event) {
      this.say(event.detail);
    },
    moveText: (way, plugin) => text(`move_${way}`, { name: plugin.title }),
    isLast(index) {
      return index === this.items.length - 1;
    },
    toggle(plugin, event) {
      plugin.enabled = event.target.checked;
      this.touch();
    },
    isOpen: (plugin) => plugin.enabled && plugin.fields.length > 0,
    placeIn: (plugin) => () => plugin.name,
    problemAt(place) {
      return this.problems.find((each) => each.field === place)?.detail ?? "";
    },
    problemWithin(place) {
      return this.problems.find((each) => isWithin(each.field, place))?.detail ?? "";
    },
    invalidAt(place) {
      return String(Boolean(this.problemAt(place)));
    },
    invalidWithin(place) {
      return String(Boolean(this.problemWithin(place)));
    },
    problemOf(field, place) {
      return ["values", "json"].includes(field.kind) ? this.problemWithin(place) : this.problemAt(place);
    },
    isShown(opened, place) {
      return opened || this.problems.some(({ field }) => field.startsWith(`${place}.`));
    },
    get elsewhere() {
      const open = this.items.filter((plugin) => this.isOpen(plugin));
      return this.problems.filter(({ field }) => !open.some((plugin) => field.startsWith(`${plugin.name}.`)))[0]?.detail ?? "";
    },
    get chosen() {
      return this.items.filter((item) => item.enabled || item.kept).map(({ name, enabled, config }) => ({ name, enabled, config }));
    },
    /** Whether the form could be saved, and the chat as it would be; an answer that another one has overtaken is dropped. */
    async check() {
      const plugins = JSON.parse(JSON.stringify(this.chosen));
      const asked = (this.asked += 1);
      document.dispatchEvent(new CustomEvent("behaviour-typed", { detail: { bot: this.bot, plugins } }));
      try {
        const found = (await api.post(`/api/v1/bots/${this.bot}/plugins/check`, { plugins })).items;
        if (asked === this.asked) this.problems = found;
      } catch (error) {
        if (asked === this.asked) this.problems = [{ field: "", detail: error.message }];
      }
    },
    get cannotSave() {
      return this.busy || !this.changed;
    },
    async save() {
      this.busy = true;
      clearTimeout(this.timer);
      this.asked += 1; // what was asked before says nothing about what is saved
      this.problems = [];
      try {
        await api.put(`/api/v1/bots/${this.bot}/plugins`, { plugins: this.chosen });
        this.changed = false;
        toast(text("behaviour_saved"));
      } catch (error) {
        this.problems = [{ field: error.field, detail: error.message }];
        this.$nextTick(() => this.$root.querySelector('[aria-invalid="true"]')?.focus());
      } finally {
        this.busy = false;
      }
    },
  }));
});

const isWithin = (place, outer) => place === outer || place.startsWith(`${outer}.`);

// The bot's plugins in its order, then the others, switched off.
function arranged(forms, chosen) {
  const place = (form) => chosen.findIndex((plugin) => plugin.name === form.name);
  const item = (form) => {
    const own = chosen[place(form)];
    const defaults = Object.fromEntries(form.fields.map((field) => [field.name, structuredClone(field.default)]));
    return { ...form, kept: Boolean(own), enabled: Boolean(own?.enabled), config: { ...defaults, ...own?.config } };
  };
  const order = (form) => (place(form) < 0 ? chosen.length : place(form));
  return [...forms].sort((one, other) => order(one) - order(other)).map(item);
}
