// Custom plugins: which version of each file serves in how many processes, what is wrong, and looking again.
import { api } from "../api.js";
import { initial, symbol, text } from "../dom.js";
import { attempt } from "../feedback.js";
import { follow, liveness } from "./liveness.js";

const EVERY_MS = 2000;
const LOOKS = {
  ok: ["is-online", "check-circle"],
  mixed: ["is-checking", "restart"],
  waiting: ["is-checking", "clock"],
  problem: ["is-degraded", "alert"],
  missing: ["is-offline", "x-circle"],
};

const stateOf = (file) => {
  if (file.served.length === 0) return "missing";
  if (file.problems.length > 0) return "problem";
  if (file.waiting.length > 0) return "waiting";
  return file.served.length > 1 || file.served[0].processes.length < file.processes ? "mixed" : "ok";
};

document.addEventListener("alpine:init", () => {
  Alpine.data("pluginFiles", () => ({
    ...liveness,
    files: [],
    busy: false,
    init() {
      this.files = initial(this.$root).files;
      this.refresh = follow(this, "/panel/live/plugins", EVERY_MS, (data) => {
        this.files = data.files;
      });
    },
    async reload() {
      this.busy = true;
      await attempt(() => api.post("/api/v1/plugin-files/reload"), "plugins_reloading");
      this.busy = false;
      this.refresh();
    },
    lookOf: (file) => LOOKS[stateOf(file)][0],
    symbolOf: (file) => symbol(LOOKS[stateOf(file)][1]),
    stateText: (file) => text(`plugins.${stateOf(file)}`),
    servedText: (file, version) => text("plugins.served", { ...version, n: version.processes.length, total: file.processes }),
    waitingText: (_file, version) => text("plugins.waits", version),
    problemText(file, problem) {
      const told = text(problem.line ? "plugins.where" : "plugins.wrong", { ...problem, file: file.file });
      if (problem.processes.length === file.processes) return told;
      return `${told}, ${text("plugins.some", { n: problem.processes.length, total: file.processes })}`;
    },
    get some() {
      return this.files.length > 0;
    },
    get none() {
      return this.files.length === 0;
    },
  }));
});
