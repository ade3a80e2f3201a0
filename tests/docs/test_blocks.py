"""The documentation is true: its Python runs, its links lead somewhere, and it names no machine.

Every ```python block of a page runs, in order, in one namespace per page and in a folder of its own. A block that
cannot run says why in a comment on the line before it: `<!-- no-run: reason -->`.
"""

import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EVERY_PAGE = [*PAGES, *(ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"))]
FENCE = re.compile(r"^(?P<indent> *)(?P<fence>```+|~~~+) *(?P<language>[\w+-]*)")
NO_RUN = re.compile(r"<!-- no-run: \S.* -->")
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(<?(?P<target>[^)\s>]+)>?(?: \"[^\"]*\")?\)")
SOURCE = re.compile(r"<(?:img|a)\b[^>]*?\b(?:src|href)=\"(?P<target>[^\"]+)\"")
MACHINE_PATH = re.compile(r"(?<![\w.:/~-])/(?:tmp|work|home|root|Users|mnt|opt|usr|var)/|[A-Z]:\\")


def named(pages: list[Path]) -> list:
    return [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in pages]


@dataclass(frozen=True)
class Block:
    """A fenced block: its first line's number in the page, its language, its text, and whether it is to run."""

    line: int
    language: str
    text: str
    runs: bool


def blocks_of(text: str) -> list[Block]:
    lines = text.splitlines()
    found, index = [], 0
    while index < len(lines):
        opening = FENCE.match(lines[index])
        if opening:
            start = index + 1
            fence, indent = opening["fence"], len(opening["indent"])
            body = [*itertools.takewhile(lambda line: not line.strip().startswith(fence), lines[start:])]  # noqa: B023
            before = next((line for line in reversed(lines[:index]) if line.strip()), "")
            code = "\n".join(line[indent:] if not line[:indent].strip() else line for line in body)
            found.append(Block(start + 1, opening["language"], code, not NO_RUN.fullmatch(before.strip())))
            index = start + len(body)
        index += 1
    return found


def prose_of(text: str) -> str:
    """A page without its fenced blocks and without its code spans."""
    kept, fence = [], None
    for line in text.splitlines():
        opening = FENCE.match(line)
        if fence is None and opening:
            fence = opening["fence"]
        elif fence is not None and line.strip().startswith(fence):
            fence = None
        elif fence is None:
            kept.append(re.sub(r"`[^`]*`", "", line))
    return "\n".join(kept)


def run_blocks(page: Path) -> int:
    """Run the Python blocks of a page; a traceback shows the page's own line numbers. Returns how many ran."""
    namespace: dict[str, object] = {"__name__": "__page__"}
    blocks = [
        block for block in blocks_of(page.read_text(encoding="utf-8")) if block.language == "python" and block.runs
    ]
    for block in blocks:
        exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), namespace)
    return len(blocks)


def anchors_of(text: str) -> set[str]:
    """The anchors of a page's headings, as they are made on the web: lower case, spaces to hyphens, no punctuation."""
    outside = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ +(.+?) *#*$", outside, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken_links(page: Path) -> list[str]:
    prose = prose_of(page.read_text(encoding="utf-8"))
    found = []
    for match in [*LINK.finditer(prose), *SOURCE.finditer(prose)]:
        target = match["target"]
        if re.match(r"(https?|mailto):", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / unquote(path)).resolve() if path else page
        if not file.exists():
            found.append(f"{target}: there is no such file")
        elif anchor and file.suffix == ".md" and anchor not in anchors_of(file.read_text(encoding="utf-8")):
            found.append(f"{target}: the page has no such heading")
    return found


def machine_paths(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if MACHINE_PATH.search(line)]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", named(PAGES))
def test_python_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_blocks(page)


@pytest.mark.parametrize("page", named(EVERY_PAGE))
def test_links_lead_somewhere(page):
    assert broken_links(page) == []


@pytest.mark.parametrize("page", named(EVERY_PAGE))
def test_no_page_names_a_path_of_one_machine(page):
    assert machine_paths(page.read_text(encoding="utf-8")) == []


PAGE = """# A page

```python
x = 1
```

<!-- no-run: takes a day -->
```python
x = 1 / 0
```

```bash
rm -rf
```

1. A step:

   ```python
   if x:
       x = x + 1
   ```

~~~text
[not a link](nowhere.md)
~~~
"""


def test_blocks_are_found_with_their_lines_and_reasons():
    assert blocks_of(PAGE) == [
        Block(4, "python", "x = 1", True),
        Block(9, "python", "x = 1 / 0", False),
        Block(13, "bash", "rm -rf", True),
        Block(19, "python", "if x:\n    x = x + 1", True),
        Block(24, "text", "[not a link](nowhere.md)", True),
    ]


def test_blocks_share_one_namespace(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE + "\n```python\nassert x == 2\n```\n", encoding="utf-8")
    assert run_blocks(page) == 3


def test_a_block_that_fails_names_its_line(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE + "\n```python\n\nassert x == 3\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError) as caught:
        run_blocks(page)
    assert caught.traceback[-1].lineno + 1 == 29
    assert page.read_text(encoding="utf-8").splitlines()[28] == "assert x == 3"


def test_a_reason_is_required_to_skip_a_block():
    assert blocks_of("<!-- no-run: -->\n```python\n1 / 0\n```\n")[0].runs


def test_broken_links_are_found(tmp_path):
    (tmp_path / "there.md").write_text("# The `first` part, of 2\n\n```text\n# no heading\n```\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n[a](there.md) [b](there.md#the-first-part-of-2) [c](#here) [d](https://example.org) `[e](code.md)`\n"
        '[f](gone.md) ![g](gone.png "title") [h](there.md#no-heading) <img src="lost.png">\n',
        encoding="utf-8",
    )
    assert broken_links(page) == [
        "gone.md: there is no such file",
        "gone.png: there is no such file",
        "there.md#no-heading: the page has no such heading",
        "lost.png: there is no such file",
    ]


@pytest.mark.parametrize("text", ["see /tmp/run", "`/work/main`", "cd /home/me", "(/root/x)", r"C:\Users"])
def test_machine_paths_are_found(text):
    assert machine_paths(text) == [text]


@pytest.mark.parametrize(
    "text", ["docs/work/x", "https://example.org/tmp/x", "the root / of it", "runs/tmp/", "/VTKHDF/"]
)
def test_other_paths_are_no_machine_paths(text):
    assert machine_paths(text) == []
