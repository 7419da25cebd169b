"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_reference() -> Path:
    """Folder of reference data kept beside the checkout; tests that need it skip where it is absent."""
    folder = ROOT.parent / "shared" / "reference"
    if not folder.is_dir():
        pytest.skip("needs the reference data kept beside the checkout (shared/reference), which is not here")
    return folder


@pytest.fixture(scope="session")
def scenarios() -> Path:
    """The repository's scenario folder."""
    return ROOT / "scenarios"
