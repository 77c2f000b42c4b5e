#!/usr/bin/env bash
# A whole bot on Flotilla's Runtime API, with curl and jq: a greeting with a button, and an echo.
api="$API_URL/api/v1/runtime"
stopping=
trap 'stopping=1' TERM # what was taken is answered before the end

ask() { # path [body]: what was answered; 4xx but 409 and 429 end the bot
  local answer status
  while :; do
    answer=$(curl -sS -w '\n%{http_code}' -H "Authorization: Bearer $WORKER_TOKEN" -H 'Content-Type: application/json' "$api$1" ${2:+-d "$2"})
    status=${answer##*$'\n'} answer=${answer%$'\n'*}
    case $status in
      2??) printf '%s' "$answer"; return ;;
      409) return ;;                # lease_gone: answered already, or another copy has it; nothing to undo
      000 | 429 | 5??) sleep 1 ;;   # nobody there, or too fast; what is not answered comes again
      *) printf '%s\n' "$answer" >&2; return 1 ;;
    esac
  done
}

handle='
  def send($chat; $text): {method: "sendMessage", params: {chat_id: $chat.id, text: $text}};
  {inline_keyboard: [[{text: "Press me", callback_data: "pressed"}]]} as $buttons
  | .start as $start | .update | {calls: (
    if .callback_query then .callback_query |
      [{method: "answerCallbackQuery", params: {callback_query_id: .id}}, send(.message.chat; "You pressed it")]
    elif .message.text | not then []
    elif .message.text | test("^/start\\b") then .message |
      [send(.chat; "Hello \(.from.first_name)! You came by: \(if $start == "" then "yourself" else $start end)")
        | .params.reply_markup = $buttons]
    else [.message | send(.chat; "You said: " + .text)] end)}'

while [ -z "$stopping" ]; do
  work=$(ask '/next?wait=5') || exit 1
  work=$(jq -c '.items[0] // empty' <<<"$work")
  [ -n "$work" ] || continue
  if answer=$(jq -c "$handle" <<<"$work" 2>&1); then kind=response
  else kind=error answer=$(jq -n --arg error "$answer" '{error: $error}'); fi
  ask "/leases/$(jq -r .lease <<<"$work")/$kind" "$answer" >/dev/null || exit 1
done
