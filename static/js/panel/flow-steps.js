// The steps of a flow as a list: chosen, added, copied, renamed, moved and removed.
import { number, text } from "../dom.js";
import { toast } from "../feedback.js";
import { dragOrder, reordered } from "./drag-order.js";
import { newStep, stepDocument } from "./flow-form.js";

const KEY = /^[a-z0-9][a-z0-9_]{0,39}$/;
const MOST_STEPS = 200;
const FIELDS = ["step", "failed", "otherwise"]; // which name a step

const free = (stem, taken) => {
  if (!taken.has(stem)) return stem;
  for (let count = 2; ; count += 1) if (!taken.has(`${stem.slice(0, 35)}_${count}`)) return `${stem.slice(0, 35)}_${count}`;
};

function everyPart(value, seen) {
  if (Array.isArray(value)) value.forEach((each) => everyPart(each, seen));
  else if (value && typeof value === "object") {
    seen(value);
    Object.values(value).forEach((each) => everyPart(each, seen));
  }
}

// Mixed into the editor, which has `form`, `chosen` (a step's id) and `flow`.
export const flowSteps = {
  get steps() {
    return this.form.steps;
  },
  get step() {
    return this.steps.find((each) => each.id === this.chosen) ?? null;
  },
  get stepNumber() {
    return this.steps.findIndex((each) => each.id === this.chosen);
  },
  get shownSteps() {
    return this.step ? [this.step] : [];
  },
  get isFull() {
    return this.steps.length >= MOST_STEPS;
  },
  get isLastOne() {
    return this.steps.length < 2;
  },
  get taken() {
    return new Set(this.steps.map((each) => each.key));
  },
  nameOf: (step) => step.title || step.key,
  isStart(step) {
    return step.key === this.form.start;
  },
  isChosen(step) {
    return step.id === this.chosen;
  },
  current(step) {
    return this.isChosen(step) ? "true" : null;
  },
  stepClass(step) {
    return [this.isChosen(step) ? "is-chosen" : "", this.worst(step) ? `has-${this.worst(step)}` : "", this.markOf(step) ? `is-${this.markOf(step)}` : ""].join(" ");
  },
  worstText(step) {
    const worst = this.worst(step);
    return worst ? text(`flow.has_${worst}`) : "";
  },
  markText(step) {
    const mark = this.markOf(step);
    return mark ? text(`flow.${mark}`) : "";
  },
  peopleAt(step) {
    return this.flow.people[step.key] ?? 0;
  },
  peopleText(step) {
    return number(this.peopleAt(step));
  },
  peopleLabel(step) {
    return text("flow.people_here", { count: number(this.peopleAt(step)) });
  },
  choose(step) {
    this.chosen = step.id;
    this.showStep();
  },
  chooseAndShow(step) {
    this.choose(step);
    if (window.matchMedia("(max-width: 60rem)").matches) this.$nextTick(() => this.$refs.form.scrollIntoView({ block: "start" }));
  },
  // Changes
  newKey() {
    return free("step", this.taken);
  },
  addStep() {
    if (this.isFull) return null;
    const step = newStep({ key: this.newKey(), messages: [{}] });
    this.steps.splice(this.stepNumber + 1 || this.steps.length, 0, step);
    return step;
  },
  add() {
    const step = this.addStep();
    if (!step) return;
    this.choose(step);
    this.$nextTick(() => this.$refs.title.focus());
  },
  duplicate() {
    const copied = stepDocument(this.step);
    const copy = newStep({ ...copied, key: free(copied.key, this.taken), title: copied.title ? text("flow.copy_of", { name: copied.title }).slice(0, 80) : "" });
    this.steps.splice(this.stepNumber + 1, 0, copy);
    this.choose(copy);
    this.$nextTick(() => this.$refs.title.focus());
  },
  removeStep() {
    if (this.isLastOne) return;
    const at = this.stepNumber;
    const [gone] = this.steps.splice(at, 1);
    const beside = this.steps[Math.min(at, this.steps.length - 1)];
    if (gone.key === this.form.start) this.form.start = this.steps[0].key;
    this.choose(beside);
    toast(text("flow.step_removed", { name: this.nameOf(gone) }));
    this.$nextTick(() => this.$refs.title.focus());
  },
  makeStart() {
    this.form.start = this.step.key;
  },
  /** Another key for the chosen step, wherever it is named. */
  renameKey(event) {
    const wanted = event.target.value.trim();
    const old = this.step.key;
    if (wanted === old) return;
    if (!KEY.test(wanted) || this.taken.has(wanted)) {
      event.target.value = old;
      toast(text(KEY.test(wanted) ? "flow.key_taken" : "flow.key_wrong", { key: wanted }), "error");
      return;
    }
    everyPart(this.form.steps, (part) => FIELDS.forEach((field) => part[field] === old && (part[field] = wanted)));
    this.step.key = wanted;
    if (this.form.start === old) this.form.start = wanted;
  },
  move(from, to) {
    if (to < 0 || to >= this.steps.length) return;
    const step = this.steps[from];
    reordered(this.steps, from, to);
    this.said = text("flow.moved", { name: this.nameOf(step), number: to + 1 });
  },
  moveUp() {
    this.move(this.stepNumber, this.stepNumber - 1);
  },
  moveDown() {
    this.move(this.stepNumber, this.stepNumber + 1);
  },
  get isFirst() {
    return this.stepNumber <= 0;
  },
  get isLast() {
    return this.stepNumber === this.steps.length - 1;
  },
  drag(event, from) {
    dragOrder(event, from, (at, to) => this.move(at, to));
  },
  /** Arrows walk the list, with Alt they take the step along. */
  listKeys(event) {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const at = this.stepNumber + by;
    if (event.altKey) this.move(this.stepNumber, at);
    else if (this.steps[at]) this.choose(this.steps[at]);
    this.$nextTick(() => this.$refs.list.querySelector("[aria-current]")?.focus());
  },
  // Ways to steps
  /** What a field that names a step may be set to; one that is not there stays to be seen. */
  stepOptions(current) {
    const there = this.steps.map((each) => ({ key: each.key, name: this.nameOf(each) }));
    const gone = current && !this.taken.has(current) ? [{ key: current, name: text("flow.step_gone", { key: current }) }] : [];
    return [...gone, ...there];
  },
  /** Take the choice; "+" makes a new step and leads there. */
  pickStep(part, field, event) {
    if (event.target.value !== "+") {
      part[field] = event.target.value;
      return;
    }
    const step = this.addStep();
    part[field] = step ? step.key : "";
    if (step) toast(text("flow.step_made", { name: step.key }));
  },
};
