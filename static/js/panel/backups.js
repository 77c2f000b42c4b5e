// How far a backup, or the trial of one, is; when one is done or failed the page is read anew.
import { initial, text } from "../dom.js";
import { follow, liveness } from "./liveness.js";

const EVERY_MS = 2000;

document.addEventListener("alpine:init", () => {
  Alpine.data("backups", () => ({
    ...liveness,
    running: [],
    mark: "",
    init() {
      Object.assign(this, initial(this.$root));
      follow(this, "/panel/live/backups", EVERY_MS, (data) => {
        if (data.mark !== this.mark) window.location.reload();
        this.running = data.running;
      });
    },
    does(work) {
      return this.running.some((each) => each.work === work);
    },
    lineText(each) {
      return text("backup.line", { work: text(`backup.${each.work}`), stage: text(`backup.${each.stage}`) });
    },
    isMeasured(each) {
      return each.percent !== null;
    },
    percentText(each) {
      return `${each.percent} %`;
    },
  }));
});
