"""The size and shape of the code, counted: files, lines, modules per folder, circles, arrows that point upwards.

`python -m tests.structure` prints the table; tests/test_architecture.py asserts its bounds.
"""

import ast
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
BOUNDS = {
    "product files": 200,
    "product lines": 25_000,
    "test lines": 17_000,
    "modules in the largest folder": 16,
    "circles of files": 1,
    "folders that import each other": 1,
    "circles of folders": 1,
}
# They put the whole together, so they may import from any folder.
ENTRIES = {"app.py", "web/factory.py"}


def tracked() -> list[str]:
    """List the files that are committed, or would be: all but the ignored ones."""
    if not (ROOT / ".git").exists():
        raise FileNotFoundError(f"Expected a git checkout in {ROOT}.")
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True)
    return sorted({name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()})


def imported(source: str, path: str = "") -> set[str]:
    """List the dotted names that a module imports, lazily or not; of `from a import b` both "a" and "a.b"."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found |= {name.name for name in names}
            case ast.ImportFrom(module=module, level=level, names=names):
                above = PurePosixPath(path).parts[:-level] if level else ()
                package = ".".join([*above, *([module] if module else [])])
                found |= {package, *(f"{package}.{name.name}" for name in names)}
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                found.add(name)
    return found


def arrows(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Find from which files each imports; a package counts only where something of its `__init__.py` is used."""
    files = {path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in sources}
    graph = {}
    for path, source in sources.items():
        names = imported(source, path)
        packages = {name for name in names if any(other.startswith(f"{name}.") for other in names & files.keys())}
        graph[path] = {files[name] for name in names & files.keys() - packages} - {path}
    return graph


def circles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Find the groups of nodes that all reach each other.

    Source: R. Tarjan, Depth-first search and linear graph algorithms, SIAM J. Comput. 1 (1972).
    """
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        order[node] = lowest[node] = len(order)
        stack.append(node)
        for target in sorted(graph.get(node, ())):
            if target not in order:
                visit(target)
            if target in stack:
                lowest[node] = min(lowest[node], lowest[target])
        if lowest[node] == order[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return found


def folder_arrows(graph: Mapping[str, Iterable[str]]) -> dict[str, dict[str, list[str]]]:
    """Find which folder imports from which; what imports nothing of ours is left out, and so is an entry."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path, targets in graph.items():
        if path in ENTRIES or path.endswith("__main__.py"):
            continue
        for target in sorted(targets):
            source, home = (str(PurePosixPath(each).parent) for each in (path, target))
            if source != home and graph.get(target):
                found[source][home].append(f"{path} -> {target}")
    return found


def product() -> dict[str, str]:
    """Read every module outside tests/, by its path."""
    return {name: read(name) for name in tracked() if name.endswith(".py") and not name.startswith("tests/")}


def read(name: str) -> str:
    """Read one file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def measure() -> tuple[dict[str, int], list[str]]:
    """Count all that BOUNDS has a bound for; return the counts, and lines that name what is large or in a circle."""
    sources = product()
    graph = arrows(sources)
    folders = Counter(str(PurePosixPath(path).parent) for path in sources if not path.endswith("__init__.py"))
    between = folder_arrows(graph)
    pairs = [(a, b) for a in sorted(between) for b in sorted(between[a]) if a < b and a in between.get(b, {})]
    remarks = [f"large folder {folder}: {n} modules" for folder, n in folders.most_common() if n > 15]
    remarks += [f"circle of files: {', '.join(each)}" for each in circles(graph)]
    remarks += [f"circle of folders: {', '.join(each)}" for each in circles(between)]
    for one, other in pairs:
        remarks += [f"{one} and {other} import each other:"]
        remarks += [f"    {arrow}" for arrow in between[one][other] + between[other][one]]
    tests = [name for name in tracked() if name.endswith(".py") and name.startswith("tests/")]
    counts = {
        "product files": len(sources),
        "product lines": sum(len(source.splitlines()) for source in sources.values()),
        "test lines": sum(len(read(name).splitlines()) for name in tests),
        "modules in the largest folder": max(folders.values()),
        "circles of files": len(circles(graph)),
        "folders that import each other": len(pairs),
        "circles of folders": len(circles(between)),
    }
    return counts, remarks


def rooms() -> list[tuple[str, int, int]]:
    """Count the files and lines of each folder with code, the product's first."""
    files: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for name in tracked():
        if name.endswith(".py"):
            folder = str(PurePosixPath(name).parent)
            files[folder] += 1
            lines[folder] += len(read(name).splitlines())
    return [
        (each, files[each], lines[each]) for each in sorted(files, key=lambda each: (each.startswith("tests"), each))
    ]


def main() -> None:
    """Print the folders, the counts beside their bounds, and what breaks a bound."""
    for folder, files, lines in rooms():
        print(f"{folder:40}{files:5}{lines:8}")
    counts, remarks = measure()
    print()
    for name, count in counts.items():
        print(f"{name:40}{count:13,}   below {BOUNDS[name]:,}{'' if count < BOUNDS[name] else '   BROKEN'}")
    print(*remarks, sep="\n")


if __name__ == "__main__":
    main()
