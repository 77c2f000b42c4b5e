// The files that people sent to a bot: a page of them, the account's room, saving and deleting.
import { api } from "../api.js";
import { ago, hasText, language, moment, text } from "../dom.js";
import { attempt, confirmed } from "../feedback.js";

const KB = 1024;
const NEARLY_FULL = 90; // percent
const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"];

function sizeText(bytes) {
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log(Math.max(1, bytes)) / Math.log(KB)));
  const form = { style: "unit", unit: UNITS[step], unitDisplay: "short", maximumFractionDigits: 1 };
  return new Intl.NumberFormat(language, form).format(bytes / KB ** step);
}

document.addEventListener("alpine:init", () => {
  Alpine.data("botFiles", () => ({
    files: [],
    used: 0,
    limit: 0,
    page: 1,
    more: false,
    isRead: false,
    busy: false,
    show(tab) {
      if (tab === "files") queueMicrotask(() => this.read()); // outside: what it reads shall not bring it here again
    },
    async read() {
      const asked = this.page;
      const [ok, found] = await attempt(() => api.get(`/panel/live/bots/${this.$root.dataset.bot}/files?page=${asked}`));
      if (!ok || asked !== this.page) return;
      Object.assign(this, found, { isRead: true });
      if (found.files.length === 0 && asked > 1) await this.turnTo(asked - 1);
    },
    turnTo(page) {
      this.page = page;
      return this.read();
    },
    former() {
      return this.turnTo(this.page - 1);
    },
    following() {
      return this.turnTo(this.page + 1);
    },
    async remove(file) {
      if (!(await confirmed(text("files.delete.title", file), text("files.delete.text"), text("files.delete.action")))) return;
      this.busy = true;
      await attempt(() => api.remove(`/api/v1/files/${file.id}`), "files.deleted");
      await this.read();
      this.busy = false;
    },
    contentOf: (file) => `/api/v1/files/${file.id}/content`,
    kindOf: (file) => (hasText(`files.kind.${file.kind}`) ? text(`files.kind.${file.kind}`) : file.kind),
    personOf: (file) => file.person || text("files.person", { id: file.telegram_id }),
    sizeOf: (file) => sizeText(file.size),
    agoOf: (file) => ago(file.created_at),
    momentOf: (file) => moment(file.created_at),
    saveLabel: (file) => text("files.save", file),
    removeLabel: (file) => text("files.remove", file),
    get usedText() {
      const values = { used: sizeText(this.used), limit: sizeText(this.limit) };
      return text(this.limit ? "files.used" : "files.used_unlimited", values);
    },
    get share() {
      return this.limit ? Math.min(100, (100 * this.used) / this.limit) : 0;
    },
    get shareClass() {
      return this.share >= NEARLY_FULL ? "is-hot" : "";
    },
    get isFirst() {
      return this.page <= 1;
    },
    get isLast() {
      return !this.more;
    },
    get paged() {
      return this.more || this.page > 1;
    },
    get some() {
      return this.files.length > 0;
    },
    get none() {
      return this.isRead && !this.some && this.page === 1;
    },
  }));
});
