// The editor of a flow. Its parts are mixed in from files of their own; this one holds the flow and what was done to it.
import { initial, text } from "../dom.js";
import { attempt } from "../feedback.js";
import { api } from "../api.js";
import { flowChecking } from "./flow-checking.js";
import { flowFiles } from "./flow-files.js";
import { toDocument, toForm } from "./flow-form.js";
import { History } from "./flow-history.js";
import { flowPicture } from "./flow-picture.js";
import { flowPlay } from "./flow-play.js";
import { flowPlayers } from "./flow-players.js";
import { flowPublish } from "./flow-publish.js";
import { flowSaving } from "./flow-saving.js";
import { flowStep } from "./flow-step.js";
import { flowSteps } from "./flow-steps.js";
import { mediaChoice } from "./media-choice.js";
import { mixed } from "./mixing.js";

const EMPTY = { start: "", steps: [], variables: [] };
const TEXT_FIELD = "input:not([type=checkbox]), textarea";

let history; // outside of the component: a state that nobody watches

const own = {
  flow: {},
  flows: [],
  form: EMPTY,
  chosen: 0,
  isReadable: true,
  said: "",
  pastCount: 0,
  futureCount: 0,
  init() {
    const { draft, ...flow } = initial(this.$root);
    this.flow = flow;
    this.flows = initial(this.$root, "flows");
    this.isReadable = this.read(draft);
    history = new History(JSON.stringify(this.form));
    this.choose(this.steps.find((each) => this.isStart(each)) ?? this.steps[0] ?? { id: 0 });
    this.beginSaving();
    this.$watch("form", () => this.changed());
    this.$watch("chosen", () => this.paint());
    this.check();
    if (window.location.hash === "#picture") this.$nextTick(() => this.show("picture"));
  },
  read(draft) {
    try {
      this.form = toForm(draft);
      return this.form.steps.length > 0;
    } catch {
      this.form = EMPTY; // a file or a program saved something else; the page says so
      return false;
    }
  },
  get isUnreadable() {
    return !this.isReadable;
  },
  /** Put another draft into the editor; it can be undone like anything else. */
  adopt({ draft, ...flow }) {
    Object.assign(this.flow, flow);
    const key = this.step?.key;
    this.isReadable = this.read(draft);
    this.saving = "saved";
    this.chosen = (this.steps.find((each) => each.key === key) ?? this.steps[0])?.id ?? 0;
    this.savedState = JSON.stringify(toDocument(this.form));
    this.showStep();
  },
  changed() {
    const { activeElement: field } = document;
    const where = field?.matches(TEXT_FIELD) && this.$root.contains(field) ? this.fieldName(field) : "";
    history.note(JSON.stringify(this.form), where);
    this.afterChange();
  },
  // One element is one field: it has no name in the page.
  fieldName(field) {
    field.dataset.field ??= String(Math.random());
    return field.dataset.field;
  },
  afterChange() {
    this.pastCount = history.past.length;
    this.futureCount = history.future.length;
    this.saveSoon();
    this.checkSoon();
    this.draw();
  },
  // Undo and redo
  get nothingToUndo() {
    return this.pastCount === 0;
  },
  get nothingToRedo() {
    return this.futureCount === 0;
  },
  undo() {
    this.bring(history.undo(), "flow.undone");
  },
  redo() {
    this.bring(history.redo(), "flow.redone");
  },
  bring(state, said) {
    if (state === null) return;
    const before = new Set(this.steps.map((each) => JSON.stringify(each)));
    this.form = JSON.parse(state);
    const differs = this.steps.find((each) => !before.has(JSON.stringify(each)));
    if (differs) this.chosen = differs.id;
    else if (!this.step) this.chosen = this.steps[0].id;
    this.showStep();
    this.said = text(said);
    this.afterChange();
  },
  keys(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    if (key === "z" || key === "y") {
      event.preventDefault();
      if (event.shiftKey || key === "y") this.redo();
      else this.undo();
    }
    if (key === "s") {
      event.preventDefault();
      this.flush();
    }
  },
  // The flow itself
  async rename(event) {
    const name = event.target.value.trim();
    if (!name || name === this.flow.name) {
      event.target.value = this.flow.name;
      return;
    }
    const [ok] = await attempt(() => api.patch(`/api/v1/flows/${this.flow.id}`, { name }), "saved");
    if (ok) this.flow.name = name;
    else event.target.value = this.flow.name;
  },
  get publishedText() {
    return this.flow.published ? text("flow.version", { number: this.flow.published }) : text("flow.unpublished");
  },
  get publishedClass() {
    return this.flow.published ? "is-online" : "is-idle";
  },
  get isChanged() {
    return Boolean(this.flow.published) && (this.flow.is_changed || this.isUnsaved);
  },
  get peopleIn() {
    return Object.values(this.flow.people).reduce((sum, count) => sum + count, 0);
  },
  get standsNowhere() {
    return Object.entries(this.flow.people).filter(([key, count]) => count && !this.taken.has(key)).length > 0;
  },
  get otherFlows() {
    return this.flows.filter((each) => each.key !== this.flow.key);
  },
  flowOptions(current) {
    const known = this.otherFlows;
    const gone = current && !known.some((each) => each.key === current) ? [{ key: current, name: current }] : [];
    return [...gone, ...known];
  },
};

document.addEventListener("alpine:init", () => {
  Alpine.data("flowEditor", () => mixed(flowSaving, flowChecking, flowSteps, flowStep, flowPicture, flowPublish, flowPlay, flowPlayers, flowFiles, mediaChoice, own));
});
