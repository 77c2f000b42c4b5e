document.addEventListener("alpine:init", () => {
  // What is wrong with the installation itself; filled by the page's first answer.
  Alpine.data("systemBanner", () => ({
    problems: [],
    init() {
      document.addEventListener("system", (event) => (this.problems = event.detail));
    },
    bannerClass: (problem) => (problem.fatal ? "is-fatal" : ""),
  }));
});
