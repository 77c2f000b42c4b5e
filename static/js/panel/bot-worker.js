// A bot's own program: what waits for it, when it last asked, its token, and its beginning and end.
import { api } from "../api.js";
import { ago, text } from "../dom.js";
import { attempt, confirmed } from "../feedback.js";

const EVERY_MS = 5000;

document.addEventListener("alpine:init", () => {
  Alpine.data("botWorker", () => ({
    worker: null,
    token: "",
    redisUrl: "",
    isRead: false,
    busy: false,
    timer: 0,
    show(tab) {
      clearInterval(this.timer);
      if (tab !== "worker") return;
      queueMicrotask(() => this.read()); // outside: what it reads shall not bring it here again
      this.timer = setInterval(() => document.hidden || this.read(), EVERY_MS);
    },
    get base() {
      return `/api/v1/bots/${this.$root.dataset.bot}/worker`;
    },
    async read() {
      const [ok, found] = await attempt(() => api.get(`/panel/live/bots/${this.$root.dataset.bot}/worker`));
      if (ok) Object.assign(this, { worker: found.worker, isRead: true });
    },
    async ask(question, done) {
      this.busy = true;
      const [ok, answer] = await attempt(question, done);
      if (ok && answer) Object.assign(this, { token: answer.worker_token, redisUrl: answer.redis_url || "" });
      await this.read();
      this.busy = false;
    },
    async give() {
      const question = [text("worker.give.title"), text("worker.give.text"), text("worker.give.action")];
      if (await confirmed(...question)) await this.ask(() => api.post(this.base, {}), "worker.given");
    },
    async renew() {
      const question = [text("worker.renew.title"), text("worker.renew.text"), text("worker.renew.action")];
      if (await confirmed(...question)) await this.ask(() => api.post(`${this.base}/token`, {}), "worker.renewed");
    },
    async end() {
      const question = [text("worker.end.title"), text("worker.end.text"), text("worker.end.action")];
      if (!(await confirmed(...question))) return;
      this.token = this.redisUrl = "";
      await this.ask(() => api.remove(this.base), "worker.ended");
    },
    get some() {
      return this.worker !== null;
    },
    get none() {
      return this.isRead && !this.some;
    },
    get statusText() {
      return this.some ? text(`worker.status.${this.worker.status}`) : "";
    },
    get reason() {
      return this.some ? this.worker.status_reason : "";
    },
    get lag() {
      return this.some ? this.worker.lag : 0;
    },
    get seenText() {
      return this.some && this.worker.last_seen_at ? ago(this.worker.last_seen_at) : text("worker.never");
    },
    get tokenText() {
      return this.some && this.worker.token_made_at ? ago(this.worker.token_made_at) : text("worker.no_token");
    },
    get variables() {
      return this.some && this.worker.env_vars.length ? this.worker.env_vars.join(", ") : text("worker.no_variables");
    },
    get redisReason() {
      return this.some ? this.worker.redis.reason : "";
    },
    get refusedText() {
      return this.some && this.worker.redis.refused ? `${this.worker.redis.refused}: ${this.worker.redis.refusal}` : "";
    },
    get redisLines() {
      if (!this.some || !this.worker.redis.url) return "";
      const name = this.worker.bot_id;
      const url = this.redisUrl || this.worker.redis.url.replace("@", ":…@");
      return `export REDIS_URL=${url}\nexport INCOMING_STREAM=${name}_incoming OUTGOING_STREAM=${name}_outgoing CONSUMER_GROUP=${name}_workers`;
    },
    get lines() {
      return `export API_URL=${window.location.origin}\nexport WORKER_TOKEN=${this.token || "…"}\ncurl -H "Authorization: Bearer $WORKER_TOKEN" "$API_URL/api/v1/runtime/next?wait=20"`;
    },
  }));
});
