"""Writes LICENSE-THIRD-PARTY: the licences of every crate that ends up in the extension module.

Run as `make licenses` after Cargo.lock changes; `--check` (part of `make lint`) only says whether the file is
current. The crates are those that cargo links into `aofstore-py` on the platforms that wheels are built for;
what only runs while building (proc macros, build scripts) is listed too, since naming it costs nothing.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "LICENSE-THIRD-PARTY"
PLATFORMS = (
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
)
TEXT_NAMES = ("LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE")
RULE = "=" * 80


def cargo_metadata(platform: str) -> dict[str, Any]:
    """What cargo says of the workspace's packages, resolved for one platform."""
    argv = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", platform]
    answer = subprocess.run(argv, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    parsed: dict[str, Any] = json.loads(answer.stdout)
    return parsed


def linked_packages(metadata: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Package by id for everything reachable from aofstore-py without dev dependencies, ours left out."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    todo = [key for key, package in packages.items() if package["name"] == "aofstore-py"]
    seen: set[str] = set()
    while todo:
        key = todo.pop()
        if key in seen:
            continue
        seen.add(key)
        for dep in nodes[key]["deps"]:
            if any(kind["kind"] != "dev" for kind in dep["dep_kinds"]):
                todo.append(dep["pkg"])
    return {key: packages[key] for key in seen if packages[key]["source"] is not None}


def licence_texts(package: dict[str, Any]) -> Iterator[str]:
    """The texts that a crate ships beside its manifest, without trailing space."""
    folder = Path(package["manifest_path"]).parent
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name.upper().startswith(TEXT_NAMES):
            yield "\n".join(line.rstrip() for line in path.read_text("utf-8").strip().splitlines())


def render() -> str:
    """The whole file: a list of crates, then each different text once, with the crates it belongs to."""
    found: dict[str, dict[str, Any]] = {}
    for platform in PLATFORMS:
        found.update(linked_packages(cargo_metadata(platform)))
    ordered = sorted(found.values(), key=lambda package: (package["name"], package["version"]))
    owners: dict[str, list[str]] = {}
    lines = ["Rust libraries in aofstore's extension module", ""]
    for package in ordered:
        name = f"{package['name']} {package['version']}"
        lines.append(f"{name}: {package['license']}")
        for text in licence_texts(package):
            owners.setdefault(text, []).append(name)
    for text, names in owners.items():
        lines += ["", RULE, ", ".join(dict.fromkeys(names)), RULE, "", text]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the file, or compare it when called with --check; the exit status says whether it is current."""
    wanted = render()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(wanted, "utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text("utf-8") == wanted:
        return 0
    print("LICENSE-THIRD-PARTY does not match Cargo.lock: run `make licenses` and commit it", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
