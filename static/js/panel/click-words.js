// What is stored of a click, in the reader's words. Spread into components.
import { hasText, language, text } from "../dom.js";

const countries = new Intl.DisplayNames([language], { type: "region" });
const OTHER = "(other)";
// What an ad id says of who brought the click; names that are the same in every language.
const NETWORKS = {
  gclid: "Google Ads",
  wbraid: "Google Ads (wbraid)",
  gbraid: "Google Ads (gbraid)",
  fbclid: "Meta Ads (fbclid)",
  ttclid: "TikTok Ads",
  kwaiclid: "Kwai Ads",
  msclkid: "Microsoft Ads",
};

function country(code) {
  try {
    return countries.of(code) ?? code;
  } catch {
    return code;
  }
}

export const clickWords = {
  wordOf(by, value) {
    if (value === OTHER) return text("analytics.other");
    if (by === "source") return NETWORKS[value] ?? (value || text("analytics.direct"));
    if (by === "bot") return hasText(`analytics.${value}`) ? text(`analytics.${value}`) : value;
    if (!value) return text("analytics.unknown");
    return by === "device" ? text(`device.${value}`) : country(value);
  },
};
