// Exchange rates as they are entered by hand.
import { api } from "../api.js";
import { initial, text } from "../dom.js";
import { attempt, toast } from "../feedback.js";

const PATH = "/api/v1/exchange-rates";

document.addEventListener("alpine:init", () => {
  Alpine.data("exchangeRates", () => ({
    rates: [],
    currency: "",
    into: "",
    rate: "",
    day: new Date().toISOString().slice(0, 10),
    failure: "",
    own: false,
    init() {
      this.rates = initial(this.$root, "rates");
    },
    async enter() {
      this.failure = "";
      this.own = true;
      try {
        const values = { currency: this.currency.trim().toUpperCase(), into: this.into.trim().toUpperCase(), rate: this.rate.trim(), day: this.day };
        await api.post(PATH, values);
        this.rate = "";
        await this.renew();
      } catch (error) {
        this.failure = error.message;
      } finally {
        this.own = false;
      }
    },
    async renew() {
      this.rates = (await api.get(PATH)).items;
      this.load(); // the report's, around it
    },
    rateText: (one) => text("rate.of_day", one),
    removeLabel: (one) => text("rate.of_day", one),
    async remove(one) {
      const [ok] = await attempt(async () => {
        await api.remove(`${PATH}/${one.id}`);
        await this.renew();
      });
      if (ok) toast(text("rate.deleted"));
    },
  }));
});
