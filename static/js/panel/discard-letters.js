import { api } from "../api.js";
import { counted, number } from "../dom.js";
import { toast } from "../feedback.js";
import { dialogForm } from "./form.js";
import { tell } from "./replaying.js";

document.addEventListener("alpine:init", () => {
  Alpine.data("discardLetters", () => ({
    ...dialogForm,
    selection: {},
    count: "",
    reason: "",
    init() {
      document.addEventListener("discard-letters", (event) => {
        this.selection = event.detail.selection;
        this.count = number(event.detail.count);
        this.reason = "";
        this.open();
      });
    },
    send() {
      return this.submitting(async () => {
        const answer = await api.post("/api/v1/dead-letters/discard", { ...this.selection, reason: this.reason });
        toast(counted("letter.thrown_away", answer.discarded));
        this.close();
        tell("letters-changed");
      });
    },
  }));
});
