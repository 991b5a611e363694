"""A setuptools back end that builds the web UI before a wheel, so that the wheel contains the bundle.

An editable install does not build it: there `make` does when a source has changed.
"""

import shutil
import time
from typing import Any

import bundle
from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """setuptools' own requirements, and Node if the machine has none."""
    return [*build_meta.get_requires_for_build_wheel(config_settings), *bundle.requirements()]


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: Any = None) -> str:
    """Build the wheel without files of an earlier bundle, which setuptools would include."""
    bundle.build()
    for left in (bundle.ROOT / "build").glob("lib*/sessiontrack/web"):
        shutil.rmtree(left)
    built_at = bundle.ROOT / "sessiontrack" / "built_at"
    built_at.write_text(f"{int(time.time())}\n")
    try:
        return build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)
    finally:
        built_at.unlink()
