"""Which server the clients of a page talk to."""

from __future__ import annotations

from dataclasses import dataclass

from rsock._learn._blocks import Block


@dataclass(frozen=True)
class Pair:
    """A server with its clients, and the transcripts that stand beside them."""

    server: Block | None
    clients: tuple[Block, ...]
    transcripts: tuple[Block, ...] = ()


def find(blocks: list[Block]) -> list[Pair]:
    """Put servers and clients together: by protocol and port, and then by what is near."""
    servers = [each for each in blocks if each.kind == "script" and each.role == "server"]
    clients: dict[int, list[Block]] = {each.number: [] for each in servers}
    alone: list[Block] = []
    for each in blocks:
        if each.kind != "script" or each.role not in ("client", "fetch"):
            continue
        server = _server(each, servers) if each.role == "client" else None
        if server is None:
            alone.append(each)
        else:
            clients[server.number].append(each)
    found = [Pair(each, tuple(clients[each.number])) for each in servers]
    found += [Pair(None, (each,)) for each in alone]
    found.sort(key=_place)
    return [_beside(each, found, blocks) for each in found]


def _server(client: Block, servers: list[Block]) -> Block | None:
    same = [each for each in servers if each.proto == client.proto and _fits(each, client)]
    exact = [each for each in same if each.port is not None and each.port == client.port]
    near = exact or same
    above = [each for each in near if each.number < client.number]
    return above[-1] if above else near[0] if near else None


def _fits(server: Block, client: Block) -> bool:
    return server.port is None or client.port is None or server.port == client.port


def _place(pair: Pair) -> int:
    return min(each.number for each in (*pair.clients, pair.server) if each is not None)


def _beside(pair: Pair, pairs: list[Pair], blocks: list[Block]) -> Pair:
    """Add the transcripts between this pair and the next program of another one."""
    members = [each.number for each in (*pair.clients, pair.server) if each is not None]
    last = max(members)
    programs = [each.number for each in blocks if each.kind == "script" and each.number > last]
    end = min(programs, default=blocks[-1].number + 1)
    return Pair(
        pair.server,
        pair.clients,
        tuple(each for each in blocks if last < each.number < end and each.kind == "transcript"),
    )
