"""Opens a GGUF file: looks at what it says, whether it fits into memory, and which file it is, before it is loaded."""

from __future__ import annotations

from pathlib import Path

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.settings import ModelSettings
from sre_orchestrator.plugins.models.llama_cpp import machine
from sre_orchestrator.plugins.models.llama_cpp.digest import file_digest
from sre_orchestrator.plugins.models.llama_cpp.engine import Engine, Sizes
from sre_orchestrator.plugins.models.llama_cpp.header import INSTRUCT, Header, read_header
from sre_orchestrator.plugins.models.llama_cpp.memory import check, need
from sre_orchestrator.plugins.models.llama_cpp.worker import Worker

# How much is computed at once: more needs more memory, less is slower.
BATCH_TOKENS = 256
LONGEST_EMBEDDED = 512
RANKS = 4  # a pooling of models that compare two texts, instead of giving each a vector
MOST_THREADS = 4  # more wait for memory rather than compute, and stand in others' way


class Opened(Struct, frozen=True, kw_only=True):
    """A file that is loaded."""

    name: str
    digest: str
    header: Header
    sizes: Sizes
    worker: Worker


def open_chat(reference: str, settings: ModelSettings, cache: Path | None, root: Path = machine.ROOT) -> Opened:
    """Load a model that answers.

    Raises:
        InputError: the file cannot be used, or is too large for the memory.

    """
    path, header = _looked_at(reference)
    if header.embeds:
        raise InputError(f"{path}: only embeds texts (name it in model.embedder); {INSTRUCT}")
    if not header.template:
        raise InputError(f"{path}: holds no chat template, so it was not made to answer; {INSTRUCT}")
    trained = header.number("context_length", settings.context_tokens)
    sizes = Sizes(
        context_tokens=min(settings.context_tokens, trained),
        batch_tokens=BATCH_TOKENS,
        threads=settings.threads or min(machine.processors(root), MOST_THREADS),
    )
    return _loaded(path, header, sizes, cache, root)


def open_embedding(reference: str, settings: ModelSettings, cache: Path | None, root: Path = machine.ROOT) -> Opened:
    """Load a model that embeds.

    Raises:
        InputError: the file cannot be used, or is too large for the memory.

    """
    path, header = _looked_at(reference)
    pooling = header.number("pooling_type")
    if not header.embeds or pooling == RANKS:
        raise InputError(f"{path}: was not made to embed texts; take such as all-MiniLM-L6-v2 as GGUF file")
    longest = min(LONGEST_EMBEDDED, header.number("context_length", LONGEST_EMBEDDED))
    sizes = Sizes(
        context_tokens=longest,
        batch_tokens=longest,
        threads=settings.threads or min(machine.processors(root), MOST_THREADS),
        embeds=True,
        mean=not pooling,
    )
    return _loaded(path, header, sizes, cache, root)


def _looked_at(reference: str) -> tuple[Path, Header]:
    if not reference:
        raise InputError("llama_cpp: names no file; write llama_cpp:/models/model.gguf")
    path = Path(reference).expanduser()
    header = read_header(path)
    if not header.architecture or not header.number("block_count"):
        raise InputError(f"{path}: holds no language model; {INSTRUCT}")
    return path, header


def _loaded(path: Path, header: Header, sizes: Sizes, cache: Path | None, root: Path) -> Opened:
    check(path, need(header, sizes.context_tokens, sizes.batch_tokens), machine.free_memory(root))
    digest = file_digest([Path(one) for one in header.files], cache)
    worker = Worker(lambda: Engine(path, sizes))
    return Opened(name=f"llama_cpp:{path.name}", digest=digest, header=header, sizes=sizes, worker=worker)
