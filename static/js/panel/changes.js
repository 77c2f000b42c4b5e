// Changes of configurations, `{path, old, new}`, in words.
import { counted, text } from "../dom.js";

const MOST_SHOWN = 12; // changes; the rest is counted
const LONGEST_VALUE = 80; // characters of one side

function sideOf(value) {
  if (value === null) return text("behaviour.nothing");
  const written = typeof value === "string" ? value : JSON.stringify(value);
  return written.length > LONGEST_VALUE ? `${written.slice(0, LONGEST_VALUE)}…` : written;
}

/** What every component that shows changes says of them. */
export const changeWords = {
  shownOf: (changes) => changes.slice(0, MOST_SHOWN),
  moreOf: (changes) => (changes.length > MOST_SHOWN ? counted("behaviour.more", changes.length - MOST_SHOWN) : ""),
  changeText: (change) => `${sideOf(change.old)} → ${sideOf(change.new)}`,
};
