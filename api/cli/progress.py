"""Shows the agents at work on standard error."""

from __future__ import annotations

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

MARKS = {"asked": ("…", "yellow"), "done": ("✓", "green"), "failed": ("✗", "red")}


class AgentBoard:
    """One line: the step of the flow, then each agent with its state."""

    def __init__(self, console: Console | None = None) -> None:
        self._live = Live(console=console or Console(stderr=True), transient=True, refresh_per_second=10)
        self._step = ""
        self._agents: dict[str, str] = {}

    def __enter__(self) -> AgentBoard:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def step(self, name: str) -> None:
        """Show the step."""
        self._step = name
        self._show()

    def agent(self, name: str, state: str) -> None:
        """Show the agent's state."""
        self._agents[name] = state
        self._show()

    @property
    def line(self) -> Text:
        """Return what is shown."""
        line = Text(f"{self._step:8}", style="bold")
        for name, state in self._agents.items():
            mark, colour = MARKS[state]
            line.append(f"  {mark} {name}", style=colour)
        return line

    def _show(self) -> None:
        self._live.update(self.line)


class PartsBar:
    """A bar of the parts of something long that are done, by default of a recording."""

    def __init__(self, console: Console | None = None, doing: str = "recording") -> None:
        columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
        self._bar = Progress(*columns, console=console or Console(stderr=True), transient=True)
        self._task = self._bar.add_task("", total=0)
        self._expected = 0

    def __enter__(self) -> PartsBar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def expect(self, parts: int) -> None:
        """Make the bar longer."""
        self._expected += parts
        self._bar.update(self._task, total=self._expected)

    def done(self, what: str) -> None:
        """Move on, and show what was done last."""
        self._bar.update(self._task, advance=1, description=what)
