"""What the Debian package's environment shares between the Pythons; tests/appliance installs the package."""

from pathlib import Path

from bundling.deb import _share


def test_what_both_pythons_have_is_there_once_and_libraries_beside_each(tmp_path: Path) -> None:
    """A wheel's compiled modules name the folder of its libraries by their own place."""
    folders = [tmp_path / f"python{python}/site-packages" for python in ("3.11", "3.13")]
    for folder in folders:
        for name in ("plain", "driver", "driver.libs"):
            (folder / name).mkdir(parents=True)
        (folder / "plain/module.py").write_text("same = True\n")
        (folder / "driver/module.so").write_text(str(folder))
        (folder / "driver.libs/libpq.so").write_text("same")
    common = tmp_path / "common"
    _share(folders, common)
    assert sorted(each.name for each in common.iterdir()) == ["driver.libs", "plain"]
    for folder in folders:
        assert (folder / "driver/../driver.libs/libpq.so").resolve() == common / "driver.libs/libpq.so"
        assert not (folder / "plain").exists()
