const SHOWN_MS = 6000;
let last = 0;

document.addEventListener("alpine:init", () => {
  Alpine.data("toasts", () => ({
    items: [],
    init() {
      document.addEventListener("toast", (event) => this.show(event.detail));
    },
    show({ text, tone }) {
      last += 1;
      const id = last;
      this.items.push({ id, text, tone });
      window.setTimeout(() => this.dismiss(id), tone === "error" ? SHOWN_MS * 2 : SHOWN_MS);
    },
    dismiss(id) {
      this.items = this.items.filter((item) => item.id !== id);
    },
  }));
});
