// What a form shows after it was sent, once: a secret that nobody can read again. Mixed into forms of a dialog, which have
// `close()` and fill in `id`, 0 for something new.
import { text } from "../dom.js";
import { toast } from "../feedback.js";

export const shownOnce = {
  id: 0,
  shown: null, // the server's answer, while it is shown instead of the form
  get isNew() {
    return this.id === 0;
  },
  get isOld() {
    return this.id !== 0;
  },
  get filling() {
    return this.shown === null;
  },
  get showing() {
    return this.shown !== null;
  },
  get secret() {
    return this.shown?.secret ?? "";
  },
  /** Show what was made when there is something to keep, else close; whether it is shown. */
  showOnce(made, isWorthIt = Boolean(made.secret)) {
    if (isWorthIt) {
      this.shown = made;
      return true;
    }
    toast(text("saved"));
    this.close();
    return false;
  },
};
