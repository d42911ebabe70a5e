"""Lets the peer resolve the sandbox's names: `*.localhost` is loopback (RFC 6761), but not every system's resolver knows it.

Browsers do so themselves. Python loads this file by its name, from PYTHONPATH.
"""

import socket

import uvloop

LOOPBACK = "127.0.0.1"
_of_loop = uvloop.Loop.getaddrinfo
_of_socket = socket.getaddrinfo


def _known(host):
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    return LOOPBACK if isinstance(name, str) and name.endswith(".localhost") else host


async def _loop_getaddrinfo(self, host, port, **more):
    return await _of_loop(self, _known(host), port, **more)


def _socket_getaddrinfo(host, *args, **more):
    return _of_socket(_known(host), *args, **more)


uvloop.Loop.getaddrinfo = _loop_getaddrinfo
socket.getaddrinfo = _socket_getaddrinfo
