// Runs before the first paint, so that a dark page never flashes white.
(() => {
  const KEY = "flotilla-theme";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const read = () => {
    try {
      return localStorage.getItem(KEY) || "auto";
    } catch {
      return "auto"; // storage may be forbidden
    }
  };
  const apply = () => {
    const wanted = read();
    const shown = wanted === "auto" ? (dark.matches ? "dark" : "light") : wanted;
    document.documentElement.dataset.theme = shown;
    document.dispatchEvent(new CustomEvent("theme", { detail: shown }));
  };
  window.flotillaTheme = {
    read,
    set(wanted) {
      try {
        localStorage.setItem(KEY, wanted);
      } catch {
        // the choice then lasts for this page only
      }
      document.documentElement.dataset.theme = wanted;
      apply();
    },
  };
  dark.addEventListener("change", apply);
  apply();
})();
