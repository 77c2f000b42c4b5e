// The doctor's page: after a look was asked for, it waits until a worker has written what it found, and shows that.
import { api } from "../api.js";
import { attempt } from "../feedback.js";

const AGAIN_MS = 1500;
const PATIENCE_MS = 60_000;

document.addEventListener("alpine:init", () => {
  Alpine.data("system", () => ({
    waits: new URLSearchParams(location.search).has("waits"),
    init() {
      if (this.waits) this.look(Date.now() + PATIENCE_MS);
    },
    async look(until) {
      const [ok, told] = await attempt(() => api.get("/panel/live/admin/system"));
      if (ok && told.at && told.at !== this.$root.dataset.at) {
        location.replace(location.pathname);
        return;
      }
      if (Date.now() < until) setTimeout(() => this.look(until), AGAIN_MS);
      else this.waits = false;
    },
  }));
});
