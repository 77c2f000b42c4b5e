// What a text of a broadcast is in the form: a message of its own, or a step of a published flow. Mixed into components.
import { text } from "../dom.js";

/** What the API says of a stored variant's step, as the form keeps it. */
export function sortOf(stored) {
  const { flow = "", step = "" } = stored?.step ?? {};
  return { sort: flow ? "step" : "message", flow, step };
}

export const stepChoice = {
  flows: [],
  isStep: (variant) => variant.sort === "step",
  isMessage: (variant) => variant.sort === "message",
  /** Make it a message or a step; the first step of the first flow where none was chosen yet. */
  sortAs(variant, sort) {
    variant.sort = sort;
    if (sort === "step" && !variant.flow && this.flows.length > 0) {
      variant.flow = this.flows[0].key;
      this.flowChosen(variant);
    }
    this.typed();
  },
  flowChosen(variant) {
    variant.step = this.stepsOf(variant)[0]?.key ?? "";
  },
  hasFlows() {
    return this.flows.length > 0;
  },
  hasNoFlows() {
    return this.flows.length === 0;
  },
  flowOf(variant) {
    return this.flows.find((flow) => flow.key === variant.flow);
  },
  stepsOf(variant) {
    return this.flowOf(variant)?.steps ?? [];
  },
  isFlowOf: (variant, flow) => variant.flow === flow.key,
  isStepOf: (variant, step) => variant.step === step.key,
  /** The variant's content as the API takes it. */
  contentOf(variant) {
    return this.isStep(variant) ? { step: { flow: variant.flow, step: variant.step } } : { message: this.message(variant) };
  },
  leftOutText() {
    const bots = this.plan?.left_out ?? [];
    return bots.length > 0 ? text("compose.left_out", { bots: bots.map((name) => `@${name}`).join(", ") }) : "";
  },
};
