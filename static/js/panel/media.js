// The media library: uploading, finding, looking at what uses a file, renaming and deleting.
import { api } from "../api.js";
import { ago, initial, moment, text } from "../dom.js";
import { attempt, confirmed } from "../feedback.js";
import { mediaFiles, sizeText } from "./media-files.js";
import { mediaUploads } from "./media-uploads.js";
import { mixed } from "./mixing.js";

const NEARLY_FULL = 90; // percent

const own = {
  files: [],
  room: { used: 0, limit: 0 },
  more: false,
  kind: "",
  words: "",
  renaming: 0,
  newName: "",
  busy: false,
  asked: 0,
  init() {
    Object.assign(this, initial(this.$root));
  },
  async read(after = 0) {
    const asked = (this.asked += 1);
    const query = new URLSearchParams({ kind: this.kind, words: this.words, after });
    const [ok, found] = await attempt(() => api.get(`/panel/live/media?${query}`));
    if (!ok || asked !== this.asked) return;
    const files = after ? [...this.files, ...found.files] : found.files;
    Object.assign(this, { files, more: found.more, room: found.room });
  },
  find() {
    return this.read();
  },
  older() {
    return this.read(this.files[this.files.length - 1].id);
  },
  uploaded() {
    return this.read();
  },
  showAll() {
    Object.assign(this, { kind: "", words: "" });
    return this.read();
  },

  // One file
  useText(use) {
    if (use.kind === "flow") return text(use.version ? "media.use.version" : "media.use.flow", use);
    return text(`media.use.${use.kind}`, use);
  },
  useAddress: (use) => ({ flow: `/panel/flows/${use.id}`, broadcast: `/panel/broadcasts/${use.id}`, plugin: `/panel/bots/${use.id}` })[use.kind],
  useKey: (use) => `${use.kind} ${use.id} ${use.step} ${use.version}`,
  isUsed: (file) => file.uses.length > 0,
  isUnused: (file) => file.uses.length === 0,
  agoOf: (file) => ago(file.created_at),
  momentOf: (file) => moment(file.created_at),
  saveAddress: (file) => `/api/v1/media/${file.id}/content`,
  saveLabel: (file) => text("media.save", file),
  openLabel: (file) => text("media.open", file),
  removeLabel: (file) => text("media.remove", file),
  renameLabel: (file) => text("media.rename", file),
  isRenaming(file) {
    return this.renaming === file.id;
  },
  isNotRenaming(file) {
    return this.renaming !== file.id;
  },
  beginRenaming(file, event) {
    const card = event.currentTarget.closest("li");
    Object.assign(this, { renaming: file.id, newName: file.name });
    this.$nextTick(() => card.querySelector("form input").focus());
  },
  endRenaming() {
    this.renaming = 0;
  },
  async rename(file) {
    const [ok] = await attempt(() => api.patch(`/api/v1/media/${file.id}`, { name: this.newName }), "media.renamed");
    if (!ok) return;
    this.endRenaming();
    await this.read();
  },
  async remove(file) {
    if (!(await confirmed(text("media.delete.title", file), text("media.delete.text"), text("media.delete.action")))) return;
    this.busy = true;
    await attempt(() => api.remove(`/api/v1/media/${file.id}`), "media.deleted");
    await this.read();
    this.busy = false;
  },

  // The whole
  get roomText() {
    const values = { used: sizeText(this.room.used), limit: sizeText(this.room.limit) };
    return text(this.room.limit ? "media.room" : "media.room_unlimited", values);
  },
  get hasLimit() {
    return this.room.limit > 0;
  },
  get share() {
    return this.room.limit ? Math.min(100, (100 * this.room.used) / this.room.limit) : 0;
  },
  get shareClass() {
    return this.share >= NEARLY_FULL ? "is-hot" : "";
  },
  get isNarrowed() {
    return this.kind !== "" || this.words !== "";
  },
  get some() {
    return this.files.length > 0;
  },
  get none() {
    return !this.some && !this.isNarrowed;
  },
  get nothingFound() {
    return !this.some && this.isNarrowed;
  },
};

document.addEventListener("alpine:init", () => {
  Alpine.data("media", () => mixed(own, mediaFiles, mediaUploads));
});
