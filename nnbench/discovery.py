"""Finding suites: the built-in ones, files, a project's ``[tool.nnbench] suites``, and entry points.

``sources`` only looks (the parent process calls it); ``load`` imports and runs suites (a worker does).
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import pkgutil
import tomllib
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from nnbench.candidate import with_candidate
from nnbench.catalog import Component, Suite
from nnbench.errors import NnbenchError, RegistrationError, UnknownComponent, did_you_mean
from nnbench.metrics import modes
from nnbench.model import CaseInfo, ComponentInfo, Problem
from nnbench.suite_files import run_file

BUILT_IN = "nnbench.suites"
ENTRY_POINTS = "nnbench.suites"


@dataclass(frozen=True)
class Source:
    """Where a suite comes from: ``locator`` is a file's path, a module's name or an entry point's value.

    A candidate is one class or function, ``locator``, to be held against the component that ``name`` names.
    """

    kind: str  # "built-in", "module", "file", "entry point" or "candidate"
    locator: str
    name: str = field(compare=False)  # as the user wrote it; two spellings of one file are one source


@dataclass(frozen=True)
class Catalog:
    """Every component that could be loaded, and what could not."""

    components: Mapping[str, Component]
    problems: tuple[Problem, ...] = ()


def sources(files: Sequence[str] = (), directory: Path | None = None) -> tuple[Source, ...]:
    """The suites to load: built-in, of the project around ``directory``, of entry points, then ``files``.

    Nothing is imported. Raises ``NnbenchError`` for a file that does not exist.
    """
    found = [*_built_in(), *_of_project(directory or Path.cwd()), *_of_entry_points()]
    named = [_from_text(text, Path.cwd()) for text in files]
    for source in named:
        if source.kind == "file" and not Path(source.locator).is_file():
            raise NnbenchError(f"--suite names {source.name}, but there is no file {source.locator}")
    found += named
    return tuple(dict.fromkeys(found))


def sources_of_tree(above: Sequence[Path], files: Sequence[str], built_in: Path | None) -> tuple[Source, ...]:
    """The suites of a tree of files that is not the working tree: built-in ones only where it has a folder of them.

    ``above`` are the folders where the project's settings may be, nearest first; ``files`` that it lacks are left out.
    """
    own = _built_in([str(built_in)]) if built_in else []
    named = [_from_text(text, Path.cwd()) for text in files]
    present = [source for source in named if source.kind != "file" or Path(source.locator).is_file()]
    return tuple(dict.fromkeys([*own, *_of_folders(above), *_of_entry_points(), *present]))


def _built_in(places: list[str] | None = None) -> list[Source]:
    if places is None:
        package = importlib.util.find_spec(BUILT_IN)
        places = list(package.submodule_search_locations or ()) if package else []
    return [Source("built-in", f"{BUILT_IN}.{name}", name) for name in _module_names(places)]


def _module_names(places: list[str], prefix: str = "") -> list[str]:
    """Modules below a package, found without importing it; a folder stands for the modules in it.

    What starts with an underscore is no suite: variants that other libraries are needed for lie there.
    """
    names = []
    for module in pkgutil.iter_modules(places):
        if module.name.startswith("_"):
            continue
        if module.ispkg:
            inside = [str(Path(place) / module.name) for place in places]
            names += _module_names(inside, f"{prefix}{module.name}.")
        else:
            names.append(prefix + module.name)
    return names


def _of_project(directory: Path) -> list[Source]:
    return _of_folders((directory, *directory.parents))


def _of_folders(folders: Sequence[Path]) -> list[Source]:
    for folder in folders:
        settings = folder / "pyproject.toml"
        if settings.is_file():
            return [_from_text(text, folder) for text in _configured(settings)]
    return []


def _configured(settings: Path) -> list[str]:
    try:
        content: Any = tomllib.loads(settings.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise NnbenchError(f"{settings} is not valid TOML: {error}") from None
    for name in ("tool", "nnbench"):
        content = content.get(name, {}) if isinstance(content, dict) else None
    suites = content.get("suites", []) if isinstance(content, dict) else None
    if not isinstance(suites, list) or not all(isinstance(text, str) for text in suites):
        raise NnbenchError(f'{settings}: [tool.nnbench] suites is a list of texts, such as ["benchmarks/mine.py"]')
    return suites


def _of_entry_points() -> list[Source]:
    points = importlib.metadata.entry_points(group=ENTRY_POINTS)
    return [Source("entry point", point.value, point.name) for point in points]


def candidate(target: str, like: str) -> Source:
    """Somebody's class or function, ``package.module:Name`` or ``file.py:Name``, as a variant of a component."""
    return Source("candidate", target, like)


def _from_text(text: str, folder: Path) -> Source:
    """A suite named by its file or by its module: what ends in .py or holds a slash is a file."""
    if not (text.endswith(".py") or "/" in text):
        return _module(text)
    return Source("file", str((folder / text).resolve()), text)


def _module(name: str) -> Source:
    return Source("module", name, name)


def load(
    wanted: Iterable[Source],
    before: Callable[[Source], None] = lambda source: None,
) -> Catalog:
    """Import the suites one by one; one that raises becomes a ``Problem`` and costs only itself.

    ``before`` is told each source about to be imported, so that a parent process knows which one took the worker down.
    """
    components: dict[str, Component] = {}
    problems: list[Problem] = []
    for source in dict.fromkeys(wanted):
        before(source)
        try:
            if source.kind == "candidate":
                components[source.name] = with_candidate(components, source.name, source.locator)
                continue
            suites = _suites(source)
        except (Exception, SystemExit) as error:  # noqa: BLE001  a suite is anybody's code
            problems.append(_problem(source, error))
            continue
        for component in (made for suite in suites for made in suite.components.values()):
            if component.id in components:
                problems.append(_duplicate(source, component, components[component.id]))
            else:
                components[component.id] = component
    return Catalog(MappingProxyType(components), tuple(problems))


def _suites(source: Source) -> list[Suite]:
    if source.kind == "entry point":
        module_name, _, attribute = source.locator.partition(":")
        module = importlib.import_module(module_name)
        if attribute:
            found: Any = module
            return [_a_suite(functools.reduce(getattr, attribute.split("."), found))]
    else:
        module = run_file(Path(source.locator)) if source.kind == "file" else importlib.import_module(source.locator)
    suites = {id(value): value for value in vars(module).values() if isinstance(value, Suite)}
    if not suites and source.kind != "built-in":
        raise RegistrationError('it makes no suite; a suite file holds suite = nnbench.Suite("mine")')
    return list(suites.values())


def _a_suite(value: Any) -> Suite:
    if not isinstance(value, Suite):
        raise RegistrationError(f"its entry point is {value!r}, where a nnbench.Suite is wanted")
    return value


def _problem(source: Source, error: BaseException) -> Problem:
    """Name the line of the suite, not the line of the library that it called."""
    file, line = _suite_file(source), 0
    if isinstance(error, SyntaxError):
        file, line = error.filename or file, error.lineno or 0
    else:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename == file]
        outside = [frame for frame in frames if "importlib" not in frame.filename and frame.filename != __file__]
        if own or outside:
            frame = (own or outside)[-1]
            file, line = frame.filename, frame.lineno or 0
    kind = "" if isinstance(error, RegistrationError) else f"{type(error).__name__}: "
    return Problem(source.name, file, line, f"{kind}{error}")


def _suite_file(source: Source) -> str:
    if source.kind == "file":
        return source.locator
    module = source.locator.partition(":")[0]
    try:
        spec = importlib.util.find_spec(module)
    except Exception:  # noqa: BLE001  looking for it imports the packages that it lies in
        return module
    return spec.origin if spec and spec.origin else module


def _duplicate(source: Source, second: Component, first: Component) -> Problem:
    file, _, line = second.location.rpartition(":")
    message = f"{second.id} is registered already at {first.location}; this one is left out"
    return Problem(source.name, file, int(line or 0), message)


def describe(component: Component) -> ComponentInfo:
    """A component in plain values, for a process that does not import torch."""
    cases = tuple(
        CaseInfo(
            label=case.label,
            spec=case.spec,
            arguments=case.plain_arguments,
            inputs=tuple(spec.label for spec in case.inputs),
            dtype=case.dtype,
            device=case.device,
            timed=case.timed,
            elements=sum(spec.elements for spec in case.inputs),
        )
        for case in component.cases
    )
    return ComponentInfo(
        id=component.id,
        kind=component.kind,
        summary=component.doc.partition("\n")[0],
        documented=component.documented,
        properties=tuple(sorted(component.properties)),
        variants=tuple(component.variants),
        cases=cases,
        recipe=asdict(component.recipe) if component.recipe else None,
        location=component.location,
        modes=modes(component.kind, component.drive is not None),
        errata={name: variant.errata for name, variant in component.variants.items() if variant.errata},
        differences={name: variant.difference for name, variant in component.variants.items() if variant.difference},
        on_request=tuple(component.on_request),
        doc=component.doc,
    )


@functools.cache
def default_catalog() -> Catalog:
    """What this process can see without being told of files: loaded once; problems become warnings."""
    catalog = load(sources())
    for problem in catalog.problems:
        warnings.warn(str(problem), stacklevel=2)
    return catalog


def components() -> tuple[Component, ...]:
    """Every registered component, in order of registration."""
    return tuple(default_catalog().components.values())


def component(identifier: str) -> Component:
    """The component of this id; an unknown one raises ``UnknownComponent`` with suggestions."""
    known = default_catalog().components
    if identifier not in known:
        raise UnknownComponent(unknown(identifier, known))
    return known[identifier]


def unknown(identifier: str, known: Iterable[str]) -> str:
    """The message for an id that nothing is registered under."""
    known = list(known)
    suite, _, name = identifier.partition(".")
    same = [one.partition(".")[2] for one in known if one.startswith(f"{suite}.")]
    # Within a suite only the names are compared: the common prefix would make all of them look alike.
    if same and not name:
        return f"{suite!r} is a suite, not a component; `nnbench list {suite}` shows its {len(same)} components."
    suites = sorted({one.partition(".")[0] for one in known})
    hint = did_you_mean(name, same, f"{suite}.") if same else did_you_mean(identifier, [*known, *suites])
    where = f"`nnbench list {suite}` shows all {len(same)}" if same else f"`nnbench list` shows all {len(known)}"
    return " ".join(filter(None, [f"no component named {identifier!r}.", hint, f"{where}."]))
