"""Rehearsal models: rules that answer behind the wire of a language model, where there is no key.

They read the prompt that a language model would get, and nothing else, and are deterministic. They
are named `rehearsal/...` everywhere, so that nobody takes them for a language model.
"""

from council.llm.rehearsal.transport import rehearsal_transport

__all__ = ["rehearsal_transport"]
