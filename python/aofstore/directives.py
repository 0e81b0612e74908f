"""redis.conf: lines, quoting, and which directives mean something here.

A directive is a setting of ours, an older name of one, something that only a server has (ignored, with a log
record), or a mistake (ConfigError). Settings that no server has stand in comments, ``# aofstore: name
value``: a server refuses to start over a directive that it does not know.
"""

from __future__ import annotations

import difflib
import glob
import logging
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ConfigError
from .paths import AnyPath, shown

logger = logging.getLogger("aofstore")

_MAX_DEPTH = 16
OURS = "# aofstore:"
"""What a comment begins with that is a setting which no server has."""

RENAMED = {
    "hash-max-ziplist-entries": "hash-max-listpack-entries",
    "hash-max-ziplist-value": "hash-max-listpack-value",
    "list-max-ziplist-size": "list-max-listpack-size",
    "zset-max-ziplist-entries": "zset-max-listpack-entries",
    "zset-max-ziplist-value": "zset-max-listpack-value",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One directive: where it stands, its lower-case name, its arguments, whether it is in a comment."""

    path: str
    number: int
    name: str
    args: tuple[str, ...]
    ours: bool = False


def read(path: AnyPath, depth: int = 0) -> Iterator[Line]:
    """The directives of a file, those of its ``include`` lines in their place.

    ConfigError when it cannot be read.
    """
    path = os.fsdecode(path)
    if depth > _MAX_DEPTH:
        raise ConfigError(f"{path}: include lines are nested more than {_MAX_DEPTH} deep")
    try:
        # Not splitlines(): a line ends with a line feed, and what else looks like an end may be in a name.
        texts = Path(path).read_bytes().decode("utf-8", "surrogateescape").split("\n")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    for number, text in enumerate(texts, 1):
        line = text.strip()
        ours = line.startswith(OURS)
        line = line.removeprefix(OURS)
        if not line or (line.startswith("#") and not ours):
            continue
        try:
            name, *args = split(line)
        except ValueError:
            raise ConfigError(f"{path}, line {number}: unbalanced quotes") from None
        if name.lower() == "include" and len(args) == 1 and not ours:
            for included in _named(args[0]):
                yield from read(included, depth + 1)
        else:
            yield Line(path, number, name.lower(), tuple(args), ours)


def _named(path: str) -> list[str]:
    """The files that an ``include`` line means: those that match a pattern, which may be none, or the one."""
    return sorted(glob.glob(path)) if glob.has_magic(path) else [path]  # noqa: PTH207 - paths as written


def apply(settings: dict[str, Any], line: Line, known: frozenset[str], ours: frozenset[str]) -> bool:
    """Put a directive into ``settings``; whether it is a setting. ConfigError.

    ``known`` are the settings that Redis has, ``ours`` those that only comments may have.
    """
    if line.ours:
        if line.name.replace("-", "_") not in ours:
            raise ConfigError(_unknown(f"setting {line.name!r} in a comment", line.name, _dashed(ours)))
        _set(settings, line.name.replace("-", "_"), line.args)
        return True
    name = RENAMED.get(line.name, line.name)
    if name.startswith("vm-"):
        raise ConfigError(
            f"{name}: virtual memory went away with Redis 2.4 and is not part of aofstore; remove the line"
        )
    if name == "dir" or name.replace("-", "_") in known:
        _set(settings, name.replace("-", "_"), line.args)
        return True
    if name not in SERVER_ONLY:
        if name.replace("-", "_") in ours:
            raise ConfigError(
                f"unknown directive {name!r}: no server has it, so write it as a comment, {OURS} {name} …"
            )
        names = [*_dashed(known), "dir", *SERVER_ONLY]
        raise ConfigError(_unknown(f"directive {name!r}", name, names))
    logger.info("%s, line %d: %s is for servers, ignored", shown(line.path), line.number, shown(name))
    return False


def _dashed(settings: Iterable[str]) -> list[str]:
    return [setting.replace("_", "-") for setting in settings]


def _unknown(what: str, name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"unknown {what}" + (f"; did you mean {near[0]!r}?" if near else "")


def split(text: str) -> list[str]:
    r"""The words of a line.

    They are bare, in ``"double"`` quotes with backslash escapes and ``\xHH``, or in ``'single'`` ones.

    ValueError when a quote does not close or is not followed by a blank.
    """
    words: list[str] = []
    rest = text.strip()
    while rest:
        match = _WORD.match(rest)
        if match is None:
            raise ValueError(text)
        double, single, bare = match.groups()
        if double is not None:
            words.append(_ESCAPE.sub(_unescaped, double))
        else:
            words.append(bare if single is None else single.replace("\\'", "'"))
        rest = rest[match.end() :].lstrip()
    return words


def quoted(word: str) -> str:
    """A word as `split` reads it back: bare if it can be, else in double quotes."""
    if word and _BARE.fullmatch(word):
        return word
    return '"' + "".join(_escaped(char) for char in word) + '"'


_WORD = re.compile(r"""(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\'|\\(?!'))*)'|([^\s"']\S*))(?=\s|$)""")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_BARE = re.compile(r"[!#-&(-\[\]-~]+")
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b"}
_LETTER_OF = {char: letter for letter, char in _LETTERS.items()}


def _set(settings: dict[str, Any], name: str, args: tuple[str, ...]) -> None:
    if name == "save":
        settings["save"] = [] if args == ("",) else [*settings.get("save", ()), *_points(_listed(args))]
    elif len(args) == 1:
        settings[name] = args[0]
    else:
        raise ConfigError(f"{name.replace('_', '-')} takes one value, not {len(args)}")


def _listed(args: tuple[str, ...]) -> tuple[str, ...]:
    """A list may also stand in one pair of quotes."""
    return tuple(args[0].split()) if len(args) == 1 else args


def _points(args: tuple[str, ...]) -> list[tuple[int, int]]:
    try:
        numbers = [int(arg) for arg in args]
        return list(zip(numbers[::2], numbers[1::2], strict=True))
    except ValueError:
        raise ConfigError(f"save takes pairs of seconds and changes, not {' '.join(args)!r}") from None


def _unescaped(match: re.Match[str]) -> str:
    if match[1] is not None:
        byte = bytes([int(match[1], 16)])
        return byte.decode("utf-8", "surrogateescape")
    return _LETTERS.get(match[2], match[2])


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char in _LETTER_OF:
        return "\\" + _LETTER_OF[char]
    if char < " " or char == "\x7f":
        return f"\\x{ord(char):02x}"
    return shown(char)


_SERVER_DIRECTIVES = """
acl-pubsub-default aclfile acllog-max-len active-defrag-cycle-max active-defrag-cycle-min
active-defrag-cycle-us active-defrag-ignore-bytes active-defrag-max-scan-fields
active-defrag-threshold-lower active-defrag-threshold-upper activedefrag activerehashing always-show-logo
aof-rewrite-cpulist aof_rewrite_cpulist availability-zone backup-sealed-ttl backupdirname bgsave-cpulist
bgsave_cpulist bind bind-source-addr bio-cpulist bio_cpulist busy-reply-threshold client-default-resp
client-output-buffer-limit client-query-buffer-limit cluster-allow-pubsubshard-when-down
cluster-allow-reads-when-down cluster-allow-replica-migration cluster-announce-bus-port
cluster-announce-client-ipv4 cluster-announce-client-ipv6 cluster-announce-client-port
cluster-announce-client-tls-port cluster-announce-hostname cluster-announce-human-nodename
cluster-announce-ip cluster-announce-port cluster-announce-tls-port cluster-blacklist-ttl
cluster-compatibility-sample-ratio cluster-config-file cluster-config-save-behavior cluster-databases
cluster-enabled cluster-link-sendbuf-limit cluster-manual-failover-timeout cluster-migration-barrier
cluster-node-timeout cluster-ping-interval cluster-port cluster-preferred-endpoint-type
cluster-replica-no-failover cluster-replica-validity-factor cluster-require-full-coverage
cluster-slave-no-failover cluster-slave-validity-factor cluster-slot-migration-log-max-len
cluster-slot-stats-enabled commandlog-execution-slower-than commandlog-large-reply-max-len
commandlog-large-request-max-len commandlog-reply-larger-than commandlog-request-larger-than
commandlog-slow-execution-max-len crash-log-enabled crash-memcheck-enabled daemonize disable-thp
dual-channel-replication-enabled dynamic-hz enable-debug-command enable-module-command
enable-protected-configs extended-redis-compatibility gopher-enabled hash-seed hide-user-data-from-log
hll-sparse-max-bytes ignore-warnings import-mode io-threads io-threads-do-reads jemalloc-bg-thread
key-load-delay latency-tracking latency-tracking-info-percentiles lazyexpire-nested-arbitrary-keys
lazyfree-lazy-eviction lazyfree-lazy-expire lazyfree-lazy-server-del lazyfree-lazy-user-del
lazyfree-lazy-user-flush lfu-decay-time lfu-log-factor list-compress-depth list-max-ziplist-entries
list-max-ziplist-value loading-process-events-interval-bytes loadmodule locale-collate log-format
log-timestamp-format logfile loglevel lookahead lua-replicate-commands lua-time-limit masterauth
masteruser max-new-connections-per-cycle max-new-tls-connections-per-cycle maxclients maxmemory
maxmemory-clients maxmemory-eviction-tenacity maxmemory-policy maxmemory-samples min-replicas-max-lag
min-replicas-to-write min-slaves-max-lag min-slaves-to-write mptcp notify-keyspace-events oom-score-adj
oom-score-adj-values pidfile port prefetch-batch-max-size primaryauth primaryuser proc-title-template
propagation-error-behavior protected-mode rdb-del-sync-files rdb-key-save-delay
rdb-save-incremental-fsync rdb-version-check rdbchecksum rdma-bind rdma-completion-vector
rdma-port rdma-rx-size rename-command repl-backlog-size repl-backlog-ttl repl-disable-tcp-nodelay
repl-diskless-load repl-diskless-sync repl-diskless-sync-delay repl-diskless-sync-max-replicas
repl-diskless-sync-period repl-mptcp repl-ping-replica-period repl-ping-slave-period repl-rdb-channel
repl-timeout replica-announce-ip replica-announce-port replica-announced replica-full-sync-buffer-limit
replica-ignore-disk-write-errors replica-ignore-maxmemory replica-lazy-flush replica-priority
replica-read-only replica-serve-stale-data replicaof requirepass sanitize-dump-payload server-cpulist
server_cpulist set-proc-title shutdown-on-sigint shutdown-on-sigterm shutdown-timeout slave-announce-ip
slave-announce-port slave-ignore-maxmemory slave-lazy-flush slave-priority slave-read-only
slave-serve-stale-data slaveof slot-migration-max-failover-repl-bytes slowlog-log-slower-than
slowlog-max-len socket-mark-id stream-node-max-bytes stream-node-max-entries supervised syslog-enabled
syslog-facility syslog-ident tcp-backlog tcp-keepalive timeout tls-allowlisted-certs tls-auth-clients
tls-auth-clients-user tls-auto-reload-interval tls-ca-cert-dir tls-ca-cert-file tls-cert-file tls-ciphers
tls-ciphersuites tls-client-cert-file tls-client-key-file tls-client-key-file-pass tls-cluster
tls-dh-params-file tls-key-file tls-key-file-pass tls-port tls-prefer-server-ciphers tls-protocols
tls-replication tls-session-cache-size tls-session-cache-timeout tls-session-caching
tracking-table-max-keys unixsocket unixsocketgroup unixsocketperm use-exit-on-panic user watchdog-period
"""
SERVER_ONLY = frozenset(_SERVER_DIRECTIVES.split())
"""The directives of Redis 7.2 and of newer servers that have no meaning without a server."""
