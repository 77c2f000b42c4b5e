// Dialog forms: busy while sending, an error at its field, closed when it worked. Spread into components.
export const dialogForm = {
  busy: false,
  failure: "",
  errors: {},
  open() {
    this.failure = "";
    this.errors = {};
    this.$root.showModal();
  },
  close() {
    this.$root.close();
  },
  /** Run `work`; its error goes to the field it names if the form shows that field, else above the buttons. */
  async submitting(work) {
    if (this.busy) return;
    this.busy = true;
    this.failure = "";
    this.errors = {};
    try {
      await work();
    } catch (error) {
      const shown = error.field && this.$root.querySelector(`[name="${CSS.escape(error.field)}"]`);
      if (shown) {
        this.errors = { [error.field]: error.message };
        shown.focus();
      } else {
        this.failure = error.message;
      }
    } finally {
      this.busy = false;
    }
  },
  invalid(field) {
    return this.errors[field] ? "true" : "false";
  },
  problem(field) {
    return this.errors[field] ?? "";
  },
};
