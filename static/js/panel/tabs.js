document.addEventListener("alpine:init", () => {
  // Tabs as the ARIA pattern wants them: arrows move, the address remembers.
  Alpine.data("tabs", () => ({
    names: [],
    current: "",
    init() {
      this.names = this.$root.dataset.tabs.split(" ");
      this.follow();
      window.addEventListener("hashchange", () => this.follow());
    },
    follow() {
      const wanted = window.location.hash.slice(1);
      this.current = this.names.includes(wanted) ? wanted : this.current || this.names[0];
      // On a phone the row of tabs is wider than the screen.
      this.$nextTick(() => document.getElementById(`tab-${this.current}`).scrollIntoView({ block: "nearest", inline: "nearest" }));
    },
    choose(name) {
      this.current = name;
      window.history.replaceState(null, "", `#${name}`);
    },
    isOpen(name) {
      return this.current === name;
    },
    selected(name) {
      return this.current === name ? "true" : "false";
    },
    tabindex(name) {
      return this.current === name ? "0" : "-1";
    },
    keys(event) {
      const at = this.names.indexOf(this.current);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: this.names.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      this.choose(this.names[(to + this.names.length) % this.names.length]);
      document.getElementById(`tab-${this.current}`).focus();
    },
  }));
});
