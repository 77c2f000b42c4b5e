// Which bot's behaviour a new one gets, for the dialogs that add bots.
import { api } from "../api.js";
import { attempt } from "../feedback.js";

export const likeChoice = {
  like: "",
  others: [],
  async readOthers() {
    const [ok, found] = await attempt(() => api.get("/panel/live/bots/names"));
    if (ok) this.others = found.bots;
  },
  hasOthers() {
    return this.others.length > 0;
  },
};
