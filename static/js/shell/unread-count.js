document.addEventListener("alpine:init", () => {
  Alpine.data("unreadCount", () => ({
    unread: 0,
    init() {
      this.unread = Number(this.$root.dataset.unread);
      document.addEventListener("unread", (event) => (this.unread = event.detail));
    },
    get shown() {
      return this.unread > 0;
    },
    get count() {
      return this.unread > 99 ? "99+" : String(this.unread);
    },
  }));
});
