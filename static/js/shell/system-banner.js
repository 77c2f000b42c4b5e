document.addEventListener("alpine:init", () => {
  // What is wrong with the installation itself; filled by the page's first answer.
  Alpine.data("systemBanner", () => ({
    problems: [],
    waiting: true, // what the server wrote into the page stands until then
    init() {
      document.addEventListener("system", (event) => {
        this.problems = event.detail;
        this.waiting = false;
      });
    },
    bannerClass: (problem) => (problem.fatal ? "is-fatal" : ""),
  }));
});
