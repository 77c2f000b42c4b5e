// The form of one step: its messages with rows of buttons, what it does, what it waits for and where it goes on.
import { text } from "../dom.js";
import { reordered } from "./drag-order.js";
import { newAction, newArm, newButton, newCase, newFollowUp, newMessage, newPair, newReply, newRow, newUnless } from "./flow-form.js";

const MOST_ROWS = 100;
const MOST_IN_ROW = 8;

const MAKERS = { messages: newMessage, actions: newAction, replies: newReply, followUps: newFollowUp, cases: newCase, arms: newArm, body: newPair, save: newPair, variables: newPair, unless: newUnless };

// Mixed into the editor.
export const flowStep = {
  /** Another item of the list `name` of a part of the step, its first field with the focus. */
  addTo(part, name, event) {
    part[name].push(MAKERS[name]());
    const { previousElementSibling: shown } = event.currentTarget.closest("[data-add]") ?? event.currentTarget;
    this.$nextTick(() => shown?.querySelector(":scope > :last-of-type :is(input, textarea, select)")?.focus());
  },
  removeFrom(items, item, event) {
    const section = event.currentTarget.closest("fieldset, section");
    items.splice(items.indexOf(item), 1);
    this.$nextTick(() => section?.querySelector("button")?.focus()); // the focus stays near
  },
  shift(items, index, by) {
    if (items[index + by]) reordered(items, index, index + by);
  },
  isFirstOf: (index) => index === 0,
  isLastOf: (items, index) => index === items.length - 1,
  label: (key, index) => text(`flow.label.${key}`, { number: index + 1 }),
  buttonLabel: (key, row, index) => text(`flow.label.${key}`, { row: row + 1, number: index + 1 }),
  at: (...parts) => parts.join("."),
  // Messages
  isMedia: (message) => message.kind !== "text",
  textLabel: (message) => text(message.kind === "text" ? "flow.text" : "flow.caption"),
  hasNoText: (message) => message.kind === "video_note",
  addRow(message) {
    if (message.rows.length < MOST_ROWS) message.rows.push(newRow());
  },
  addButton(row) {
    if (row.buttons.length < MOST_IN_ROW) row.buttons.push(newButton());
  },
  rowIsFull: (row) => row.buttons.length >= MOST_IN_ROW,
  removeButton(message, row, button) {
    row.buttons.splice(row.buttons.indexOf(button), 1);
    if (row.buttons.length === 0) message.rows.splice(message.rows.indexOf(row), 1);
  },
  /** One place on, across rows: from a row's end to the next row's beginning. */
  shiftButton(message, row, index, by) {
    if (row.buttons[index + by]) {
      reordered(row.buttons, index, index + by);
      return;
    }
    const beside = message.rows[message.rows.indexOf(row) + by];
    if (!beside || this.rowIsFull(beside)) return;
    const [button] = row.buttons.splice(index, 1);
    beside.buttons.splice(by < 0 ? beside.buttons.length : 0, 0, button);
    if (row.buttons.length === 0) message.rows.splice(message.rows.indexOf(row), 1);
  },
  wantsUrl: (button) => button.kind === "url" || button.kind === "web_app",
  wantsStep: (button) => ["step", "tag", "pay"].includes(button.kind),
  // The rest
  isKind: (part, ...kinds) => kinds.includes(part.kind),
  hasNext: (step) => step.then.kind !== "",
  /** A branch or a split begins with the ways that it needs at least. */
  nextChanged(step) {
    const { then } = step;
    if (then.kind === "branch" && then.cases.length === 0) then.cases.push(newCase());
    if (then.kind === "split") {
      ["a", "b"].slice(then.arms.length).forEach((name) => then.arms.push(newArm({ name, percent: 50 })));
      then.name ||= step.key.replace(/^[^a-z]+/, "").slice(0, 30) || "split";
    }
  },
  sumText: (then) => text("experiment.sum", { sum: then.arms.reduce((sum, arm) => sum + Number(arm.percent), 0) }),
  isAnyReply: (reply) => reply.equals === "" && reply.contains === "",
};
