"""A small MCP server on standard input and output that has one fault: ``python small_mcp_server.py FAULT [FILE]``.

It needs no package. FILE remembers what happened in an earlier process of it, and holds what ``tells`` answers.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

FAULT = sys.argv[1] if len(sys.argv) > 1 else "none"
FILE = Path(sys.argv[2]) if len(sys.argv) > 2 else None
PODS = [{"name": "web-1", "namespace": "shop", "phase": "Failed", "restarts": "3"}]
SCHEMA = {"type": "object", "properties": {"items": {"type": "array", "items": {"type": "integer"}}}}
changed = False
lists = 0


def tool(name: str, **more: Any) -> dict[str, Any]:
    arguments = {"namespace": {"type": "string"}, "limit": {"type": "string"}}
    return {
        "name": name,
        "description": f"Tells of {name}.",
        "inputSchema": {"type": "object", "properties": arguments, "required": ["namespace"]},
        "annotations": {"readOnlyHint": True},
        **more,
    }


def tools() -> list[dict[str, Any]]:
    pods = tool("pods")
    if FAULT == "no_hint":
        del pods["annotations"]
    if FAULT == "writes" or (FAULT == "no_longer_reads" and changed):
        pods["annotations"] = {"readOnlyHint": False}
    if FAULT == "schema":
        pods["outputSchema"] = SCHEMA
    if FAULT == "vanishes" and changed:
        return [tool("nodes")]
    return [pods, tool("nodes")]


def listed(cursor: str | None) -> dict[str, Any]:
    global lists  # noqa: PLW0603
    lists += 1
    if FAULT == "ends_later" and lists > 1:
        sys.exit(0)
    if FAULT == "endless_pages":
        return {"tools": [tool(f"more-{cursor}")], "nextCursor": f"{cursor}0"}
    if FAULT == "pages":
        at = int(cursor or 0)
        every = [*(tool(f"tool-{number}") for number in range(6)), *tools()]
        return {"tools": every[at : at + 2], **({"nextCursor": str(at + 2)} if at + 2 < len(every) else {})}
    return {"tools": tools()}


def told(content: Any, **more: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": json.dumps(content)}], "structuredContent": content, **more}


def called(arguments: dict[str, Any]) -> dict[str, Any]:  # noqa: C901, PLR0911, PLR0912 - a fault each
    global changed  # noqa: PLW0603 - the whole program is one server
    if FAULT in ("dies_once", "dies"):
        before = FILE is not None and FILE.exists()
        if FILE:
            FILE.write_text("died", encoding="utf-8")
        if FAULT == "dies" or not before:
            print("out of patience", file=sys.stderr, flush=True)
            sys.exit(3)
    if FAULT == "slow":
        time.sleep(30)
    if FAULT in ("vanishes", "no_longer_reads"):
        changed = True
        send({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
    if FAULT == "error":
        return {"content": [{"type": "text", "text": "no cluster is there, token=abcdef123456"}], "isError": True}
    if FAULT == "prose":
        return {"content": [{"type": "text", "text": "There are some pods."}]}
    if FAULT == "picture":
        return {"content": [{"type": "image", "data": "aGk=", "mimeType": "image/png"}]}
    if FAULT == "garbage":
        return {"content": "none", "structuredContent": 7}
    if FAULT == "arguments":
        return told({"items": [{**PODS[0], "phase": json.dumps(arguments, sort_keys=True)}]})
    if FAULT == "huge":
        return told({"items": ["x" * 100_000] * 30})
    if FAULT == "endless":
        while True:
            sys.stdout.write("x" * 65536)
    if FAULT == "tells" and FILE:
        content = json.loads(FILE.read_text(encoding="utf-8"))
        return told(content) if isinstance(content, dict) else {"content": [{"type": "text", "text": content}]}
    return told({"items": PODS})


def send(message: dict[str, Any]) -> None:
    if FAULT == "noise":
        print("Starting the server ... {done}")
    print(json.dumps(message), flush=True)


def answer(method: str, parameters: dict[str, Any]) -> dict[str, Any] | None:
    if method == "initialize":
        version = {"old": "2024-11-05", "future": "2199-01-01"}.get(FAULT, parameters["protocolVersion"])
        about = {"name": "small", "version": "1.0"}
        return {"protocolVersion": version, "capabilities": {"tools": {"listChanged": True}}, "serverInfo": about}
    if method == "tools/list":
        return listed(parameters.get("cursor"))
    if method == "tools/call" and FAULT != "refuses":
        return called(parameters.get("arguments") or {})
    return None


def main() -> None:
    if FAULT == "exits":
        print("cannot read the kubeconfig, password=hunter22", file=sys.stderr, flush=True)
        sys.exit(1)
    if FAULT == "chatters":
        print("still starting\n" * 5000, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if FAULT == "only_noise":
            print("I am a web server, listening on port 80", flush=True)
        if FAULT in ("only_noise", "silent") or "id" not in request:
            continue
        result = answer(request["method"], request.get("params") or {})
        if result is None:
            error = {"code": -32601, "message": f"{request['method']} is not known here"}
            send({"jsonrpc": "2.0", "id": request["id"], "error": error})
        else:
            send({"jsonrpc": "2.0", "id": request["id"], "result": result})
    while FAULT == "stays":
        time.sleep(1)


if __name__ == "__main__":
    main()
