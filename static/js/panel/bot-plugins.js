import { api } from "../api.js";
import { initial, text } from "../dom.js";
import { toast } from "../feedback.js";
import { textPreview } from "./text-preview.js";

document.addEventListener("alpine:init", () => {
  // A bot's plugins in order, each with a form made from its description; saved all at once.
  Alpine.data("botPlugins", () => ({
    ...textPreview,
    bot: 0,
    items: [],
    changed: false,
    busy: false,
    failure: "",
    place: "", // of the failure: "start.welcome_message", "help.commands.3.description"
    init() {
      const bot = initial(this.$root);
      this.bot = bot.id;
      this.items = arranged(initial(this.$root, "plugins"), bot.plugins);
      this.lookAtAll();
      window.addEventListener("beforeunload", (event) => this.changed && event.preventDefault());
    },
    touch() {
      this.changed = true;
      this.lookSoon();
    },
    move(index, by) {
      const [plugin] = this.items.splice(index, 1);
      this.items.splice(index + by, 0, plugin);
      this.touch();
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
    is: (field, kind) => field.kind === kind,
    isText: (field) => ["text", "long", "number", "json"].includes(field.kind),
    fieldId: (plugin, field) => `plugin-${plugin.name}-${field.name}`,
    problem(plugin, field) {
      return isWithin(this.place, `${plugin.name}.${field.name}`) ? this.failure : "";
    },
    problemId: (plugin, field) => `problem-${plugin.name}-${field.name}`,
    invalid(plugin, field) {
      return String(Boolean(this.problem(plugin, field)));
    },
    invalidCell(plugin, field, at, column) {
      return String(this.place === `${plugin.name}.${field.name}.${at}.${column.name}`);
    },
    get elsewhere() {
      const shown = this.items.some((plugin) => this.isOpen(plugin) && plugin.fields.some((field) => this.problem(plugin, field)));
      return shown ? "" : this.failure;
    },
    value: (plugin, field) => plugin.config[field.name],
    asJson: (plugin, field) => JSON.stringify(plugin.config[field.name], null, 2),
    rows: (plugin, field) => plugin.config[field.name],
    set(plugin, field, value) {
      plugin.config[field.name] = value;
      this.touch();
    },
    setText(plugin, field, event) {
      this.set(plugin, field, event.target.value);
    },
    setNumber(plugin, field, event) {
      this.set(plugin, field, event.target.valueAsNumber);
    },
    setSwitch(plugin, field, event) {
      this.set(plugin, field, event.target.checked);
    },
    setJson(plugin, field, event) {
      try {
        this.set(plugin, field, JSON.parse(event.target.value));
        this.failure = "";
      } catch {
        this.failure = text("not_json", { name: field.label });
        this.place = `${plugin.name}.${field.name}`;
      }
    },
    setCell(row, column, event) {
      row[column.name] = event.target.value;
      this.touch();
    },
    addRow(plugin, field) {
      plugin.config[field.name].push(Object.fromEntries(field.columns.map((column) => [column.name, ""])));
      this.touch();
    },
    removeRow(plugin, field, at) {
      plugin.config[field.name].splice(at, 1);
      this.touch();
    },
    get cannotSave() {
      return this.busy || !this.changed;
    },
    async save() {
      this.busy = true;
      this.failure = "";
      this.place = "";
      try {
        const plugins = this.items.filter((item) => item.enabled || item.kept).map(({ name, enabled, config }) => ({ name, enabled, config }));
        await api.put(`/api/v1/bots/${this.bot}/plugins`, { plugins });
        this.changed = false;
        toast(text("behaviour_saved"));
      } catch (error) {
        this.failure = error.message;
        this.place = error.field;
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
