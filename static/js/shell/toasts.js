const SHOWN_MS = 6000;
let last = 0;

// A modal dialog makes everything outside it inert: neither seen above it, nor clicked, nor read aloud. So messages
// stand inside the uppermost dialog while one is open, and as a popover above it.
const uppermost = () => [...document.querySelectorAll("dialog:modal")].at(-1) ?? document.body;

document.addEventListener("alpine:init", () => {
  Alpine.data("toasts", () => ({
    items: [],
    init() {
      document.addEventListener("toast", (event) => this.show(event.detail));
      document.addEventListener("close", () => this.items.length > 0 && this.rise(), true);
    },
    show({ text, tone }) {
      this.rise();
      last += 1;
      const id = last;
      this.items.push({ id, text, tone, role: tone === "error" ? "alert" : "status" });
      window.setTimeout(() => this.dismiss(id), tone === "error" ? SHOWN_MS * 2 : SHOWN_MS);
    },
    rise() {
      if (this.$root.parentElement !== uppermost()) uppermost().append(this.$root);
      if (this.$root.matches(":popover-open")) this.$root.hidePopover(); // shown anew it lies above what was opened since
      this.$root.showPopover();
    },
    dismiss(id) {
      this.items = this.items.filter((item) => item.id !== id);
    },
  }));
});
