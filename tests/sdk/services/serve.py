"""Serve an application on a port of the system's choosing, and print which."""

import socket
from typing import Any

import uvicorn


def serve(app: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listening])
