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
  /** Run `work`; its error goes beside the field it names, `arms.0.pool_id` to `arms`, else above the buttons. */
  async submitting(work) {
    if (this.busy) return;
    this.busy = true;
    this.failure = "";
    this.errors = {};
    try {
      await work();
    } catch (error) {
      this.refuse(error);
    } finally {
      this.busy = false;
    }
  },
  refuse(error) {
    const field = [error.field, error.field?.split(".")[0]].find((name) => name && this.places(name).length > 0);
    if (!field) {
      this.failure = error.message;
      return;
    }
    this.errors = { [field]: error.message };
    const inputs = [...this.$root.querySelectorAll(`[name="${CSS.escape(field)}"]`)];
    inputs.find((input) => input.offsetParent)?.focus();
  },
  /** Where the form says what is wrong with `field`; those of hidden parts do not count. */
  places(field) {
    const found = [...this.$root.querySelectorAll(`[data-problem="${CSS.escape(field)}"]`)];
    return found.filter((place) => place.parentElement.offsetParent);
  },
  invalid(field) {
    return this.errors[field] ? "true" : "false";
  },
  problem(field) {
    return this.errors[field] ?? "";
  },
};
