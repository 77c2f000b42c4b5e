// A message's file in a form: an https address, or the number of a file of the library. Mixed into components.
import { text } from "../dom.js";
import { addressOf } from "./media-files.js";

const NUMBER = /^\d+$/;
const written = (message) => String(message.media ?? "").trim();

export const mediaChoice = {
  isOfLibrary: (message) => message.kind !== "text" && NUMBER.test(written(message)),
  hasPicture: (message) => ["photo", "animation"].includes(message.kind) && NUMBER.test(written(message)),
  mediaPicture: (message) => addressOf(written(message)),
  mediaNumber: (message) => text("media.chosen", { number: written(message) }),
  /** Let a file be chosen for `message`; `chosen`, where the component has it, hears that the form changed. */
  pickMedia(message) {
    const choose = (file) => {
      message.media = String(file.id);
      this.chosenMedia?.();
    };
    document.dispatchEvent(new CustomEvent("pick-media", { detail: { kind: message.kind, choose } }));
  },
};
