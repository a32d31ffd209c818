"""Slips of the pen: one word that is wrong, and the word that belongs there."""

from __future__ import annotations

import ast
import re

from rsock._learn import roles
from rsock._learn._lexer import NAME, STRING
from rsock._learn._names import known
from rsock._learn.scene import called

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rsock._learn._lexer import Token
    from rsock._learn._mending import Found, Program

_WORDS = {"SOCKET_DGRAM": "SOCK_DGRAM", "SOCKET_STREAM": "SOCK_STREAM"}


def _kinds(program: Program) -> Iterator[Found]:
    for token in program.tokens:
        right = _WORDS.get(token.text) if token.kind == NAME else None
        if right is not None:
            program.change(token, right)
            yield (
                program.number(token.line),
                "kind",
                f"没有 {token.text}，应为 {right}",
                f"there is no {token.text}: {right} is meant",
                False,
            )


_WWW = re.compile(r"^([uUbBrR]*(?:'''|\"\"\"|'|\")(?:https?://)?)wwww\.(?=[\w-]+\.)")


def _hosts(program: Program) -> Iterator[Found]:
    for token in program.tokens:
        if token.kind == STRING and _WWW.match(token.text):
            program.change(token, _WWW.sub(r"\1www.", token.text))
            yield (
                program.number(token.line),
                "host",
                "主机名多写了一个 w：wwww. 应为 www.",
                "the host name has one w too many: wwww. for www.",
                False,
            )


_SEPARATOR = re.compile(r"^(?P<prefix>[uUbB]?)(?P<mark>['\"])(?P<text>(?:\\r\\n)+)(?P=mark)$")
_HEADS = re.compile(r"head|hdr|body|html|content|page|头", re.IGNORECASE)


def _splits(program: Program) -> Iterator[Found]:
    """Find `head, body = data.split('\\r\\n', 1)`: an empty line parts a head from its body."""
    if program.tree is None:
        return
    held = _bytes_names(program.tree) if program.dialect == "3" else set()
    for node in ast.walk(program.tree):
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
            continue
        call, target = node.value, node.targets[0]
        if not (
            isinstance(call.func, ast.Attribute)
            and call.func.attr == "split"
            and len(call.args) == 2
            and isinstance(call.args[0], ast.Constant)
            and isinstance(target, (ast.Tuple, ast.List))
            and len(target.elts) == 2
        ):
            continue
        raw = program.dialect == "3" and _is_bytes(call.func.value, held)
        heads = any(_HEADS.search(each.id) for each in target.elts if isinstance(each, ast.Name))
        token = _separator(program, call.args[0].lineno)
        if token is None or not (raw or heads):
            continue
        match = _SEPARATOR.match(token.text)
        assert match is not None
        prefix = "b" if raw else match["prefix"]
        text = "\\r\\n\\r\\n" if heads and match["text"] == "\\r\\n" else match["text"]
        right = f"{prefix}{match['mark']}{text}{match['mark']}"
        if right != token.text:
            program.change(token, right)
            yield (
                program.number(token.line),
                "split",
                f"HTTP 头和正文之间是空行：分隔符 {token.text} 应为 {right}",
                f"an empty line parts the head from the body: {right}, not {token.text}",
                False,
            )


def _separator(program: Program, line: int) -> Token | None:
    found = program.meaning()
    for at, token in enumerate(found[3:], 3):
        if (
            token.line >= line
            and token.kind == STRING
            and found[at - 2].text == "split"
            and _SEPARATOR.match(token.text)
        ):
            return token if token.line == line else None
    return None


def _bytes_names(tree: ast.Module) -> set[str]:
    """Give the names that hold bytes each time something is assigned to them."""
    held: set[str] = set()
    for _ in range(3):
        for node in ast.walk(tree):
            if isinstance(node, (ast.Assign, ast.AugAssign)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if isinstance(target, ast.Name) and _is_bytes(node.value, held):
                        held.add(target.id)
    return held


def _is_bytes(node: ast.expr, held: set[str]) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, bytes)
    if isinstance(node, ast.Name):
        return node.id in held
    if isinstance(node, ast.BinOp):
        return _is_bytes(node.left, held) or _is_bytes(node.right, held)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        name = node.func.attr
        if name in ("recv", "encode", "read_bytes"):
            return True
        return name in ("join", "strip", "replace") and _is_bytes(node.func.value, held)
    return False


def _excepts(program: Program) -> Iterator[Found]:
    """Find handlers that name no exception and use one."""
    if program.tree is None:
        return
    bound = known(program.tree)
    for node in ast.walk(program.tree):
        if not isinstance(node, ast.ExceptHandler) or node.name is not None:
            continue
        name = next(
            (
                each.id
                for part in node.body
                for each in ast.walk(part)
                if isinstance(each, ast.Name)
                and isinstance(each.ctx, ast.Load)
                and each.id not in bound
                and _ERROR.fullmatch(each.id)
            ),
            None,
        )
        tokens = program.meaning()
        at = next(
            (
                at
                for at, each in enumerate(tokens)
                if each.line == node.lineno and each.text == "except" and each.kind == NAME
            ),
            None,
        )
        if name is None or at is None:
            continue
        colon = next(each for each in tokens[at:] if each.text == ":" and each.depth == 0)
        kind = " Exception" if node.type is None else ""
        program.change(colon, f"{kind} as {name}:")
        yield (
            program.number(node.lineno),
            "except",
            f"用到了 {name}，但 except 没有给异常起名：应为 except{kind or ' ...'} as {name}",
            f"nothing defines {name}: 'except{kind or ' ...'} as {name}' is meant",
            False,
        )


_ERROR = re.compile(r"e|ex|exc|err|error|msg|errmsg|exception|Err|E")


_SAID = re.compile(r"(?:\bon|\bport|端口(?:号)?(?:为|是)?)\s*[:：]?\s*(\d{2,5})\b", re.IGNORECASE)


def _ports(program: Program) -> Iterator[Found]:
    """Find prints that name another port than the one that is bound; they stay as they are."""
    if program.tree is None:
        return
    role = roles.of_tree(program.tree)
    if role.name != "server" or role.port is None:
        return
    for node in ast.walk(program.tree):
        if not isinstance(node, ast.Call) or called(node) not in ("print", "_py2_print"):
            continue
        for each in ast.walk(node):
            if not (isinstance(each, ast.Constant) and isinstance(each.value, str)):
                continue
            said = _SAID.search(each.value)
            if said is not None and int(said[1]) != role.port:
                yield (
                    program.number(node.lineno),
                    "port",
                    f"打印的端口是 {said[1]}，实际绑定的是 {role.port}（只提醒，不改）",
                    f"it prints port {said[1]}, and {role.port} is bound (left as it is)",
                    True,
                )


SLIPS: tuple[Callable[[Program], Iterator[Found]], ...] = (
    _kinds,
    _hosts,
    _splits,
    _excepts,
    _ports,
)
