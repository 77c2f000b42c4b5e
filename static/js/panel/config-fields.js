import { text } from "../dom.js";
import { dragOrder, reordered } from "./drag-order.js";

const LINES = ["text", "number"];
const opened = new WeakSet(); // items of lists whose fields are shown
const keys = new WeakMap();
let last = 0;

document.addEventListener("alpine:init", () => {
  // The fields of one object of a plugin's configuration; those of the objects in its lists are the same component again.
  Alpine.data("configFields", (fields, values, place, models) => ({
    fields,
    values,
    place, // () => "menu.buttons.0": also after the item was moved
    models,
    init() {
      this.$root.append(document.getElementById("config-fields").content.cloneNode(true));
      [...this.$root.children].forEach((child) => Alpine.initTree(child));
    },
    is: (field, kind) => field.kind === kind,
    isLine: (field) => LINES.includes(field.kind),
    inputType: (field) => (field.kind === "number" ? "number" : "text"),
    inputStep: (field) => (field.whole ? "1" : "any"),
    at(field) {
      return `${this.place()}.${field.name}`;
    },
    idOf(field) {
      return `plugin-${this.at(field).replaceAll(".", "-")}`;
    },
    describedBy(field) {
      return `hint-${this.idOf(field)} problem-${this.idOf(field)}`;
    },
    hintId(field) {
      return `hint-${this.idOf(field)}`;
    },
    problemId(field) {
      return `problem-${this.idOf(field)}`;
    },
    beginsGroup(field) {
      const before = this.fields[this.fields.findIndex((each) => each.name === field.name) - 1];
      return field.group !== "" && field.group !== before?.group;
    },
    hintOf: (field) => field.description,
    placeholder: (field) => (field.blank === "default" ? String(field.default) : ""),
    value(field) {
      const known = this.values[field.name];
      return known === undefined ? (field.blank === "empty" ? (field.default ?? "") : "") : known;
    },
    isOn(field) {
      return Boolean(this.values[field.name] ?? field.default);
    },
    isChosen(field, choice) {
      return (this.values[field.name] ?? field.default) === choice.value;
    },
    changed() {
      this.$dispatch("config-changed");
    },
    set(field, value) {
      if (value === "" && field.blank === "null") this.values[field.name] = null;
      else if (value === "" && field.blank === "default") delete this.values[field.name];
      else this.values[field.name] = value;
      this.changed();
    },
    setText(field, event) {
      const { value } = event.target;
      this.set(field, field.kind === "number" && value !== "" ? Number(value) : value);
    },
    setSwitch(field, event) {
      this.set(field, event.target.checked);
    },
    setChoice(field, event) {
      this.set(field, field.choices[event.target.selectedIndex].value);
    },
    asJson(field) {
      return JSON.stringify(this.values[field.name] ?? field.default, null, 2);
    },
    setJson(field, event) {
      let value = event.target.value; // what is no JSON is a text, and refused with its reason
      try {
        value = JSON.parse(value);
        event.target.setCustomValidity("");
      } catch {
        event.target.setCustomValidity(text("not_json", { name: field.title }));
        event.target.reportValidity();
      }
      this.set(field, value);
    },
    // A list of plain values: one a line.
    linesOf(field) {
      return (this.values[field.name] ?? field.default ?? []).join("\n");
    },
    setLines(field, event) {
      const lines = event.target.value.split("\n").map((line) => line.trim()).filter(Boolean);
      const number = (line) => (Number.isFinite(Number(line)) ? Number(line) : line);
      this.values[field.name] = field.item === "number" ? lines.map(number) : lines;
      this.changed();
    },
    inner(field) {
      this.values[field.name] ??= {};
      return this.values[field.name];
    },
    innerPlace(field) {
      return () => this.at(field);
    },
    // A list of objects.
    list(field) {
      return this.values[field.name] ?? [];
    },
    modelOf(field) {
      return this.models[field.model];
    },
    placeOf(field, item) {
      return () => `${this.at(field)}.${this.list(field).indexOf(item)}`;
    },
    keyOf(item) {
      const raw = Alpine.raw(item);
      if (!keys.has(raw)) keys.set(raw, (last += 1));
      return keys.get(raw);
    },
    titleOf(field, item, at) {
      const named = this.modelOf(field).find((each) => LINES.includes(each.kind) || each.kind === "long");
      return String(item[named?.name] ?? "") || text("config.item", { number: at + 1 });
    },
    isOpened(item) {
      return this.openedCount >= 0 && (this.isFixed || opened.has(Alpine.raw(item)));
    },
    /** Whether all is only to be read, its buttons that open and close, too: then all stands open. */
    get isFixed() {
      return this.$root.matches("fieldset:disabled, fieldset:disabled *");
    },
    openedCount: 0,
    openedText(item) {
      return String(this.isOpened(item));
    },
    toggleItem(item) {
      const raw = Alpine.raw(item);
      if (!opened.delete(raw)) opened.add(raw);
      this.openedCount += 1;
    },
    isFull(field) {
      return field.most !== null && this.list(field).length >= field.most;
    },
    isLastItem(field, at) {
      return at === this.list(field).length - 1;
    },
    put(field, at, item) {
      this.values[field.name] ??= [];
      opened.add(item);
      this.values[field.name].splice(at, 0, item);
      this.changed();
      const focus = `[data-place="${this.at(field)}.${at}"] .config-item-title`;
      this.$nextTick(() => document.querySelector(focus)?.focus());
    },
    addItem(field) {
      const filled = this.modelOf(field).filter((each) => each.required).map((each) => [each.name, ""]);
      this.put(field, this.list(field).length, Object.fromEntries(filled));
    },
    copyItem(field, at) {
      this.put(field, at + 1, JSON.parse(JSON.stringify(this.list(field)[at])));
    },
    removeItem(field, at) {
      this.list(field).splice(at, 1);
      this.changed();
      this.$nextTick(() => document.getElementById(`add-${this.idOf(field)}`)?.focus());
    },
    moveItem(field, from, to) {
      const item = this.list(field)[from];
      reordered(this.list(field), from, to);
      this.changed();
      this.$dispatch("config-moved", { title: this.titleOf(field, item, to), number: to + 1 });
      const moved = `[data-place="${this.at(field)}.${to}"] [data-move]:not(:disabled)`;
      this.$nextTick(() => document.querySelector(moved)?.focus());
    },
    raiseItem(field, at) {
      this.moveItem(field, at, at - 1);
    },
    lowerItem(field, at) {
      this.moveItem(field, at, at + 1);
    },
    dragItem(field, at, event) {
      dragOrder(event, at, (from, to) => this.moveItem(field, from, to));
    },
    addId(field) {
      return `add-${this.idOf(field)}`;
    },
    itemPlace(field, at) {
      return `${this.at(field)}.${at}`;
    },
    itemLabel: (key, field, at) => text(key, { name: field.title, number: at + 1 }),
  }));
});
