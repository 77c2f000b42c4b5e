import { api } from "../api.js";
import { ago, text } from "../dom.js";
import { toast } from "../feedback.js";
import { dialogForm } from "./form.js";

// Whom this browser chose last, per bot: usually oneself.
const remembered = {
  get: (bot) => Number(localStorage.getItem(`flotilla.test.${bot}`)),
  set: (bot, id) => localStorage.setItem(`flotilla.test.${bot}`, String(id)),
};

document.addEventListener("alpine:init", () => {
  // Sends a text of a plugin to one person: the account's own chat, or somebody who pressed Start lately.
  Alpine.data("testText", () => ({
    ...dialogForm,
    wanted: { bot: 0 },
    people: [],
    chosen: 0,
    looked: false,
    init() {
      document.addEventListener("test-text", (event) => this.start(event.detail));
    },
    start(wanted) {
      this.wanted = wanted;
      this.looked = false;
      this.people = [];
      this.chosen = 0;
      this.open();
      this.look();
    },
    look() {
      this.submitting(async () => {
        this.people = (await api.get(`/api/v1/bots/${this.wanted.bot}/texts/recipients`)).items;
        this.looked = true;
        const last = remembered.get(this.wanted.bot);
        const usual = this.people.find((person) => person.telegram_id === last) ?? this.people.find((person) => person.is_own);
        this.chosen = usual?.telegram_id ?? 0;
      });
    },
    choose(person) {
      this.chosen = person.telegram_id;
    },
    isChosen(person) {
      return this.chosen === person.telegram_id;
    },
    send() {
      this.submitting(async () => {
        const { bot, ...content } = this.wanted;
        await api.post(`/api/v1/bots/${bot}/texts/test`, { ...content, telegram_id: this.chosen });
        remembered.set(bot, this.chosen);
        toast(text("text_test.sent", { name: this.nameOf(this.people.find((person) => this.isChosen(person))) }));
        this.close();
      });
    },
    nameOf: (person) => person.name || (person.username && `@${person.username}`) || text("text_test.own"),
    details(person) {
      const name = person.name && person.username ? `@${person.username}` : "";
      const started = person.started_at ? text("text_test.started", { when: ago(person.started_at) }) : "";
      return [name, started].filter(Boolean).join(" · ");
    },
    get some() {
      return this.people.length > 0;
    },
    get none() {
      return this.looked && this.people.length === 0;
    },
    get cannotSend() {
      return this.busy || this.chosen === 0;
    },
  }));
});
