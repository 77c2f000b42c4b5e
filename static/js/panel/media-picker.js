// The dialog in which a file of the library is chosen for a message. Opened by pickMedia (media-choice.js).
import { api } from "../api.js";
import { text } from "../dom.js";
import { attempt } from "../feedback.js";
import { kindText, mediaFiles } from "./media-files.js";
import { mediaUploads } from "./media-uploads.js";
import { mixed } from "./mixing.js";

const own = {
  kind: "photo",
  words: "",
  files: [],
  more: false,
  isRead: false,
  asked: 0,
  choose: null,
  init() {
    document.addEventListener("pick-media", (event) => this.open(event.detail));
  },
  open({ kind, choose }) {
    Object.assign(this, { kind, choose, words: "", files: [], isRead: false });
    this.$root.showModal();
    return this.read();
  },
  close() {
    this.$root.close();
  },
  async read(after = 0) {
    const asked = (this.asked += 1);
    const query = new URLSearchParams({ words: this.words, after });
    const [ok, found] = await attempt(() => api.get(`/panel/live/media?${query}`));
    if (!ok || asked !== this.asked) return;
    const files = after ? [...this.files, ...found.files] : found.files;
    Object.assign(this, { files, more: found.more, isRead: true });
  },
  find() {
    return this.read();
  },
  older() {
    return this.read(this.files[this.files.length - 1].id);
  },
  /** What was uploaded here is what was meant, if it can be sent so. */
  async uploaded(file) {
    if (file.kinds.includes(this.kind)) this.take(file);
    else await this.read();
  },
  take(file) {
    this.choose(file);
    this.close();
  },
  get title() {
    return text("media.pick.title", { kind: kindText(this.kind) });
  },
  get fitting() {
    return this.files.filter((file) => file.kinds.includes(this.kind));
  },
  get none() {
    return this.isRead && this.fitting.length === 0;
  },
};

document.addEventListener("alpine:init", () => {
  Alpine.data("mediaPicker", () => mixed(own, mediaFiles, mediaUploads));
});
