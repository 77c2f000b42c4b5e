// The list of flows: a new one from nothing, from a template or from a file.
import { api } from "../api.js";
import { dialogForm } from "./form.js";

document.addEventListener("alpine:init", () => {
  Alpine.data("flowList", () => ({
    create() {
      document.dispatchEvent(new CustomEvent("create-flow", { detail: "" }));
    },
    createFrom(event) {
      document.dispatchEvent(new CustomEvent("create-flow", { detail: event.currentTarget.dataset.source }));
    },
  }));

  Alpine.data("createFlow", () => ({
    ...dialogForm,
    name: "",
    source: "blank",
    language: "pt",
    yaml: "",
    init() {
      document.addEventListener("create-flow", (event) => this.start(event.detail));
      if (window.location.hash === "#create") this.$nextTick(() => this.start(""));
    },
    start(source) {
      this.source = source || "blank";
      this.language = document.documentElement.lang.slice(0, 2) === "en" ? "en" : "pt";
      this.open();
    },
    get isTemplate() {
      return !["blank", "file"].includes(this.source);
    },
    get isFile() {
      return this.source === "file";
    },
    async picked(event) {
      const [file] = event.target.files;
      this.yaml = file ? await file.text() : "";
      if (file && !this.name) this.name = file.name.replace(/\.ya?ml$/, "");
    },
    get sourceFields() {
      if (this.isFile) return { yaml: this.yaml };
      return this.isTemplate ? { template: this.source, language: this.language } : {};
    },
    send() {
      this.submitting(async () => {
        const made = await api.post("/api/v1/flows", { name: this.name, ...this.sourceFields });
        window.location.assign(`/panel/flows/${made.id}`);
      });
    },
  }));
});
