<?php // A whole bot on Flotilla's Runtime API, for PHP 8 with pcntl: a greeting with a button, and an echo.
$stopping = false;
pcntl_async_signals(true);
pcntl_signal(SIGTERM, function () use (&$stopping) { $stopping = true; }); // what was taken is answered before the end

function ask(string $path, ?array $body = null): array {
    $headers = ['Authorization: Bearer ' . getenv('WORKER_TOKEN'), 'Content-Type: application/json'];
    $options = ['header' => $headers, 'ignore_errors' => true, 'timeout' => 60];
    if ($body !== null) $options += ['method' => 'POST', 'content' => json_encode($body)];
    while (true) {
        $said = @file_get_contents(getenv('API_URL') . '/api/v1/runtime' . $path, false, stream_context_create(['http' => $options]));
        $status = $said === false ? 0 : (int) explode(' ', $http_response_header[0])[1];
        if ($status >= 200 && $status < 300) return json_decode($said, true) ?? [];
        if ($status === 409) return []; // lease_gone: answered already, or another copy has it; nothing to undo
        if ($status >= 400 && $status < 500 && $status !== 429) exit($said . "\n");
        sleep(1); // nobody there, or too fast; what is not answered comes again
    }
}

function send(array $chat, string $text, array $more = []): array {
    return ['method' => 'sendMessage', 'params' => ['chat_id' => $chat['id'], 'text' => $text] + $more];
}

function handle(array $update, string $start): array {
    $tap = $update['callback_query'] ?? null;
    $seen = ['method' => 'answerCallbackQuery', 'params' => ['callback_query_id' => $tap['id'] ?? '']];
    if ($tap) return [$seen, send($tap['message']['chat'], 'You pressed it')];
    ['text' => $text, 'chat' => $chat, 'from' => $from] = ($update['message'] ?? []) + ['text' => '', 'chat' => [], 'from' => []];
    if (!preg_match('~^/start\b~', $text)) return $text === '' ? [] : [send($chat, "You said: $text")];
    $keyboard = ['inline_keyboard' => [[['text' => 'Press me', 'callback_data' => 'pressed']]]];
    return [send($chat, "Hello $from[first_name]! You came by: " . ($start ?: 'yourself'), ['reply_markup' => $keyboard])];
}

while (!$stopping) foreach (ask('/next?wait=5&limit=10')['items'] ?? [] as $work) {
    try { $answer = ['response', ['calls' => handle($work['update'], $work['start'])]]; }
    catch (Throwable $error) { $answer = ['error', ['error' => "$error"]]; } // it comes again, five times at most
    ask("/leases/$work[lease]/$answer[0]", $answer[1]);
}
