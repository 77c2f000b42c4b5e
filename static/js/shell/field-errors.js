// What was refused belongs to its field for screen readers too: each input names the errors of its field or row.
const FIELDS = "input, select, textarea";
let given = 0;

function describe(input) {
  const place = input.closest(".field") ?? input.closest("li");
  const ids = [...(place?.querySelectorAll(".field-error") ?? [])].map((error) => (error.id ||= `field-error-${(given += 1)}`));
  const others = (input.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && !id.startsWith("field-error-"));
  const all = [...new Set([...others, ...ids])].join(" ");
  if (all) input.setAttribute("aria-describedby", all);
}

document.addEventListener("alpine:initialized", () => document.querySelectorAll(FIELDS).forEach(describe));
// Rows that came later, or whose errors did.
document.addEventListener("focusin", ({ target }) => target.matches(FIELDS) && describe(target));
