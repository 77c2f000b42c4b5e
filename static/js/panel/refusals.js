// Fields that are saved as soon as they are changed. What is refused stays in its field, with the reason beside it, until
// it is corrected: the next answer of the server does not put the former value back. Spread into components.
import { text } from "../dom.js";
import { toast } from "../feedback.js";

export const refusals = {
  refused: {},
  /** Run `work`, which saves `value` as `field`; resolves to its result, or to null when it was refused. */
  async saving(field, value, work) {
    try {
      const result = await work();
      this.refused = Object.fromEntries(Object.entries(this.refused).filter(([name]) => name !== field));
      toast(text("saved"));
      return result ?? {};
    } catch (error) {
      this.refused = { ...this.refused, [field]: { value, message: error.message } };
      return null;
    }
  },
  /** What `field` shows: what was typed and refused, else what is saved. */
  shownValue(field, saved) {
    return field in this.refused ? this.refused[field].value : saved;
  },
  invalid(field) {
    return field in this.refused ? "true" : "false";
  },
  problem(field) {
    return this.refused[field]?.message ?? "";
  },
};
