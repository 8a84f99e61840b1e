"""The door to llama.cpp: a loaded file, its tokens, and what the model computes for them; for one thread at a time."""

from __future__ import annotations

import ctypes
import functools
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sre_orchestrator.core.errors import InputError, ModelError
from sre_orchestrator.core.models import Struct

if TYPE_CHECKING:
    import numpy as np

    Foreign = Any  # what llama.cpp gives out and takes back
    Numbers = np.ndarray[Any, Any]

INSTALL = 'python3 -m pip install "sre-orchestrator[local]"'
ABORTED = 2  # what llama_decode returns for it
KEPT_LINES = 20


class Sizes(Struct, frozen=True, kw_only=True):
    """How a file is loaded: tokens that it holds at once, tokens computed together, threads; for chats or to embed.

    A text's vector is the mean of those of its tokens with ``mean``, else what the file asks for.
    """

    context_tokens: int
    batch_tokens: int
    threads: int
    embeds: bool = False
    mean: bool = False


class Stopped(Exception):  # noqa: N818 - nothing is wrong
    """Somebody called ``stop``."""


class Engine:
    """A model in memory."""

    def __init__(self, path: Path, sizes: Sizes) -> None:
        self._library = _library()
        self._llama = library = self._library.calls
        self._path = path
        self._sizes = sizes
        self._flag = ctypes.create_string_buffer(2)
        self._library.forget()
        self._model = library.llama_model_load_from_file(os.fsencode(path), library.llama_model_default_params())
        if not self._model:
            raise InputError(f"{path}: llama.cpp cannot load it: {self._library.why()}")
        self._vocabulary = library.llama_model_get_vocab(self._model)
        self.words = int(library.llama_vocab_n_tokens(self._vocabulary))
        self._context = library.llama_init_from_model(self._model, self._parameters())
        if not self._context:
            library.llama_model_free(self._model)
            raise InputError(f"{path}: llama.cpp has no room for {sizes.context_tokens} tokens: {self._library.why()}")

    def stop(self) -> None:
        """End what is being computed, from any thread: it raises ``Stopped`` within milliseconds."""
        self._flag[0] = b"x"

    def go_on(self) -> None:
        """Forget that somebody called ``stop``."""
        self._flag[0] = b"\0"

    def tokens(self, text: str, *, markers: bool, whole: bool = False) -> list[int]:
        """Return the tokens of ``text``; only with ``markers`` is such as ``<|im_start|>`` more than its letters.

        A ``whole`` text gets what the model expects before and behind.
        """
        raw = text.encode("utf-8", "replace")
        room = len(raw) + 8
        found = (self._llama.llama_token * room)()
        count = self._llama.llama_tokenize(self._vocabulary, raw, len(raw), found, room, whole, markers)
        return list(found[: max(count, 0)])

    def text(self, tokens: Sequence[int]) -> str:
        """Return what tokens spell; markers spell nothing, and what is no UTF-8 is replaced."""
        return b"".join(map(self._piece, tokens)).decode("utf-8", "replace")

    @property
    def beginning(self) -> tuple[int, ...]:
        """Return the token that every prompt begins with, where the model wants one."""
        if not self._llama.llama_vocab_get_add_bos(self._vocabulary):
            return ()
        return (int(self._llama.llama_vocab_bos(self._vocabulary)),)

    def marker(self, name: str) -> str:
        """Return how the marker ``bos`` or ``eos`` is written, empty where there is none."""
        token = getattr(self._llama, f"llama_vocab_{name}")(self._vocabulary)
        return bytes(self._llama.llama_vocab_get_text(self._vocabulary, token)).decode() if token >= 0 else ""

    def read(self, tokens: Sequence[int]) -> None:
        """Begin anew with a prompt.

        Raises:
            Stopped: somebody called ``stop``.

        """
        self._forget()
        self._go_on_with(tokens)

    def answer(self, grammar: str, most: int) -> list[int]:
        """Return the likeliest tokens that ``grammar`` lets through, until it is at its end or there are ``most``.

        Raises:
            Stopped: somebody called ``stop``.
            ModelError: the grammar cannot be used, or nothing fits it.

        """
        rules = self._llama.llama_sampler_init_grammar(self._vocabulary, grammar.encode(), b"root")
        if not rules:
            raise ModelError(f"llama.cpp refuses the grammar of the answer: {self._library.why()}")
        found: list[int] = []
        try:
            while len(found) < most:
                token = self._likeliest(rules)
                if self._llama.llama_vocab_is_eog(self._vocabulary, token):
                    break
                self._llama.llama_sampler_accept(rules, token)
                found.append(token)
                if len(found) < most:
                    self._go_on_with([token])
        finally:
            self._llama.llama_sampler_free(rules)
        return found

    def embed(self, texts: Sequence[Sequence[int]]) -> list[list[float]]:
        """Return one vector of unit length for each text; together they have at most ``batch_tokens`` tokens.

        Raises:
            Stopped: somebody called ``stop``.

        """
        import numpy as np  # noqa: PLC0415 - only those with a model need it

        library = self._llama
        batch = library.llama_batch_init(sum(map(len, texts)), 0, 1)
        try:
            self._fill(batch, texts)
            self._forget()
            self._check(library.llama_decode(self._context, batch))
        finally:
            library.llama_batch_free(batch)
        width = library.llama_model_n_embd(self._model)
        rows = [library.llama_get_embeddings_seq(self._context, number) for number in range(len(texts))]
        vectors = np.array([np.ctypeslib.as_array(row, shape=(width,)) for row in rows], dtype=np.float64)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return [list(map(float, row)) for row in vectors]

    def close(self) -> None:
        """Give the memory back; nothing may be asked any more."""
        if self._context:
            self._llama.llama_free(self._context)
            self._llama.llama_model_free(self._model)
            self._context = None

    def _parameters(self) -> Foreign:
        library, sizes = self._llama, self._sizes
        parameters = library.llama_context_default_params()
        parameters.n_ctx = sizes.context_tokens
        parameters.n_batch = parameters.n_ubatch = min(sizes.batch_tokens, sizes.context_tokens)
        parameters.n_threads = parameters.n_threads_batch = sizes.threads
        parameters.no_perf = True
        if sizes.embeds:
            parameters.embeddings = parameters.kv_unified = True
            parameters.n_seq_max = min(parameters.n_batch, library.llama_max_parallel_sequences())
        if sizes.mean:
            parameters.pooling_type = library.LLAMA_POOLING_TYPE_MEAN
        # Asked between all steps of a computation, so it must not wait for Python: the C library's `strlen` says 0
        # for an empty text and 1 for `stop`'s, which are false and true.
        parameters.abort_callback = ctypes.cast(ctypes.CDLL(None).strlen, library.ggml_abort_callback)
        parameters.abort_callback_data = ctypes.cast(self._flag, ctypes.c_void_p)
        return parameters

    def _forget(self) -> None:
        """Begin anew; a model that reads all at once remembers nothing anyway."""
        memory = self._llama.llama_get_memory(self._context)
        if memory:
            self._llama.llama_memory_clear(memory, True)

    def _go_on_with(self, tokens: Sequence[int]) -> None:
        step = min(self._sizes.batch_tokens, self._sizes.context_tokens)
        for begin in range(0, len(tokens), step):
            some = tokens[begin : begin + step]
            array = (self._llama.llama_token * len(some))(*some)
            self._check(self._llama.llama_decode(self._context, self._llama.llama_batch_get_one(array, len(some))))

    def _check(self, status: int) -> None:
        if status == ABORTED or self._flag.value:
            raise Stopped
        if status:
            raise ModelError(f"llama.cpp gave up ({status}): {self._library.why()}")

    def _likeliest(self, rules: Foreign) -> int:
        """Return the likeliest token; the grammar looks at all of them only where it refuses the first."""
        import numpy as np  # noqa: PLC0415 - only those with a model need it

        logits = np.ctypeslib.as_array(self._llama.llama_get_logits_ith(self._context, -1), shape=(self.words,))
        for ids in (np.array([logits.argmax()]), np.arange(self.words)):
            left = self._permitted(rules, ids, logits[ids])
            best = int(left.argmax())
            if np.isfinite(left[best]):
                return int(ids[best])
        raise ModelError("the model finds nothing that fits the form of the answer")

    def _permitted(self, rules: Foreign, ids: Numbers, logits: Numbers) -> Numbers:
        """Return ``logits``, infinitely unlikely where the grammar refuses."""
        import numpy as np  # noqa: PLC0415 - only those with a model need it

        library = self._llama
        rows = np.zeros(len(ids), dtype=[("id", np.int32), ("logit", np.float32), ("p", np.float32)])
        rows["id"], rows["logit"] = ids, logits
        pointer = rows.ctypes.data_as(ctypes.POINTER(library.llama_token_data))
        candidates = library.llama_token_data_array(pointer, len(rows), -1, False)
        library.llama_sampler_apply(rules, ctypes.byref(candidates))
        permitted: Numbers = rows["logit"]
        return permitted

    def _fill(self, batch: Foreign, texts: Sequence[Sequence[int]]) -> None:
        """Put texts into a batch, each as a sequence of its own, with a vector wanted for all."""
        at = 0
        for number, tokens in enumerate(texts):
            for position, token in enumerate(tokens):
                batch.token[at], batch.pos[at] = token, position
                batch.n_seq_id[at], batch.seq_id[at][0], batch.logits[at] = 1, number, 1
                at += 1
        batch.n_tokens = at

    def _piece(self, token: int) -> bytes:
        room = 256
        piece = ctypes.create_string_buffer(room)
        length = self._llama.llama_token_to_piece(self._vocabulary, token, piece, room, 0, False)
        return piece.raw[: max(length, 0)]


class _Library:
    """llama.cpp with what it tells, which goes nowhere else; one for all models."""

    def __init__(self, calls: Foreign) -> None:
        self.calls = calls
        self._told: deque[str] = deque(maxlen=KEPT_LINES)
        self._listener = calls.llama_log_callback(self._listen)
        calls.llama_log_set(self._listener, None)
        calls.llama_backend_init()

    def forget(self) -> None:
        """Forget what was told before, of other models too."""
        self._told.clear()

    def why(self) -> str:
        """Return the first of the last lines that tells of an error, else the last line."""
        lines = [one for one in self._told if one]
        wrong = [one for one in lines if "error" in one.lower() or "failed" in one.lower()]
        return (wrong or lines[-1:] or ["it does not say why"])[0]

    def _listen(self, level: int, line: bytes, _: object) -> None:
        del level
        self._told.append(line.decode("utf-8", "replace").strip())


@functools.cache
def _library() -> _Library:
    """Import llama.cpp; threads that have nothing to do sleep, because spinning ones stand in others' way."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import llama_cpp  # noqa: PLC0415 - it is optional, and opens slowly
    except (ImportError, OSError, RuntimeError) as error:
        raise InputError(f"llama_cpp: llama-cpp-python cannot be imported ({error}); install it: {INSTALL}") from error
    return _Library(llama_cpp)
