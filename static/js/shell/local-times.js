// Moments that the server wrote in UTC, in the reader's own time zone.
import { moment } from "../dom.js";

for (const element of document.querySelectorAll("time[data-local]")) {
  element.textContent = moment(element.dateTime);
}
