import { symbol, text } from "../dom.js";
import { toast } from "../feedback.js";

document.addEventListener("alpine:init", () => {
  Alpine.data("copyButton", () => ({
    copied: false,
    get symbol() {
      return symbol(this.copied ? "check" : "copy");
    },
    async copy() {
      const value = this.$root.dataset.copy;
      const done = await write(value);
      toast(text(done ? "copied" : "copy_failed", { value }), done ? "good" : "error");
      this.copied = done;
      window.setTimeout(() => (this.copied = false), 2000);
    },
  }));
});

// navigator.clipboard exists only on https and localhost; a selected field works everywhere.
async function write(value) {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = value;
    const host = document.querySelector("dialog[open]") ?? document.body;
    host.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
