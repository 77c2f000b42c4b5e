"""Why a message did not arrive, in the owner's language. The English sentences of the drivers are the keys."""

from __future__ import annotations

from typing import Final

from services.core.errors import NotDelivered

PT_BR: Final = {
    "The receiver answered {status}": "O receptor respondeu {status}",
    "The receiver answered with a redirect ({status}), which is not followed: enter the final address": "O receptor respondeu com um redirecionamento ({status}), que não é seguido: informe o endereço final",
    "{host} did not answer as it should ({error})": "{host} não respondeu como deveria ({error})",
    "The name {host} cannot be resolved": "O nome {host} não foi encontrado",
    "{host} is no public https address": "{host} não é um endereço https público",
    "No mail server is set: set SMTP_URL and SMTP_FROM": "Nenhum servidor de e-mail configurado: defina SMTP_URL e SMTP_FROM",
    "The mail server refused our sign-in ({status}): check SMTP_URL": "O servidor de e-mail recusou o nosso acesso ({status}): confira SMTP_URL",
    "The mail server did not take the message ({error})": "O servidor de e-mail não aceitou a mensagem ({error})",
    "The mail server refused the message ({status})": "O servidor de e-mail recusou a mensagem ({status})",
    "There is no manager bot any more: set MANAGER_BOT_TOKEN": "Não há mais bot gerente: defina MANAGER_BOT_TOKEN",
    "The bot that sends here was deleted": "O bot que envia para cá foi excluído",
    "Telegram: {reason}": "Telegram: {reason}",
}


def reason_in(failure: NotDelivered, locale: str) -> str:
    """The reason of `failure` in `locale`; a sentence without a translation stays English."""
    if not locale.lower().startswith("pt"):
        return failure.message
    return PT_BR.get(failure.template, failure.template).format(**failure.values)
