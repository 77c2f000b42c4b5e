document.addEventListener("alpine:init", () => {
  Alpine.data("qrCode", () => ({
    open: () => document.dispatchEvent(new CustomEvent("qr-code")),
  }));
});
