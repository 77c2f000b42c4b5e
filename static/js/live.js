// Polling that tells the truth: "live" while answers come, "lost" when they do not; slow while nobody looks.
import { api } from "./api.js";

const PATIENCE_MS = 30000;
const HIDDEN_MS = 30000;

/** Call `onData(data)` with the JSON of `path` every `everyMs`; `onState("live"|"lost")` when that changes. */
export function poll(path, everyMs, onData, onState) {
  let timer = 0;
  let failures = 0;
  let latest = 0;
  const again = () => {
    window.clearTimeout(timer);
    const patient = Math.min(everyMs * 2 ** Math.min(failures, 4), PATIENCE_MS);
    timer = window.setTimeout(step, document.hidden ? HIDDEN_MS : patient);
  };
  const step = async () => {
    latest += 1;
    const turn = latest;
    try {
      const data = await api.get(typeof path === "function" ? path() : path);
      if (turn !== latest) return; // asked again meanwhile: the newer answer counts
      onData(data);
      failures = 0;
      onState("live");
    } catch (error) {
      if (turn !== latest) return;
      failures += 1;
      onState("lost", error);
    }
    again();
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? again() : step()));
  window.addEventListener("online", step);
  timer = window.setTimeout(step, 300);
  return step;
}
