"""The process that asks the brokers for what librdkafka may abort at: `python -m services.messaging.workers.kafka.asking`.

It gets questions by its standard input, a line of JSON each, after one with the options of the client, and answers likewise. It
ends with its parent.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from services.messaging.workers.kafka import clients
from services.messaging.workers.kafka.topics import Topics


def main() -> None:
    """Answer until the input ends."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    first = json.loads(sys.stdin.readline())
    topics = Topics(clients.administrator(first["options"]), first["replication"], first["seconds"])
    for line in sys.stdin:
        question = json.loads(line)
        errors: list[KafkaError] = []
        try:
            said = {"answer": _answer(topics, question["method"], question["of"], errors)}
        except KafkaException as failure:
            errors.append(clients.error_of(failure))
            said = {"error": _plain(errors[-1])}
        sys.stdout.write(json.dumps({**said, "codes": [error.code() for error in errors]}) + "\n")
        sys.stdout.flush()


def _answer(topics: Topics, method: str, of: list[Any], errors: list[KafkaError]) -> Any:
    """What a method of `topics` answers; errors that it only tells of are added to `errors`."""
    match method:
        case "make":
            made, failed = topics.make(of[0])
            errors += failed.values()
            return [sorted(made), {name: _plain(error) for name, error in failed.items()}]
        case "committed":
            found, failed = topics.committed(of[0])
            errors += failed.values()
            return [found, {name: _plain(error) for name, error in failed.items()}]
        case "set_committed":
            return topics.set_committed(
                of[0], {int(partition): offset for partition, offset in of[1].items()}
            )
        case "ends":
            return topics.ends(of[0], of[1])
        case "partitions":
            return topics.partitions(of[0])
        case "is_read":
            return topics.is_read(of[0])
        case "drop":
            return topics.drop(of[0])
        case _:
            raise ValueError(method)


def _plain(error: KafkaError) -> list[Any]:
    return [error.code(), error.str()]


if __name__ == "__main__":
    main()
