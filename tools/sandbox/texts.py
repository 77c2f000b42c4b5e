"""Every word of the pages in Portuguese and English."""

from __future__ import annotations

from flask import request

LANGUAGES = ("pt", "en")
HTML_LANG = {"pt": "pt-BR", "en": "en"}

_TEXTS: dict[str, tuple[str, str]] = {
    "title": ("Sandbox de bots", "Bot sandbox"),
    "tagline": (
        "Um Telegram de brinquedo para a sua frota. Nada sai desta máquina.",
        "A toy Telegram for your fleet. Nothing leaves this machine.",
    ),
    "skip": ("Ir para o conteúdo", "Skip to content"),
    "you_are": ("Você é {name}", "You are {name}"),
    "new_person": ("Virar outra pessoa", "Become someone else"),
    "language": ("Idioma", "Language"),
    "tap_title": ("Toque em um link", "Tap a link"),
    "tap_text": (
        "Abra um link /go do Flotilla. Ele escolhe um bot e você volta para cá, na tela do bot.",
        "Open a /go link of Flotilla. It picks a bot and you land back here, on the bot's screen.",
    ),
    "tap_base": ("Endereço do Flotilla", "Flotilla's address"),
    "tap_slug": ("Slug do link", "Link slug"),
    "tap_open": ("Abrir link", "Open link"),
    "bots_title": ("Bots", "Bots"),
    "bots_text": ("Copie um token e cadastre-o no Flotilla.", "Copy a token and register it in Flotilla."),
    "no_bots": ("Ainda não há bots", "No bots yet"),
    "no_bots_text": (
        "Crie o primeiro, copie o token e cadastre-o no Flotilla. Depois converse com ele aqui.",
        "Create the first one, copy its token and register it in Flotilla. Then chat with it here.",
    ),
    "add_bot": ("Criar bot", "Create bot"),
    "copy_token": ("Copiar token", "Copy token"),
    "copied": ("Token copiado", "Token copied"),
    "copy_failed": ("Não deu para copiar. O token é: {token}", "Could not copy. The token is: {token}"),
    "open_chat": ("Conversar", "Chat"),
    "ban": ("Banir este bot", "Ban this bot"),
    "restore": ("Restaurar", "Restore"),
    "alive": ("ativo", "alive"),
    "revoked": ("banido", "banned"),
    "frozen": ("congelado", "frozen"),
    "no_webhook": ("sem webhook", "no webhook"),
    "webhook": ("webhook ligado", "webhook set"),
    "pending_one": ("1 na fila", "1 pending"),
    "pending": ("{n} na fila", "{n} pending"),
    "how_title": ("Como usar", "How to use it"),
    "how_1": (
        "Aponte o Flotilla para cá: TELEGRAM_API_URL e TELEGRAM_LINK_URL iguais a {url}.",
        "Point Flotilla here: TELEGRAM_API_URL and TELEGRAM_LINK_URL both set to {url}.",
    ),
    "how_2": (
        "Cadastre os tokens desta página, monte uma rede e ponha os bots nela.",
        "Register the tokens of this page, make a pool and put the bots in it.",
    ),
    "how_3": (
        "Toque no link, aperte Iniciar, converse. Depois bana um bot e toque de novo.",
        "Tap the link, press Start, chat. Then ban a bot and tap again.",
    ),
    "start": ("Iniciar", "Start"),
    "restart": ("Reiniciar bot", "Restart bot"),
    "start_with": ("Chegou com o código", "Arrived with the code"),
    "start_hint": (
        "Ao iniciar, o bot recebe /start e pode escrever para você.",
        "Once started, the bot receives /start and may write to you.",
    ),
    "is_bot": ("bot", "bot"),
    "unknown_title": (
        "Se você tem Telegram, pode escrever para @{name}",
        "If you have Telegram, you can contact @{name}",
    ),
    "unknown_text": (
        "Este nome não existe no sandbox. O Telegram de verdade mostra uma página assim também.",
        "This name does not exist in the sandbox. The real Telegram shows such a page too.",
    ),
    "banned_note": (
        "Este bot está banido: o token dele responde 401 e as mensagens ficam na fila.",
        "This bot is banned: its token answers 401 and messages stay in its queue.",
    ),
    "frozen_note": (
        "Este bot está congelado: toda chamada responde 400 FROZEN_METHOD_INVALID.",
        "This bot is frozen: every call answers 400 FROZEN_METHOD_INVALID.",
    ),
    "back": ("Todos os bots", "All bots"),
    "chat_empty": ("Nenhuma mensagem ainda", "No messages yet"),
    "chat_empty_text": ("Aperte Iniciar para acordar o bot.", "Press Start to wake the bot."),
    "message": ("Mensagem", "Message"),
    "send": ("Enviar", "Send"),
    "block": ("Bloquear bot", "Block bot"),
    "unblock": ("Desbloquear", "Unblock"),
    "blocked_note": (
        "Você bloqueou este bot. Ele recebe 403 se escrever.",
        "You blocked this bot. It gets 403 when it writes.",
    ),
    "edited": ("editada", "edited"),
    "deleted": ("mensagem apagada", "message deleted"),
    "no_answer": ("O bot não respondeu ao botão.", "The bot did not answer the button."),
    "offline": ("Sem contato com o sandbox. Tentando de novo…", "No contact with the sandbox. Trying again…"),
    "photo": ("Foto", "Photo"),
    "video": ("Vídeo", "Video"),
    "audio": ("Áudio", "Audio"),
    "document": ("Arquivo", "File"),
    "animation": ("Animação", "Animation"),
    "voice": ("Voz", "Voice"),
    "sticker": ("Figurinha", "Sticker"),
    "video_note": ("Mensagem de vídeo", "Video message"),
    "venue": ("Lugar", "Venue"),
    "location": ("Localização", "Location"),
    "contact": ("Contato", "Contact"),
    "dice": ("Dado", "Dice"),
    "invoice": ("Cobrança", "Invoice"),
    "successful_payment": ("Pagamento feito", "Payment made"),
    "refunded_payment": ("Pagamento devolvido", "Payment given back"),
    "payment_refused": ("O bot recusou o pagamento: {reason}", "The bot refused the payment: {reason}"),
    "other": ("Conteúdo", "Content"),
    "newbot_title": ("Criar um bot gerenciado", "Create a managed bot"),
    "newbot_text": (
        "@{manager} quer criar e gerenciar este bot para você.",
        "@{manager} wants to create and manage this bot for you.",
    ),
    "newbot_done": ("Bot @{name} criado", "Bot @{name} created"),
    "newbot_done_text": (
        "@{manager} foi avisado com uma atualização managed_bot.",
        "@{manager} was told with a managed_bot update.",
    ),
    "newbot_no": ("@{manager} não pode gerenciar bots.", "@{manager} cannot manage bots."),
    "username": ("Nome de usuário", "Username"),
    "actions": ("Ações do bot", "Bot actions"),
    "memory": (
        "Tudo fica na memória e some quando o sandbox termina.",
        "Everything is kept in memory and is gone when the sandbox ends.",
    ),
}


def language() -> str:
    """The page's language: the switch's cookie, else Accept-Language, else Portuguese."""
    chosen = request.args.get("lang") or request.cookies.get("sandbox_lang")
    if chosen in LANGUAGES:
        return chosen
    return request.accept_languages.best_match(["pt", "pt-BR", "en"], default="pt")[:2]


def texts(lang: str) -> dict[str, str]:
    """All texts in one language."""
    return {name: pair[LANGUAGES.index(lang)] for name, pair in _TEXTS.items()}
