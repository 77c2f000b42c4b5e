import { text } from "../dom.js";
import { toast } from "../feedback.js";
import { notify, noticesWanted, wantNotices } from "./watch.js";

document.addEventListener("alpine:init", () => {
  // Notifications of this browser while a tab of the panel is open: off until somebody switches them on here.
  Alpine.data("browserNotices", () => ({
    on: false,
    possible: "Notification" in window,
    init() {
      this.on = noticesWanted();
    },
    get pressed() {
      return this.on ? "true" : "false";
    },
    get label() {
      return text(this.on ? "notices.on" : "notices.off");
    },
    async toggle() {
      if (this.on) {
        this.on = false;
        wantNotices(false);
        return;
      }
      try {
        if ((await Notification.requestPermission()) !== "granted") throw new TypeError("refused");
        notify("Flotilla", text("notices.sample"));
        this.on = true;
        wantNotices(true);
      } catch {
        toast(text("notices.refused"), "error");
      }
    },
  }));
});
