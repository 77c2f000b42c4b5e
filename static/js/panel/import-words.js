// What an import of costs is said to be, on the page and in its dialog.
import { text } from "../dom.js";

/** "Line 3, column Cost: This is no amount"; what is wrong of the whole table names no line. */
export const problemText = (problem) => text(problem.line ? "import.problem" : "import.problem_of_all", problem) + (problem.value ? ` (${problem.value})` : "");
