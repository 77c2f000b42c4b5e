// The "live" badge and the banner, fed by one poll. Spread into components that poll.
import { text } from "../dom.js";
import { poll } from "../live.js";
import { watch } from "./watch.js";

const clock = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "medium" });

export const liveness = {
  liveState: "wait",
  lastGood: null,
  liveText() {
    return text(`live.${this.liveState}`, { time: this.lastGood ? clock.format(this.lastGood) : "–" });
  },
};

/** Poll `path` for `component`; returns a function that asks at once. */
export function follow(component, path, everyMs, onData) {
  return poll(
    path,
    everyMs,
    (data) => {
      component.lastGood = new Date();
      announce("system", data.problems ?? []);
      if (data.down) watch(data.down);
      if (data.unread !== undefined) announce("unread", data.unread);
      onData(data);
    },
    (state, error) => {
      component.liveState = state;
      component.lastGood ??= new Date();
      if (state === "lost") announce("system", [{ code: cause(error), fatal: true, text: text(`away.${cause(error)}`) }]);
    },
  );
}

function announce(name, detail) {
  document.dispatchEvent(new CustomEvent(name, { detail }));
}

function cause(error) {
  return error.code === "database_unavailable" ? "database" : "connection";
}
