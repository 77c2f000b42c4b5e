document.addEventListener("alpine:init", () => {
  Alpine.data("autoSubmit", () => ({
    submit() {
      this.$root.submit();
    },
  }));
});
