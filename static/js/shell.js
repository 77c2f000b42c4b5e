// What every page needs, whatever else it loads.
import "./shell/theme-switch.js";
import "./shell/auto-submit.js";
import "./shell/confirm-form.js";
import "./shell/copy-button.js";
import "./shell/field-errors.js";
import "./shell/local-times.js";
import "./shell/toasts.js";
import "./shell/confirmation.js";
import "./shell/confirm-password.js";
import "./shell/remaining.js";
import "./shell/system-banner.js";
import "./shell/unread-count.js";
import "./shell/tab-bar.js";
