// Which bots play the flow: chosen in a dialog, by themselves or all of a pool.
import { api } from "../api.js";
import { counted, text } from "../dom.js";
import { attempt, toast } from "../feedback.js";

// Mixed into the editor.
export const flowPlayers = {
  players: [],
  playing: new Set(), // ids of bots, as chosen now
  pools: [],
  inPool: "", // only bots of this pool are shown
  playersRefusal: "",
  choosing: false,
  async openPlayers() {
    Object.assign(this, { playersRefusal: "", inPool: "" });
    const [ok, found] = await attempt(async () => {
      const [bots, pools] = await Promise.all([api.get(`${this.path}/bots`), api.get("/api/v1/redirect-pools?limit=200")]);
      return { bots: bots.items, pools: pools.items };
    });
    if (!ok) return;
    this.pools = found.pools;
    this.takePlayers(found.bots);
    this.$refs.players.showModal();
  },
  takePlayers(bots) {
    this.players = bots;
    this.playing = new Set(bots.filter((bot) => bot.plays).map((bot) => bot.bot_id));
  },
  closePlayers() {
    this.$refs.players.close();
  },
  get shownPlayers() {
    return this.inPool ? this.players.filter((bot) => bot.pool_ids.includes(Number(this.inPool))) : this.players;
  },
  get botsTitle() {
    return counted("flow.bots", this.flow.bots);
  },
  get noPlayers() {
    return this.players.length === 0;
  },
  get playersText() {
    return counted("flow.players", this.playing.size);
  },
  isPlaying(bot) {
    return this.playing.has(bot.bot_id);
  },
  cannotPlay: (bot) => bot.code !== null,
  playerNote: (bot) => bot.detail ?? (bot.other_flow ? text("flow.plays_other", { flow: bot.other_flow }) : ""),
  setPlaying(bot, event) {
    this.setAllPlaying([bot], event.target.checked);
  },
  get allShownPlay() {
    const free = this.shownPlayers.filter((bot) => !this.cannotPlay(bot));
    return free.length > 0 && free.every((bot) => this.isPlaying(bot));
  },
  setShownPlaying(event) {
    this.setAllPlaying(this.shownPlayers.filter((bot) => !this.cannotPlay(bot)), event.target.checked);
  },
  setAllPlaying(bots, wanted) {
    const playing = new Set(this.playing);
    for (const { bot_id } of bots) {
      if (wanted) playing.add(bot_id);
      else playing.delete(bot_id);
    }
    this.playing = playing; // another set, so that the page sees it
  },
  async savePlayers() {
    if (this.choosing) return;
    Object.assign(this, { choosing: true, playersRefusal: "" });
    try {
      const { items } = await api.put(`${this.path}/bots`, { bot_ids: [...this.playing] });
      this.takePlayers(items);
      this.flow.bots = this.playing.size;
      this.closePlayers();
      toast(counted("flow.players_saved", this.playing.size));
    } catch (error) {
      this.playersRefusal = error.message;
    } finally {
      this.choosing = false;
    }
  },
};
