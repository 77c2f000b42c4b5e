// A new experiment: the link, the pools it is split over, and their percentages.
import { api } from "../api.js";
import { text } from "../dom.js";
import { dialogForm } from "./form.js";

const FEWEST = 2;
const MOST = 10;
const WHOLE = 100;
let keys = 0;

const newArm = (percent) => ({ key: (keys += 1), pool: "", percent });

document.addEventListener("alpine:init", () => {
  Alpine.data("experimentList", () => ({
    create() {
      document.dispatchEvent(new CustomEvent("create-experiment"));
    },
  }));

  Alpine.data("createExperiment", () => ({
    ...dialogForm,
    name: "",
    link: "",
    goal: "",
    arms: [],
    init() {
      document.addEventListener("create-experiment", () => this.start());
      if (window.location.hash === "#create") this.$nextTick(() => this.start());
    },
    start() {
      this.arms = [newArm(50), newArm(50)];
      this.link = this.$root.querySelector("[name=pool_id] option")?.value ?? "";
      this.arms[0].pool = this.link;
      this.open();
    },
    addArm() {
      this.arms.push(newArm(Math.max(1, WHOLE - this.sum)));
    },
    removeArm(index) {
      this.arms.splice(index, 1);
    },
    get sum() {
      return this.arms.reduce((sum, arm) => sum + Number(arm.percent), 0);
    },
    get sumText() {
      return text("experiment.sum", { sum: this.sum });
    },
    get sumClass() {
      return this.sum === WHOLE ? "sum-right" : "sum-wrong";
    },
    get fewest() {
      return this.arms.length <= FEWEST;
    },
    get most() {
      return this.arms.length >= MOST;
    },
    armLabel(index) {
      return text("experiment.arm", { number: index + 1 });
    },
    partLabel(index) {
      return text("experiment.part", { number: index + 1 });
    },
    removeLabel(index) {
      return text("experiment.remove_arm", { number: index + 1 });
    },
    send() {
      this.submitting(async () => {
        const arms = this.arms.map((arm) => ({ pool_id: Number(arm.pool), percent: Number(arm.percent) }));
        const body = { name: this.name, pool_id: Number(this.link), goal_tag: this.goal, arms };
        const made = await api.post("/api/v1/experiments", body);
        window.location.assign(`/panel/experiments/${made.id}`);
      });
    },
  }));
});
