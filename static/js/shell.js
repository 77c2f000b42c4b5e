// What every page needs, whatever else it loads.
import "./shell/theme-switch.js";
import "./shell/auto-submit.js";
import "./shell/copy-button.js";
import "./shell/toasts.js";
import "./shell/confirmation.js";
import "./shell/system-banner.js";
import "./shell/unread-count.js";
