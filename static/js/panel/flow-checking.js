// What is wrong with the flow, beside the field and in the summary, and the chosen step's messages as Telegram shows them.
import { api } from "../api.js";
import { counted, text } from "../dom.js";
import { stepDocument, toDocument } from "./flow-form.js";

const PAUSE_MS = 500;
const MARKS = { flow_dead_end: "dead", flow_step_unreachable: "unreached" };

const WANTED = { url: "url", web_app: "url", step: "step", flow: "flow", tag: "tag", pay: "stars" };

// A message that is still being written is left out of the picture of the chat; the findings say what it lacks.
function isWhole({ text: said, media, kind, buttons = [] }) {
  const hasContent = kind === "text" ? said?.trim() : media;
  return hasContent && buttons.flat().every((button) => button.text?.trim() && button[WANTED[button.kind]]);
}

// Mixed into the editor, which has `form` and `step` (the chosen one).
export const flowChecking = {
  findings: [],
  checked: false,
  checkRefusal: "",
  checkTimer: 0,
  checkAsked: 0,
  bubbles: [],
  bubblesRefusal: "",
  bubblesOf: "",
  bubblesStep: "",
  leftOut: 0,
  checkSoon() {
    clearTimeout(this.checkTimer);
    this.checkTimer = setTimeout(() => this.check(), PAUSE_MS);
  },
  check() {
    return Promise.all([this.checkAll(), this.showStep()]);
  },
  async checkAll() {
    const asked = (this.checkAsked += 1);
    try {
      const { items } = await api.post("/api/v1/flows/check", { document: toDocument(this.form) });
      if (asked !== this.checkAsked) return;
      Object.assign(this, { findings: items.map((each) => ({ ...each, where: each.place.join(".") })), checked: true, checkRefusal: "" });
    } catch (error) {
      if (asked === this.checkAsked) this.checkRefusal = error.message; // what stands is of the flow as it was
    }
  },
  /** The step's messages alone, played by the product's engine. */
  async showStep() {
    const { key, messages: all = [] } = this.step ? stepDocument(this.step) : {};
    const messages = all.filter(isWhole);
    this.leftOut = all.length - messages.length;
    if (messages.length === 0) {
      Object.assign(this, { bubbles: [], bubblesRefusal: "", bubblesOf: "" });
      return;
    }
    const document = { start: key, steps: [{ key, messages }] };
    const wanted = JSON.stringify(document);
    if (wanted === this.bubblesOf) return;
    this.bubblesOf = wanted;
    let refusal = "";
    try {
      const played = await api.post("/api/v1/flows/simulate", { document });
      if (wanted !== this.bubblesOf) return;
      this.bubbles = played.messages.filter((each) => !each.is_own);
      this.bubblesStep = key;
      refusal = played.refusal && text("preview.refused", { reason: played.refusal });
    } catch (error) {
      if (wanted !== this.bubblesOf) return;
      if (this.bubblesStep !== key) this.bubbles = [];
      refusal = error.message;
    }
    this.bubblesRefusal = refusal;
  },
  get leftOutText() {
    return this.leftOut ? counted("flow.left_out", this.leftOut) : "";
  },
  get hasBubbles() {
    return this.bubbles.length > 0;
  },
  get staleClass() {
    return this.bubblesRefusal ? "is-stale" : "";
  },
  blockClass: (block) => `block-${block.kind}`,
  runClass: (run) => run.styles.map((style) => `run-${style}`).join(" "),
  hasMedia: (bubble) => bubble.media !== null,
  hasBlocks: (bubble) => bubble.blocks.length > 0,
  mediaText: (bubble) => text("flow.media", { kind: text(`flow.kind.${bubble.kind}`), name: bubble.media }),
  // Findings
  get errorCount() {
    return this.findings.filter((each) => each.severity === "error").length;
  },
  get findingsText() {
    if (this.checkRefusal) return this.checkRefusal;
    if (!this.checked) return text("flow.checking");
    if (this.errorCount) return counted("flow.errors", this.errorCount);
    return this.findings.length ? counted("flow.warnings", this.findings.length) : text("flow.fine");
  },
  get findingsClass() {
    if (!this.checked || this.checkRefusal) return "is-checking";
    if (this.errorCount) return "is-offline";
    return this.findings.length ? "is-degraded" : "is-online";
  },
  findingClass: (finding) => (finding.severity === "error" ? "flow-error" : "flow-warning"),
  findingText(finding) {
    const step = this.form.steps.find((each) => each.key === finding.step);
    return step ? `${this.nameOf(step)}: ${finding.detail}` : finding.detail;
  },
  /** Those at `place` (below the chosen step) and inside of it, but for what lies inside of `except`. */
  problems(place, except = "") {
    const root = `steps.${this.stepNumber}.${place}`;
    const inside = (where, outer) => where === outer || where.startsWith(`${outer}.`);
    return this.findings.filter(({ where }) => inside(where, root) && !(except && inside(where, `${root}.${except}`)));
  },
  /** Those of the step as a whole. */
  get stepProblems() {
    const root = `steps.${this.stepNumber}`;
    const own = ["", ".key", ".title"].map((field) => root + field);
    return this.findings.filter(({ where, step }) => own.includes(where) || (step === this.step.key && !where.startsWith("steps.")));
  },
  worst(step) {
    const found = this.findings.filter((each) => each.step === step.key);
    if (found.some((each) => each.severity === "error")) return "error";
    return found.length ? "warning" : "";
  },
  /** "dead" or "unreached", for the picture. */
  markOf(step) {
    const found = this.findings.find((each) => each.step === step.key && MARKS[each.code]);
    return found ? MARKS[found.code] : "";
  },
  goTo(finding) {
    const step = this.form.steps.find((each) => each.key === finding.step);
    if (!step) return;
    this.choose(step);
    const [, , ...inner] = finding.place;
    this.$nextTick(() => this.focusAt(inner));
  },
  /** Move the focus to the innermost part of the form that shows `place`. */
  focusAt(place) {
    for (let length = place.length; length > 0; length -= 1) {
      const part = this.$refs.form.querySelector(`[data-place="${CSS.escape(place.slice(0, length).join("."))}"]`);
      const field = part?.querySelector("input, textarea, select, button");
      if (field) {
        field.focus();
        part.scrollIntoView({ block: "nearest" });
        return;
      }
    }
    this.$refs.title.focus();
  },
};
