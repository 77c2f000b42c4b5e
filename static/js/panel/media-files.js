// Files of the media library: their words, and bringing one there with its progress.
import { ApiError } from "../api.js";
import { csrfToken, hasText, language, text } from "../dom.js";

const KB = 1024;
const LARGEST = 50 * KB * KB; // bytes
const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"];
const PICTURES = ["image/jpeg", "image/png", "image/webp", "image/gif"];

export function sizeText(bytes) {
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log(Math.max(1, bytes)) / Math.log(KB)));
  const form = { style: "unit", unit: UNITS[step], unitDisplay: "short", maximumFractionDigits: 1 };
  return new Intl.NumberFormat(language, form).format(bytes / KB ** step);
}

export const kindText = (kind) => (hasText(`files.kind.${kind}`) ? text(`files.kind.${kind}`) : kind);
export const addressOf = (id) => `/panel/media/${id}/content`;

/** Mixed into components that show files. */
export const mediaFiles = {
  isPicture: (file) => PICTURES.includes(file.mime),
  isOther: (file) => !PICTURES.includes(file.mime),
  isShown: (file) => /^(image|video|audio)\//.test(file.mime),
  pictureOf: (file) => addressOf(file.id),
  kindOf: (file) => kindText(file.kind),
  sizeOf: (file) => sizeText(file.size),
};

function parsed(request) {
  try {
    return JSON.parse(request.responseText);
  } catch {
    return {};
  }
}

/** Upload a file; `progress` hears parts of one. Resolves to what the API says of it, throws ApiError. */
export function upload(file, progress) {
  if (file.size > LARGEST) return Promise.reject(new ApiError(413, { code: "file_too_large", detail: text("media.too_large", file) }));
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("file", file, file.name);
    request.upload.addEventListener("progress", (event) => progress(event.lengthComputable ? event.loaded / event.total : 0));
    request.addEventListener("error", () => reject(new ApiError(0, { code: "network" })));
    request.addEventListener("load", () => {
      const answer = parsed(request);
      if (request.status < 300) resolve(answer);
      else reject(new ApiError(request.status, answer));
    });
    request.open("POST", "/api/v1/media");
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.setRequestHeader("Accept", "application/json");
    request.send(form);
  });
}
