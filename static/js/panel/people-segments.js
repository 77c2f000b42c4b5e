// Saved segments with their counts, which are asked for one after the other. Spread into the list of people.
import { api } from "../api.js";
import { number, text } from "../dom.js";
import { attempt, confirmed } from "../feedback.js";
import { conditionsOf, formOf } from "./people-conditions.js";

const COUNTED_EVERY_MS = 30000;

export const segmentList = {
  segments: [],
  counts: {},
  countedAt: 0,
  segmentName: "",
  takeSegments(segments) {
    this.segments = segments;
    if (Date.now() - this.countedAt < COUNTED_EVERY_MS) return;
    this.countedAt = Date.now();
    this.countSegments();
  },
  async countSegments() {
    for (const segment of this.segments) {
      const [ok, found] = await attempt(() => api.get(`/api/v1/segments/${segment.id}`));
      if (!ok) return;
      this.counts = { ...this.counts, [segment.id]: found.people };
    }
  },
  hasSegments() {
    return this.segments.length > 0;
  },
  segmentCount(segment) {
    return segment.id in this.counts ? number(this.counts[segment.id]) : "…";
  },
  isUsed(segment) {
    return JSON.stringify(formOf(segment.conditions)) === JSON.stringify(this.form);
  },
  useSegment(segment) {
    this.form = formOf(segment.conditions);
    this.show();
  },
  async saveSegment() {
    this.busy = true;
    const work = () => api.post("/api/v1/segments", { name: this.segmentName, conditions: conditionsOf(this.form) });
    const [ok] = await attempt(async () => work(), "people.segment_saved");
    this.busy = false;
    if (!ok) return;
    this.segmentName = "";
    this.countedAt = 0;
    this.refresh();
  },
  async deleteSegment(segment) {
    const asks = ["title", "text", "action"].map((part) => text(`people.segment.delete.${part}`, { name: segment.name }));
    if (!(await confirmed(...asks))) return;
    await attempt(() => api.remove(`/api/v1/segments/${segment.id}`), "people.segment_gone");
    this.refresh();
  },
};
