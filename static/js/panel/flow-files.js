// A flow goes out as YAML or as one file of its texts, and comes back so.
import { api } from "../api.js";
import { counted, text } from "../dom.js";
import { attempt, confirmed, toast } from "../feedback.js";
import { toForm } from "./flow-form.js";

const LARGEST_BYTES = 2_000_000;

function save(name, content, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Mixed into the editor.
export const flowFiles = {
  fileProblems: [],
  fileRefusal: "",
  fileChanges: [],
  filePlan: "",
  fileText: "",
  fileBusy: false,
  openFiles() {
    this.forgetFile();
    this.$refs.files.showModal();
  },
  closeFiles() {
    this.$refs.files.close();
  },
  forgetFile() {
    Object.assign(this, { fileProblems: [], fileRefusal: "", fileChanges: [], filePlan: "" });
  },
  async downloadYaml() {
    await this.download("yaml", "yaml");
  },
  async downloadTexts() {
    await this.download("texts", "txt");
  },
  async download(kind, ending) {
    if (this.isReadable && !(await this.flush())) return;
    await attempt(async () => {
      const answer = await fetch(`${this.path}/${kind}`, { credentials: "same-origin" });
      if (!answer.ok) throw new Error((await answer.json()).detail);
      save(`${this.flow.key}.${ending}`, await answer.text(), "text/plain");
    });
  },
  pickYaml(event) {
    return this.picked(event, (content) => this.takeYaml(content));
  },
  pickTexts(event) {
    return this.picked(event, (content) => this.showTexts(content));
  },
  async picked(event, take) {
    const [file] = event.target.files;
    event.target.value = "";
    if (!file) return;
    this.forgetFile();
    if (file.size > LARGEST_BYTES) {
      this.fileRefusal = text("flow.file_large");
      return;
    }
    this.fileBusy = true;
    try {
      if (!this.isReadable || (await this.flush())) await take(await file.text());
    } catch (error) {
      this.fileRefusal = error.message;
    } finally {
      this.fileBusy = false;
    }
  },
  async takeYaml(content) {
    const { items } = await api.post("/api/v1/flows/yaml/check", { document: content });
    this.fileProblems = items;
    const saved = await api.put(`${this.path}/yaml`, { document: content, revision: this.flow.revision });
    this.adopt(saved);
    this.check();
    this.closeFiles();
    toast(text("flow.file_taken"));
  },
  lineText: (found) => (found.line ? text("flow.line", { line: found.line, detail: found.detail }) : found.detail),
  /** What a file of texts changes is shown before it is saved. */
  async showTexts(content) {
    const problems = (await api.post(`${this.path}/texts/check`, { document: content })).items;
    this.fileProblems = problems;
    if (problems.length) return;
    const found = await api.put(`${this.path}/texts`, { document: content });
    Object.assign(this, { fileText: content, fileChanges: found.changes, filePlan: found.plan });
    if (found.changes.length === 0) toast(text("flow.texts_same"));
  },
  get hasFileProblems() {
    return this.fileProblems.length > 0;
  },
  get hasFileChanges() {
    return this.fileChanges.length > 0;
  },
  get fileChangesText() {
    return counted("flow.texts_change", this.fileChanges.length);
  },
  async takeTexts() {
    const [ok] = await attempt(() => api.put(`${this.path}/texts`, { document: this.fileText, if_plan: this.filePlan }));
    if (!ok) return;
    const [read, flow] = await attempt(() => api.get(this.path));
    if (read) this.adopt(flow);
    this.closeFiles();
    toast(text("flow.file_taken"));
  },
  /** Another document in the fields, as if it had been typed. */
  replaceForm(document) {
    const key = this.step?.key;
    this.form = toForm(document);
    this.isReadable = true;
    this.choose(this.steps.find((each) => each.key === key) ?? this.steps[0]);
  },
  async deleteFlow() {
    this.closeFiles();
    const agreed = await confirmed(text("flow.delete.title", { name: this.flow.name }), text("flow.delete.text"), text("flow.delete.action"));
    if (!agreed) return;
    await attempt(async () => {
      await api.remove(this.path);
      this.saving = "saved";
      window.location.assign("/panel/flows");
    });
  },
};
