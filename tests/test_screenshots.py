from pathlib import Path

import pytest

from e2ev.report.html import html_report
from tests.screenshots import CHROMIUM, MADE, measured, report_of

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@needs_chromium
@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl")])
def test_page_lies_as_its_language_is_read(language: str, direction: str, tmp_path: Path) -> None:
    seen = measured(html_report(report_of(None), MADE, language), tmp_path)
    assert (seen["direction"], seen["language"], seen["loaded"]) == (direction, language, 0)
    assert seen["wide"] <= seen["room"]
    assert (seen["second"] < seen["first"]) == (direction == "rtl")
    assert (seen["behind"] < seen["before"]) == (direction == "rtl")


@needs_chromium
def test_page_fits_a_telephone(tmp_path: Path) -> None:
    seen = measured(html_report(report_of(None), MADE, "ru"), tmp_path, width=400)
    assert seen["wide"] <= seen["room"] + 1
    assert seen["first"] == seen["second"]
