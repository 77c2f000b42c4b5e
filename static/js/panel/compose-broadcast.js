// A broadcast being written: saved as a draft while one types, counted and shown as Telegram shows it.
import { api } from "../api.js";
import { initial, number, text } from "../dom.js";
import { attempt, confirmed, toast } from "../feedback.js";
import { sortOf, stepChoice } from "./broadcast-step.js";
import { dialogForm } from "./form.js";
import { mediaChoice } from "./media-choice.js";

const PAUSE_MS = 700; // after the last key before it is saved
const WHOLE = 100;
let keys = 0;
const key = () => (keys += 1);
const words = (typed) => typed.split(",").map((word) => word.trim()).filter(Boolean);

const stepText = ({ flow, step }) => (step ? `${flow}/${step}` : flow);

function stepOf(typed) {
  const [flow, step] = typed.split("/");
  return { flow, step: step || null };
}

function variantOf(stored) {
  const { kind = "text", text: said = "", media = null, buttons = [] } = stored?.message ?? {};
  const flat = buttons.flat().map((button) => ({ key: key(), text: button.text, url: button.url }));
  return { key: key(), percent: stored?.percent ?? WHOLE, ...sortOf(stored), kind, text: said, media: String(media ?? ""), buttons: flat };
}

document.addEventListener("alpine:init", () => {
  Alpine.data("composeBroadcast", () => ({
    ...dialogForm,
    ...mediaChoice,
    ...stepChoice,
    draftId: 0,
    name: "",
    variants: [],
    hasOptOut: true,
    isPaid: false,
    bots: [],
    pools: [],
    tagsAny: "",
    tagsNone: "",
    inactiveDays: "",
    languages: "",
    reached: "",
    notReached: "",
    rest: {}, // conditions that have no field here
    segments: [],
    perSecond: 25,
    brakePercent: 10,
    quietFrom: "",
    quietUntil: "",
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    startAt: "",
    everyHours: 0,
    goalTag: "",
    oncePerPerson: true,
    onlyNew: false,
    plan: null,
    pictures: [],
    refusal: "",
    savedText: "",
    testBot: "",
    testPerson: "",
    people: [],
    timer: 0,
    turn: 0,
    init() {
      const { draft, segments, flows } = initial(this.$root);
      Object.assign(this, { segments, flows });
      this.variants = [variantOf()];
      if (draft) this.fill(draft);
    },
    fill(draft) {
      this.draftId = draft.id;
      this.name = draft.name;
      this.variants = draft.variants.map(variantOf);
      this.hasOptOut = draft.has_opt_out;
      this.isPaid = draft.variants.every((each) => each.message?.allow_paid_broadcast);
      this.choose(draft.audience);
      this.perSecond = draft.per_second;
      this.brakePercent = draft.brake_percent;
      this.quietFrom = draft.quiet.begin;
      this.quietUntil = draft.quiet.end;
      this.timeZone = draft.quiet.time_zone || this.timeZone;
      this.everyHours = draft.every_hours;
      this.goalTag = draft.goal_tag;
      this.oncePerPerson = draft.once_per_person;
      this.onlyNew = draft.only_new;
      this.look();
    },

    choose({ bots = [], pools = [], tags_any = [], tags_none = [], inactive_days = "", languages = [], reached = [], not_reached = [], ...rest }) {
      Object.assign(this, { bots, pools, rest, inactiveDays: inactive_days ?? "" });
      this.tagsAny = tags_any.join(", ");
      this.tagsNone = tags_none.join(", ");
      this.languages = languages.join(", ");
      this.reached = reached.map(stepText).join(", ");
      this.notReached = not_reached.map(stepText).join(", ");
    },
    useSegment(event) {
      const chosen = this.segments.find((segment) => segment.id === Number(event.target.value));
      if (chosen) this.choose(chosen.conditions);
    },
    audience() {
      return {
        ...this.rest,
        bots: this.bots.map(Number),
        pools: this.pools.map(Number),
        tags_any: words(this.tagsAny),
        tags_none: words(this.tagsNone),
        languages: words(this.languages),
        reached: words(this.reached).map(stepOf),
        not_reached: words(this.notReached).map(stepOf),
        inactive_days: this.inactiveDays ? Number(this.inactiveDays) : null,
      };
    },

    // Its texts
    get isTest() {
      return this.variants.length > 1;
    },
    get testLabel() {
      return text(this.isTest ? "compose.one_text" : "compose.two_texts");
    },
    toggleTest() {
      this.variants = this.isTest ? [this.variants[0]] : [this.variants[0], variantOf()];
      this.variants.forEach((variant) => (variant.percent = WHOLE / this.variants.length));
      this.typed();
    },
    variantTitle(index) {
      return this.isTest ? text("compose.variant", { name: this.variantName(index) }) : text("compose.text");
    },
    variantName: (index) => "AB"[index],
    hasMedia: (variant) => variant.kind !== "text",
    addButton(variant) {
      variant.buttons.push({ key: key(), text: "", url: "" });
    },
    removeButton(variant, at) {
      variant.buttons.splice(at, 1);
      this.typed();
    },
    buttonLabel: (at) => text("compose.button_text", { number: at + 1 }),
    addressLabel: (at) => text("compose.button_url", { number: at + 1 }),
    removeLabel: (at) => text("compose.remove_button", { number: at + 1 }),

    // Saving
    typed() {
      clearTimeout(this.timer);
      this.turn += 1; // what is on its way is of what stood before
      this.savedText = "";
      this.timer = setTimeout(() => this.look(), PAUSE_MS);
    },
    get isWhole() {
      return this.name.trim() !== "" && this.variants.every((variant) => this.isFilled(variant));
    },
    isFilled(variant) {
      if (this.isStep(variant)) return variant.step !== "";
      return variant.kind === "text" ? variant.text.trim() !== "" : variant.media.startsWith("https://") || this.isOfLibrary(variant);
    },
    chosenMedia() {
      this.typed();
    },
    fileOf(variant) {
      if (variant.kind === "text") return null;
      return this.isOfLibrary(variant) ? Number(variant.media) : variant.media;
    },
    message(variant) {
      const rows = variant.buttons.filter((button) => button.text && button.url);
      return {
        kind: variant.kind,
        text: variant.text,
        media: this.fileOf(variant),
        buttons: rows.map((button) => [{ kind: "url", text: button.text, url: button.url }]),
        allow_paid_broadcast: this.isPaid,
      };
    },
    body() {
      const parts = this.variants.map((variant, at) => ({ name: this.variantName(at), percent: Number(variant.percent), ...this.contentOf(variant) }));
      const isQuiet = this.quietFrom && this.quietUntil;
      return {
        name: this.name,
        variants: parts,
        audience: this.audience(),
        has_opt_out: this.hasOptOut,
        per_second: Number(this.perSecond),
        brake_percent: Number(this.brakePercent),
        quiet: isQuiet ? { begin: this.quietFrom, end: this.quietUntil, time_zone: this.timeZone } : { begin: "", end: "", time_zone: "" },
        goal_tag: this.goalTag,
        every_hours: Number(this.everyHours),
        once_per_person: this.oncePerPerson,
        only_new: this.onlyNew,
      };
    },
    async save() {
      if (this.draftId) {
        await api.patch(`/api/v1/broadcasts/${this.draftId}`, this.body());
      } else {
        this.draftId = (await api.post("/api/v1/broadcasts", this.body())).id;
        window.history.replaceState({}, "", `/panel/broadcasts/${this.draftId}`);
      }
    },
    /** Show and save what stands; whether it is saved, and the plan is its own. */
    async look() {
      clearTimeout(this.timer);
      const turn = (this.turn += 1);
      await this.show(turn);
      if (!this.isWhole || turn !== this.turn) return false;
      if (this.busy) {
        this.timer = setTimeout(() => this.look(), PAUSE_MS); // another save is on its way, of what stood before
        return false;
      }
      await this.submitting(() => this.save());
      if (turn !== this.turn || this.failure || Object.keys(this.errors).length > 0) return false;
      this.savedText = text("compose.saved");
      const [ok, plan] = await attempt(() => api.get(`/api/v1/broadcasts/${this.draftId}/plan`));
      if (turn !== this.turn) return false;
      this.plan = ok ? plan : null;
      return ok;
    },
    async show(turn) {
      const written = this.variants.filter((variant) => (this.isStep(variant) ? variant.step : variant.text.trim() && (variant.kind === "text" || variant.media)));
      try {
        const shown = await Promise.all(written.map((variant) => api.post("/api/v1/broadcasts/preview", { ...this.contentOf(variant), has_opt_out: this.hasOptOut })));
        if (turn !== this.turn) return;
        this.pictures = shown.map((picture, at) => ({ key: at, title: text("compose.variant", { name: this.variantName(at) }), messages: picture.messages, kind: this.isStep(written[at]) ? "text" : written[at].kind, media: written[at].media }));
        this.refusal = "";
      } catch (error) {
        if (turn === this.turn) this.refusal = text("preview.refused", { reason: error.message });
      }
    },
    blockClass: (block) => `block-${block.kind}`,
    runClass: (run) => run.styles.map((style) => `run-${style}`).join(" "),
    buttonClass: (button) => (button.url ? "is-link" : ""),

    // Whom it reaches
    get shares() {
      return this.plan?.bots ?? [];
    },
    get hasShares() {
      return this.shares.length > 0;
    },
    get countText() {
      return this.plan ? text("compose.count", { people: number(this.plan.people) }) : "";
    },
    shareText: (share) => text("compose.bot_count", { name: `@${share.name}`, people: number(share.people) }),
    get hasCost() {
      return (this.plan?.stars ?? 0) > 0;
    },
    get costText() {
      return this.hasCost ? text("start_broadcast.stars", { stars: number(this.plan.stars) }).trim() : "";
    },
    get lasting() {
      const { seconds } = this.plan;
      if (seconds < 120) return text("compose.seconds", { number: number(seconds) });
      if (seconds < 7200) return text("compose.minutes", { number: number(Math.ceil(seconds / 60)) });
      return text("compose.hours", { number: number(Math.ceil(seconds / 3600)) });
    },

    // Starting
    get isSeries() {
      return Number(this.everyHours) > 0;
    },
    get isLater() {
      return this.startAt !== "" || this.isSeries;
    },
    get startLabel() {
      return text(this.isLater ? "start_broadcast.schedule" : "start_broadcast.action");
    },
    get cannotStart() {
      return this.busy || !this.isWhole;
    },
    async begin() {
      if (!(await this.look())) return;
      const shares = this.shares.slice(0, 10).map(this.shareText).join(" · ") || text("compose.nobody");
      const values = { people: number(this.plan.people), bots: shares, time: this.lasting, stars: this.hasCost ? text("start_broadcast.stars", { stars: number(this.plan.stars) }) : "" };
      if (!(await confirmed(text("start_broadcast.title", values), text("start_broadcast.text", values), this.startLabel))) return;
      const at = this.startAt ? { at: new Date(this.startAt).toISOString() } : {};
      await this.submitting(async () => {
        await api.post(`/api/v1/broadcasts/${this.draftId}/start`, at);
        window.location.assign(`/panel/broadcasts/${this.draftId}`);
      });
    },
    async remove() {
      const values = { name: this.name };
      if (!(await confirmed(text("delete_broadcast.title", values), text("delete_broadcast.text"), text("delete_broadcast.action")))) return;
      const [ok] = await attempt(() => api.remove(`/api/v1/broadcasts/${this.draftId}`));
      if (ok) window.location.assign("/panel/broadcasts");
    },

    // A test to oneself
    async findPeople() {
      const bot = this.testBot;
      const [ok, found] = bot ? await attempt(() => api.get(`/api/v1/bots/${bot}/texts/recipients`)) : [false];
      if (bot !== this.testBot) return;
      this.people = ok ? found.items : [];
      this.testPerson = this.people[0]?.telegram_id ?? "";
    },
    personName: (person) => person.name || (person.username && `@${person.username}`) || text("text_test.own"),
    get cannotTest() {
      return this.busy || !this.testBot || !this.testPerson;
    },
    async sendTest() {
      if (!(await this.look())) return; // the test is of what stands here, not of what was saved before
      const body = { bot_id: Number(this.testBot), telegram_id: Number(this.testPerson) };
      const [ok] = await attempt(() => api.post(`/api/v1/broadcasts/${this.draftId}/test`, body));
      if (ok) toast(text("compose.test_sent"));
    },
  }));
});
