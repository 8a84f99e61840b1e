"""A rule pack is a folder or a wheel whose YAML and runbooks are copied; nothing of it is run."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.rules import packs
from sre_orchestrator.rules.packs import MOST_BYTES, MOST_FILES, Content, Pack, installed, names, packed, read_pack

FILES = {"rules/a.yaml": b"a", "rules/deep/b.yml": b"b", "runbooks/cart.md": b"# Cart", "causes/c.yaml": b"c"}


def folder(root: Path, files: dict[str, bytes]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text)
    return root


def wheel(root: Path, files: dict[str, bytes], name: str = "Acme_Rules-1.2.0-py3-none-any.whl") -> Path:
    with zipfile.ZipFile(root / name, "w") as file:
        for path, text in files.items():
            file.writestr(path, text)
    return root / name


def put(state: Path, content: Content) -> None:
    packs.write_pack(content, state / "partial")
    packs.packs_folder(state).mkdir(exist_ok=True)
    packs.put_in_place(state / "partial", state, content.pack.name)


def test_a_folder_is_read_without_what_is_no_part_of_a_pack(tmp_path: Path) -> None:
    more = {"rules/notes.txt": b"x", "rules/.hidden.yaml": b"x", "rules/.git/x.yaml": b"x", "README.md": b"x"}
    source = folder(tmp_path / "Our Rules", {**FILES, **more, "runbooks/plain.txt": b"x"})
    (source / "rules" / "link.yaml").symlink_to("/etc/hostname")

    content = read_pack(source)

    assert sorted(content.files) == sorted([*FILES, "runbooks/plain.txt"])
    assert (content.pack.name, content.pack.version, content.pack.origin) == ("our-rules", "", str(source))


def test_a_folder_may_say_what_it_is_called(tmp_path: Path) -> None:
    about = b"name: acme-rules\nversion: '3'\nabout: Rules of Acme.\n"

    content = read_pack(folder(tmp_path, {**FILES, "pack.yaml": about}))

    assert (content.pack.name, content.pack.version, content.pack.about) == ("acme-rules", "3", "Rules of Acme.")
    assert content.pack.digest == read_pack(folder(tmp_path, {"pack.yaml": b""})).pack.digest


def test_a_wheel_is_read_without_its_python(tmp_path: Path) -> None:
    inside = {f"acme/data/{path}": text for path, text in FILES.items()}
    more = {"acme/__init__.py": b"1 / 0", "acme_rules-1.2.0.dist-info/rules/x.yaml": b"x", "acme/rules.yaml": b"x"}
    source = wheel(tmp_path, {**inside, **more, "acme/data/pack.yaml": b"about: Acme"})

    content = read_pack(source)

    assert content.files == FILES
    assert (content.pack.name, content.pack.version, content.pack.about) == ("acme-rules", "1.2.0", "Acme")


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"README.md": b"x"}, "holds no kinds/, causes/, rules/, runbooks/; give a folder that has one"),
        ({**FILES, "pack.yaml": b"nom: x"}, "pack.yaml: Object contains unknown field `nom`; it may hold name"),
        ({**FILES, "pack.yaml": b"name: ../x"}, "'../x' is no name for a pack; write lower-case words"),
    ],
)
def test_what_is_no_pack_is_refused(tmp_path: Path, files: dict[str, bytes], complaint: str) -> None:
    with pytest.raises(RuleError) as caught:
        read_pack(folder(tmp_path / "pack", files))

    assert complaint in str(caught.value)


def test_a_file_that_is_no_wheel_and_a_folder_that_is_not_there_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_bytes(b"noise")

    with pytest.raises(RuleError, match=r"a\.whl: cannot be read: File is not a zip file; give a folder or a wheel"):
        read_pack(tmp_path / "a.whl")
    with pytest.raises(RuleError, match="never: there is no such folder or wheel"):
        read_pack(tmp_path / "never")


def test_a_wheel_without_a_name_for_its_version_has_none(tmp_path: Path) -> None:
    content = read_pack(wheel(tmp_path, FILES, "acme.whl"))

    assert (content.pack.name, content.pack.version) == ("acme", "")


def test_a_pack_that_is_too_large_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.whl", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("rules/bomb.yaml", b"0" * (MOST_BYTES + 1))
    many = folder(tmp_path / "many", {f"rules/{number}.yaml": b"" for number in range(MOST_FILES + 1)})

    for source in (tmp_path / "bomb.whl", many):
        with pytest.raises(RuleError, match="more than 2000 files or 33554432 bytes; make several packs of it"):
            read_pack(source)


def test_packs_are_installed_replaced_and_removed(tmp_path: Path) -> None:
    first, second = (Content(pack=Pack(name="a"), files={"rules/x.yaml": text}) for text in (b"1", b"2"))
    put(tmp_path, first)
    put(tmp_path, second)

    assert (packs.packs_folder(tmp_path) / "a" / "rules" / "x.yaml").read_bytes() == b"2"
    assert names(tmp_path) == ("a",)
    assert packs.remove(tmp_path, "a")
    assert not packs.remove(tmp_path, "a")
    assert names(tmp_path) == ()


def test_a_pack_that_was_changed_by_hand_is_not_used(tmp_path: Path) -> None:
    put(tmp_path, read_pack(folder(tmp_path / "good", FILES)))
    put(tmp_path, read_pack(folder(tmp_path / "changed", FILES)))
    (packs.packs_folder(tmp_path) / "changed" / "rules" / "a.yaml").write_bytes(b"other")
    (packs.packs_folder(tmp_path) / "damaged").mkdir()

    found, problems = installed(tmp_path)

    assert [pack.name for pack in found] == ["good"]
    assert [problem.partition(": ")[0] for problem in problems] == [
        str(packs.packs_folder(tmp_path) / name) for name in ("changed", "damaged")
    ]
    assert "its files are not those that were added; add it again, or remove it" in problems[0]


def test_folders_of_packs_are_what_plugins_would_register(tmp_path: Path) -> None:
    put(tmp_path, read_pack(folder(tmp_path / "acme", FILES)))
    found, _ = installed(tmp_path)
    root = packs.packs_folder(tmp_path) / "acme"

    assert packed(tmp_path, found, "register_rules") == (root / "rules",)
    assert packed(tmp_path, found, "register_vocabulary") == ()
    assert packed(tmp_path, found, "register_signals") == ()
    assert installed(tmp_path / "nowhere") == ((), ())


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(RuleError, match="cannot be written: Not a directory; choose another state folder"):
        packs.write_pack(Content(pack=Pack(name="a"), files={}), tmp_path / "file" / "a")
