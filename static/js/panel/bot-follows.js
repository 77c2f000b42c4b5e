import { api } from "../api.js";
import { attempt } from "../feedback.js";

document.addEventListener("alpine:init", () => {
  // Lets a bot follow its pool no more; the page then comes anew, with its forms open.
  Alpine.data("botFollows", () => ({
    async stop() {
      const [ok] = await attempt(() => api.put(`/api/v1/bots/${this.$root.dataset.bot}/follows`, { pool_id: null }));
      if (ok) window.location.reload();
    },
  }));
});
