// Toasts and the question before something destructive, for every component.
import { text } from "./dom.js";

/** Show a short message; tone is "good", "error" or "". */
export function toast(message, tone = "good") {
  document.dispatchEvent(new CustomEvent("toast", { detail: { text: message, tone } }));
}

/** Ask before something that can't be taken back; resolves to true when the person agrees. */
export function confirmed(title, message, action) {
  return new Promise((resolve) => {
    document.dispatchEvent(new CustomEvent("confirm", { detail: { title, text: message, action, resolve } }));
  });
}

/** Ask a person who signed in a while ago for the password; resolves to true once it was right. */
export function passwordConfirmed() {
  return new Promise((resolve) => {
    document.dispatchEvent(new CustomEvent("confirm-password", { detail: resolve }));
  });
}

/** Run `work`; a failure becomes a toast. Resolves to [ok, result]. */
export async function attempt(work, good = "") {
  try {
    const result = await work();
    if (good) toast(text(good));
    return [true, result];
  } catch (error) {
    toast(error.message, "error");
    return [false, error];
  }
}
