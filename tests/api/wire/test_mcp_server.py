"""A real MCP server looks at the demo incident."""

from __future__ import annotations

from pathlib import Path

import anyio
from extras import program
from mcp import Client, StdioServerParameters

ASKED: dict[str, dict[str, object]] = {
    "pods_list": {},
    "events_list": {},
    "pods_log": {"name": "checkout-5b7f9c4d8-zm2vq", "namespace": "shop", "tail": 3},
}


async def ask(kubeconfig: Path) -> dict[str, str]:
    server = StdioServerParameters(
        command=program("kubernetes-mcp-server"), args=["--read-only", "--kubeconfig", str(kubeconfig)]
    )
    answers = {}
    async with Client(server) as client:
        for tool, arguments in ASKED.items():
            result = await client.call_tool(tool, arguments)
            assert not result.is_error, result
            answers[tool] = "".join(getattr(part, "text", "") for part in result.content)
    return answers


def test_its_tools_answer_from_the_snapshot(kubeconfig: Path) -> None:
    answers = anyio.run(ask, kubeconfig)

    assert "CrashLoopBackOff" in answers["pods_list"]
    assert "Back-off restarting failed container" in answers["events_list"]
    assert "answered 502 Bad Gateway" in answers["pods_log"]
