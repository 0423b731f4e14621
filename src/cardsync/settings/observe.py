"""``[http]``: what watches the daemon."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from cardsync.settings import values as v
from cardsync.settings.table import Table

_LISTEN = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})")
_LOOPBACK = re.compile(r"localhost|127(?:\.[0-9]{1,3}){3}|::1")


def _parse_listen(value: object) -> object:
    if not isinstance(value, str) or value == "":
        return value or None
    found = _LISTEN.fullmatch(value)
    if found is None or not 0 <= int(found["port"]) <= 65535:
        raise ValueError("is no address to listen on")
    return value


def host_and_port(listen: str) -> tuple[str, int]:
    """Of a valid ``listen``, without the brackets of IPv6."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


def is_loopback(listen: object) -> bool:
    """Whether nobody but this machine reaches it; also of what is not valid."""
    return not isinstance(listen, str) or bool(_LOOPBACK.fullmatch(listen.rpartition(":")[0].strip("[]")))


class Http(Table):
    """A page for what watches the daemon: /healthz, /readyz and, for Prometheus, /metrics.  Counts, nobody's name."""

    listen: Annotated[
        str | None,
        BeforeValidator(_parse_listen),
        v.Allowed('a host and a port as "127.0.0.1:9380", or "" for none'),
        WithJsonSchema({"type": "string"}),
    ] = Field(
        default=None,
        description="Address and port. All but loopback needs a token.",
        examples=["127.0.0.1:9380"],
    )
    token: v.Secret = Field(
        default=None, description="A token for all but /healthz: Authorization: Bearer TOKEN.", examples=["xxxxxxxx"]
    )
    token_file: v.OptionalPath = Field(
        default=None, description="File with the token in its first line.", examples=["/run/secrets/http"]
    )
    token_command: v.OptionalArgv = Field(
        default=None, description="Command that prints the token, run without a shell.", examples=[["pass", "http"]]
    )
    token_env_file: v.OptionalPath = Field(
        default=None,
        description="File of NAME=value lines with CARDSYNC_HTTP__TOKEN in it.",
        examples=["/run/secrets/cardsync.env"],
    )
