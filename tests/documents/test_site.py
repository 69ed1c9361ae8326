"""The documentation as a website: built without a warning, without other hosts, and with every public name."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import coreset_studio

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(place)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return place


@pytest.mark.slow
def test_it_is_built_and_loads_nothing_from_other_hosts(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) >= 35
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe)[^>]+src=\"([^\"]+)\"", text)
        loaded += re.findall(r"<link[^>]+rel=\"(?:stylesheet|preconnect|preload|icon)\"[^>]+href=\"([^\"]+)\"", text)
        assert [one for one in loaded if "//" in one] == [], page
    assert "url(http" not in "".join(one.read_text(encoding="utf-8") for one in site.rglob("*.css"))


@pytest.mark.slow
def test_every_public_name_is_documented(site: Path) -> None:
    text = (site / "api.html").read_text(encoding="utf-8")
    documented = set(re.findall(r"<h3[^>]*class=\"doc doc-heading\"[^>]*>(.*?)</h3>", text, re.DOTALL))
    words = {re.sub(r"<[^>]+>|\s.*|¶|&para;", "", each.strip(), flags=re.DOTALL) for each in documented}
    names = {re.sub(r"<[^>]+>", " ", each).split()[0] for each in documented} | words
    missing = {name for name in coreset_studio.__all__ if name != "__version__"} - names
    assert missing == set()
    plugins = (site / "plugins.html").read_text(encoding="utf-8")
    for name in ("Sampler", "Extractor", "Network", "Metric", "Source", "ExportFormat", "ClassPool", "Order"):
        assert f'.{name}"' in plugins


@pytest.mark.slow
def test_no_page_shows_the_marker_of_an_inclusion(site: Path) -> None:
    for page in sorted(site.rglob("*.html")):
        words = re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))
        assert re.search(r"--8\s*(?:&lt;|<)\s*--", words) is None, page
    assert "evenly_spaced:order" in re.sub(r"<[^>]+>", "", (site / "plugins.html").read_text(encoding="utf-8"))
