"""What holds for every test: no example has a deadline, since these machines are shared."""

from hypothesis import settings

settings.register_profile("e2ev", deadline=None)
settings.load_profile("e2ev")
