"""Keep other people's progress bars, log lines and warnings off the user's screen.

Law: every setting touched is put back, and no stream is redirected.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

__all__ = ["quiet"]

_LOGGERS = ("sentence_transformers", "transformers", "huggingface_hub", "httpx")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence the model libraries inside the block, errors excepted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from huggingface_hub.utils.tqdm import are_progress_bars_disabled
        from transformers.utils.logging import is_progress_bar_enabled

        hub_bars, model_bars = not are_progress_bars_disabled(), is_progress_bar_enabled()
        loggers = [logging.getLogger(name) for name in _LOGGERS]
        levels = [logger.level for logger in loggers]
        try:
            _show_bars(hub=False, models=False)
            for logger in loggers:
                logger.setLevel(logging.CRITICAL)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            _show_bars(hub=hub_bars, models=model_bars)


def _show_bars(*, hub: bool, models: bool) -> None:
    from huggingface_hub.utils.tqdm import disable_progress_bars, enable_progress_bars
    from transformers.utils import logging as model_logging

    # The switch of the models turns the hub's as well, so the hub's comes second.
    (model_logging.enable_progress_bar if models else model_logging.disable_progress_bar)()
    (enable_progress_bars if hub else disable_progress_bars)()
