"""Talking to one kernel through the server's websocket, as a notebook page does."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

import aiohttp

from hubfleet.kit.clock import timestamp


class KernelError(Exception):
    """The kernel died, or its connection ended; the text says which."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a kernel gave back for one piece of code.

    `status` is that of its reply (`ok`, `error`); `text` its standard output; `error` the name
    and value of an exception.
    """

    status: str
    text: str
    error: str = ""


class Kernel:
    """An open connection to a running kernel."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._session = secrets.token_hex(16)

    async def close(self) -> None:
        await self._socket.close()

    async def wait_until_alive(self) -> None:
        """Returns when the kernel has answered its first question."""
        sent = await self._send("kernel_info_request", {})
        while True:
            message = await self._receive()
            if _answers(message, sent) and message["header"]["msg_type"] == "kernel_info_reply":
                return

    async def run(self, code: str) -> Answer:
        """Run code; the answer counts only when both its reply and `idle` have come."""
        request = {
            "code": code,
            "silent": False,
            "store_history": False,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        }
        sent = await self._send("execute_request", request)
        status, error, text, idle = "", "", "", False
        while not (status and idle):
            message = await self._receive()
            if not _answers(message, sent):
                continue
            content = message["content"]
            match message["header"]["msg_type"]:
                case "stream" if content.get("name") == "stdout":
                    text += content["text"]
                case "status":
                    idle = content["execution_state"] == "idle"
                case "execute_reply":
                    status = content["status"]
                    if status == "error":
                        error = f"{content.get('ename')}: {content.get('evalue')}"
        return Answer(status, text, error)

    async def _send(self, kind: str, content: dict[str, Any]) -> str:
        identity = secrets.token_hex(16)
        header = {
            "msg_id": identity,
            "msg_type": kind,
            "username": "hubfleet-probe",
            "session": self._session,
            "date": timestamp(),
            "version": "5.3",
        }
        await self._socket.send_json(
            {
                "channel": "shell",
                "header": header,
                "parent_header": {},
                "metadata": {},
                "content": content,
                "buffers": [],
            }
        )
        return identity

    async def _receive(self) -> dict[str, Any]:
        while True:
            frame = await self._socket.receive()
            if frame.type in {
                aiohttp.WSMsgType.CLOSE,
                aiohttp.WSMsgType.CLOSING,
                aiohttp.WSMsgType.CLOSED,
                aiohttp.WSMsgType.ERROR,
            }:
                raise KernelError("the connection to the kernel was closed")
            if frame.type is not aiohttp.WSMsgType.TEXT:
                continue
            message: dict[str, Any] = json.loads(frame.data)
            # The server says so itself, in answer to nobody's question.
            state = message.get("content", {}).get("execution_state")
            if state in {"restarting", "autorestarting", "dead"}:
                raise KernelError("the kernel died")
            return message


def _answers(message: dict[str, Any], sent: str) -> bool:
    identity: Any = message.get("parent_header", {}).get("msg_id")
    return bool(identity == sent)
