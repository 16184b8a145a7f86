"""The reasons that have words are those that can occur: the codes are read from the sources that give them."""

import ast
from pathlib import Path

import pipeline
from pipeline.failure_words import REASONS

ROOT = Path(pipeline.__file__).resolve().parent.parent
RAISED = {"DecodeError", "ImportFeatureError", "_MissingError", "Failure", "_give_up", "_failed", "Worked"}
OF_NO_TITLE = {"header_only", "failed", "sandbox", "trial"}
"""Of a reader that was asked for the header alone; a status; what ends the run; the trial of the sandbox."""
OF_A_RUN_THAT_ENDED = {"ended_run"}  # recorded by the next one


def texts(node: ast.expr, constants: dict[str, str]) -> set[str]:
    """Return the text that an expression is, or may be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    if isinstance(node, ast.IfExp):
        return texts(node.body, constants) | texts(node.orelse, constants)
    return {constants[node.id]} if isinstance(node, ast.Name) and node.id in constants else set()


def codes() -> set[str]:
    """Return the codes that the sources give to titles that fail."""
    trees = [
        ast.parse(path.read_text(encoding="utf-8"))
        for folder in ("data", "extract", "pipeline")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path.name not in ("failure_words.py", "file_doctor.py")
    ]
    constants = {
        node.targets[0].id: node.value.value
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }
    found: set[str] = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.ClassDef) and node.name in RAISED:
            found |= {
                text
                for part in node.body
                if isinstance(part, ast.Assign) and getattr(part.targets[0], "id", "") == "default_code"
                for text in texts(part.value, constants)
            }
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "error_code":
            found |= texts(node.value, constants)
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            found |= {
                text for word in node.keywords if word.arg == "error_code" for text in texts(word.value, constants)
            }
            if name in RAISED:
                given = [word.value for word in node.keywords if word.arg in ("code", "error_code")]
                given += [
                    one for one in node.args if name not in ("DecodeError", "ImportFeatureError", "_MissingError")
                ]
                found |= {text for one in given for text in texts(one, constants) if text.isidentifier()}
    return found - {""}


def test_every_reason_can_occur_and_every_code_of_a_title_has_words():
    known = codes()
    assert {"missing", "timeout", "killed", "process_lost", "too_long"} <= known  # of each way in which one is given
    assert not set(REASONS) - known - OF_A_RUN_THAT_ENDED
    assert known - OF_NO_TITLE - set(REASONS) == set()
