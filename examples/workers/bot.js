// A whole bot on Flotilla's Runtime API, for Node.js 18 or later: a greeting with a button, and an echo.
const api = process.env.API_URL + "/api/v1/runtime";
const headers = { Authorization: "Bearer " + process.env.WORKER_TOKEN, "Content-Type": "application/json" };
const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
let stopping = false;
process.on("SIGTERM", () => (stopping = true)); // what was taken is answered before the end

async function ask(path, body) {
  for (;;) {
    const options = body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers };
    const answer = await fetch(api + path, options).catch(() => null);
    if (answer?.ok) return answer.status === 204 ? {} : answer.json();
    if (answer?.status === 409) return {}; // lease_gone: answered already, or another copy has it; nothing to undo
    if (answer && answer.status < 500 && answer.status !== 429) throw new Error(await answer.text());
    await sleep(Number(answer?.headers.get("retry-after") ?? 1)); // nobody there, or too fast; what is not answered comes again
  }
}

function handle(update, start) {
  const send = (chat, text, more) => ({ method: "sendMessage", params: { chat_id: chat.id, text, ...more } });
  const { callback_query: tap, message } = update;
  if (tap) {
    const seen = { method: "answerCallbackQuery", params: { callback_query_id: tap.id } };
    return [seen, send(tap.message.chat, "You pressed it")];
  }
  if (!message?.text) return [];
  if (!/^\/start\b/.test(message.text)) return [send(message.chat, "You said: " + message.text)];
  const keyboard = { inline_keyboard: [[{ text: "Press me", callback_data: "pressed" }]] };
  return [send(message.chat, `Hello ${message.from.first_name}! You came by: ${start || "yourself"}`, { reply_markup: keyboard })];
}

(async () => {
  while (!stopping) {
    for (const { lease, update, start } of (await ask("/next?wait=5&limit=10")).items ?? []) {
      let answer;
      try { answer = ["response", { calls: handle(update, start) }]; }
      catch (error) { answer = ["error", { error: String(error) }]; } // it comes again, and after five times it is a dead letter
      await ask(`/leases/${lease}/${answer[0]}`, answer[1]);
    }
  }
})();
