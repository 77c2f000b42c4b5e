document.addEventListener("alpine:init", () => {
  Alpine.data("confirmation", () => ({
    title: "",
    text: "",
    action: "",
    resolve: null,
    init() {
      document.addEventListener("confirm", (event) => this.ask(event.detail));
    },
    ask(question) {
      Object.assign(this, question);
      this.$root.returnValue = "no";
      this.$root.showModal();
    },
    closed() {
      this.resolve?.(this.$root.returnValue === "yes");
      this.resolve = null;
    },
  }));
});
