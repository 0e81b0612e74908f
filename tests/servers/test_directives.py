"""A server's configuration file opens here: every directive that a server has is known."""

from __future__ import annotations

from pathlib import Path

from aofstore import Config
from tests.servers.connection import ServerConnection


def test_every_directive_of_a_server_is_ours_or_known_to_be_a_servers(
    server: ServerConnection, tmp_path: Path
) -> None:
    reply = server.execute("CONFIG", "GET", "*")
    values = {name.decode(): value.decode() for name, value in reply.items()}
    assert len(values) > 150
    path = tmp_path / "redis.conf"
    path.write_text("".join(f'{name} "{value}"\n' for name, value in values.items()))
    config = Config.from_redis_conf(path)
    assert (config.dir, config.appendfsync) == (values["dir"], values["appendfsync"])
