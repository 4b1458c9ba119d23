"""A new session for each test."""

import pytest
from playground_cases import settings

from multilayer.playground.session import Session


@pytest.fixture
def session():
    session = Session(settings())
    yield session
    session.close()
