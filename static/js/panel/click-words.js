// What is stored of a click, in the reader's words. Spread into components.
import { hasText, language, text } from "../dom.js";

const countries = new Intl.DisplayNames([language], { type: "region" });
export const OTHER = "(other)";
export const PATH = ["source", "campaign", "ad"];
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
    if (by === "campaign" || by === "ad") return value || text(`analytics.no_${by}`);
    if (by === "pool") return value;
    if (by === "bot") return hasText(`analytics.${value}`) ? text(`analytics.${value}`) : value;
    if (!value) return text("analytics.unknown");
    return by === "device" ? text(`device.${value}`) : country(value);
  },
  /** A campaign or an ad with what it stands below: [source, campaign, ad]. */
  pathOf(path) {
    return path.map((value, at) => this.wordOf(PATH[at], value)).join(" › ");
  },
  whoText(click) {
    const parts = [text(`audience.${click.audience}`)];
    if (click.audience === "human" && click.device) parts.push(this.wordOf("device", click.device));
    if (click.country) parts.push(this.wordOf("country", click.country));
    if (click.over_limit) parts.push(text("click.over_limit"));
    return parts.join(" · ");
  },
  resultText: (click) => text(click.started_at ? "click.started" : "click.not_started"),
  resultClass: (click) => (click.started_at ? "is-online" : "is-idle"),
};
