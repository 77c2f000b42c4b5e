document.addEventListener("alpine:init", () => {
  // The pool's link as a picture to print.
  Alpine.data("qrDialog", () => ({
    init() {
      document.addEventListener("qr-code", () => this.$root.showModal());
    },
    close() {
      this.$root.close();
    },
  }));
});
