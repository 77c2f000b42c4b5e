// The question before a replay, and the replay: a dry run tells how many first.
import { api } from "../api.js";
import { counted, number, text } from "../dom.js";
import { attempt, confirmed, toast } from "../feedback.js";

const PATH = "/api/v1/dead-letters/replay";

export const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

/** Replay `selection` ({ids} or {filter}) when the person agrees; true when it began. */
export async function askAndReplay(selection, uncertain = false) {
  const [planned, plan] = await attempt(() => api.post(PATH, { ...selection, dry_run: true }));
  if (!planned) return false;
  if (!plan.replaying) {
    toast(text("letter.nothing"), "error");
    return false;
  }
  const values = { n: number(plan.replaying) };
  const question = text(uncertain ? "replay_letters.uncertain" : "replay_letters.text");
  if (!(await confirmed(text("replay_letters.title", values), question, text("replay_letters.action")))) return false;
  const [ok, begun] = await attempt(() => api.post(PATH, selection));
  if (ok) toast(counted("letter.sent_in", begun.replaying));
  tell("letters-changed");
  return ok;
}
