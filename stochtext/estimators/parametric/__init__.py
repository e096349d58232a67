"""Maximum likelihood for named and user-written processes, and tests of nested ones."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
