// What a tab that nobody looks at tells: how many bots are down, in its title and its icon, and, where it was switched
// on, a notification of the browser for each one that went down meanwhile.
import { text } from "../dom.js";
import { looks } from "../status.js";

const DOWN = ["banned", "offline", "failed"];
const KEY = "flotilla-browser-notices";
const title = document.title;
const icon = document.querySelector("link[rel=icon]");
const icons = { up: icon.href, down: icon.dataset.down };
let known = null; // ids of the bots that were down when last looked

export const noticesWanted = () => "Notification" in window && Notification.permission === "granted" && localStorage.getItem(KEY) === "on";

/** Remember for this browser whether it notifies. */
export const wantNotices = (wanted) => localStorage.setItem(KEY, wanted ? "on" : "off");

/** Show one; throws where the browser has no notifications of a page, as on Android. */
export const notify = (heading, body) => new Notification(heading, { body, tag: "flotilla-down", icon: icons.down });

/** Tell of those `bots` ({bot_id, username, state}) that are down; one that stands in several pools counts once. */
export function watch(bots) {
  const down = new Map(bots.filter((bot) => DOWN.includes(bot.state)).map((bot) => [bot.bot_id, bot]));
  const heading = down.size > 0 ? `${text("tab.down", { count: down.size })} ${title}` : title;
  if (document.title !== heading) document.title = heading;
  const wanted = down.size > 0 ? icons.down : icons.up;
  if (icon.href !== wanted) icon.href = wanted;
  const fresh = known === null ? [] : [...down.values()].filter((bot) => !known.has(bot.bot_id));
  known = new Set(down.keys());
  if (fresh.length > 0 && document.hidden && noticesWanted()) {
    notify(heading, fresh.map((bot) => `@${bot.username}: ${looks.statusText(bot.state)}`).join("\n"));
  }
}
