// The one way from the panel to the API: CSRF token, JSON, and errors as people can read them.
import { csrfToken, hasText, text } from "./dom.js";
import { passwordConfirmed } from "./feedback.js";

export class ApiError extends Error {
  constructor(status, problem) {
    super(readable(status, problem));
    this.status = status;
    this.code = problem.code ?? "";
    this.field = problem.field ?? "";
  }
}

function readable(status, problem) {
  const key = `error.${problem.code}`;
  if (problem.code && hasText(key)) return text(key, { seconds: Math.ceil(problem.retry_after ?? 0) });
  if (problem.detail) return problem.detail;
  return text(status >= 500 ? "error.server" : "error.unknown");
}

async function contentOf(answer) {
  const type = answer.headers.get("Content-Type") ?? "";
  if (type.includes("json")) return answer.json();
  return type.startsWith("text/plain") ? answer.text() : {};
}

/** `body` is sent as JSON, URLSearchParams as a form. */
async function send(method, path, body) {
  const isJsonBody = body !== undefined && !(body instanceof URLSearchParams);
  let answer;
  try {
    answer = await fetch(path, {
      method,
      credentials: "same-origin",
      headers: { Accept: "application/json", "X-CSRFToken": csrfToken(), ...(isJsonBody ? { "Content-Type": "application/json" } : {}) },
      body: isJsonBody ? JSON.stringify(body) : body,
    });
  } catch {
    throw new ApiError(0, { code: "network" });
  }
  if (answer.status === 401) {
    window.location.assign(`/login?next=${encodeURIComponent(window.location.pathname)}`);
  }
  const content = await contentOf(answer);
  if (content.code === "fresh_sign_in_required" && (await passwordConfirmed())) return send(method, path, body);
  if (!answer.ok) throw new ApiError(answer.status, content);
  return content;
}

export const api = {
  get: (path) => send("GET", path),
  post: (path, body = {}) => send("POST", path, body),
  put: (path, body) => send("PUT", path, body),
  patch: (path, body) => send("PATCH", path, body),
  remove: (path) => send("DELETE", path),
};
