// Files on their way into the library, one after the other, by choosing or dropping them. Mixed into components.
import { percent, text } from "../dom.js";
import { toast } from "../feedback.js";
import { upload } from "./media-files.js";

let keys = 0;

export const mediaUploads = {
  uploads: [],
  isOver: false,
  get isUploading() {
    return this.uploads.length > 0;
  },
  get dropClass() {
    return this.isOver ? "is-over" : "";
  },
  over() {
    this.isOver = true;
  },
  left() {
    this.isOver = false;
  },
  dropped(event) {
    this.isOver = false;
    return this.bring([...event.dataTransfer.files]);
  },
  async picked(event) {
    const files = [...event.target.files];
    event.target.value = ""; // the same file can be chosen again
    await this.bring(files);
  },
  uploadText: (one) => text("media.uploading", { name: one.name, percent: percent(one.done) }),
  /** Upload `files`; `uploaded(file)` of the component hears of each. */
  async bring(files) {
    for (const file of files) {
      const key = (keys += 1);
      this.uploads.push({ key, name: file.name, done: 0 });
      const one = this.uploads[this.uploads.length - 1];
      try {
        const made = await upload(file, (part) => {
          one.done = Math.round(part * 100);
        });
        toast(text("media.uploaded", made));
        await this.uploaded(made);
      } catch (error) {
        toast(error.message, "error");
      }
      this.uploads = this.uploads.filter((each) => each.key !== key);
    }
  },
};
