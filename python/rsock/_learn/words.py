"""What hints say: a row for each thing that goes wrong, in Chinese and English."""

from __future__ import annotations

#: By key: the Chinese text and the English one. In braces stands what is known of the case.
ROWS: dict[str, tuple[str, str]] = {
    "in_use": (
        "端口{port}还被占着：多半是上一次运行的服务器没有退出；刚停掉的话，"
        "请在 bind 之前写 s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)。",
        "Port{port} is still taken, most likely by a server that was started before. If it has "
        "just ended, say s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1) before bind.",
    ),
    "in_use.held": (
        "端口{port}正被进程 {name}（PID {pid}）占用：先停掉它（kill {pid}，或在它的窗口按 Ctrl+C），"
        "或者换一个端口。",
        "Port{port} is held by {name} (process {pid}): stop that one first (kill {pid}, or Ctrl+C "
        "in its window), or take another port.",
    ),
    "in_use.self": (
        "端口{port}已经被这个程序自己占用了：同一个地址只能 bind 一次。",
        "This program itself holds port{port} already: an address can be bound only once.",
    ),
    "text_for_bytes": (
        'socket 收发的是字节，不是字符串：发送前 文本.encode("utf-8")，或者写成 b"..."；'
        '收到的数据用 .decode("utf-8") 变回文本。',
        'Sockets carry bytes, not text: use text.encode("utf-8") or b"..." on the way out, and '
        'data.decode("utf-8") on what came in.',
    ),
    "refused": (
        "{where}没有程序在监听：先运行服务器，再看两边的地址和端口是不是一样。",
        "Nobody listens{where}: start the server first, and see that both sides name the same "
        "address and port.",
    ),
    "refused.datagram": (
        "UDP 的那一头{where}没有程序：先运行服务器，再核对端口。",
        "Nobody receives UDP{where}: start the server first, and compare the ports.",
    ),
    "borders": (
        "TCP 是字节流，没有消息边界：一次 recv 可能只有半条消息，也可能是好几条粘在一起。"
        "请在每条消息前加长度，或用换行等分隔，再循环接收。",
        "TCP is a stream of bytes without borders: one recv may give half a message, or several "
        "glued together. Put a length in front or a separator between, and receive in a loop.",
    ),
    "cut_character": (
        "最后一个字被 recv 从中间切断了（一个汉字占 3 个字节）：收完全部数据再 decode，"
        '或用 codecs.getincrementaldecoder("utf-8")()。',
        "recv cut the last character in two (a Chinese one takes 3 bytes): decode when all has "
        'arrived, or use codecs.getincrementaldecoder("utf-8")().',
    ),
    "other_encoding": (
        "这些字节不是 {encoding} 编码的文本{guess}：发送和接收要约定同一种编码。",
        "These bytes are no {encoding} text{guess}: both sides have to agree on one encoding.",
    ),
    "gone": (
        "对方已经断开了连接：用 try/except ConnectionError 包住收发，关掉这个连接，别让整个程序停下。",
        "The other side has gone: put try/except ConnectionError around sending and receiving, "
        "close this connection, and go on with the rest.",
    ),
    "udp_silent": (
        "UDP 没有等到回复{where}：可能丢了，可能没人在收，也可能服务器根本没有用 sendto 回复。"
        "用 settimeout 限时并重试，再检查服务器的代码。",
        "No UDP reply came{where}: it was lost, nobody receives there, or the server never calls "
        "sendto to answer. Use settimeout and try again, and look at the server.",
    ),
    "threads_stay": (
        "按了 Ctrl+C，但还有线程没有结束（{names}），多半停在 recv 里，程序要等它们："
        "创建线程时写 daemon=True，或者再按一次 Ctrl+C。",
        "Ctrl+C came, but threads still run ({names}), most likely inside recv, and the program "
        "waits for them: create them with daemon=True, or press Ctrl+C again.",
    ),
    "short_send": (
        "send 只发出了 {total} 字节中的 {sent} 字节：改用 sendall，或者循环发送剩下的部分。",
        "send took only {sent} of {total} bytes: use sendall, or send the rest in a loop.",
    ),
    "unknown_host": (
        "找不到主机{host}：检查有没有拼错；这里只写主机名，没有 http:// 也没有路径。"
        "没有网络时可以用 rsock run --offline。",
        "There is no host{host}: check how it is spelled; only the name belongs here, no http:// "
        "and no path. Without a network, rsock run --offline answers for it.",
    ),
    "unknown_host.typo": (
        "找不到主机{host}：是不是想写 {better!r}？",
        "There is no host{host}: did you mean {better!r}?",
    ),
    "unknown_host.url": (
        "{host}是网址，不是主机名：connect 的第一项只写 {better!r}，路径放到请求里。",
        "{host} is a URL, not the name of a host: give connect {better!r} alone; the path belongs "
        "to the request.",
    ),
    "unknown_host.number": (
        "{host}不是 IP 地址：四个数都要在 0 到 255 之间。",
        "{host} is no IP address: each of its four numbers must be from 0 to 255.",
    ),
    "unknown_host.network": (
        "现在查不到主机{host}：可能没有网络，或 DNS 没有回答；没有网络时可以用 rsock run --offline。",
        "The host{host} cannot be looked up now: there is no network, or its DNS is silent. "
        "Without a network, rsock run --offline answers for it.",
    ),
    "python2": (
        "这是 Python 2 的写法：用 rsock run --py2 运行，或者改成 Python 3（print(...)、except X as e）。",
        "This is Python 2: run it with rsock run --py2, or write it as Python 3 has it (print(...), "
        "except X as e).",
    ),
    "undefined": (
        "名字 {name} 在这里还没有定义：检查拼写，或者少了一行 import。",
        "The name {name} is not defined here: check how it is spelled, or whether an import is "
        "missing.",
    ),
    "undefined.module": (
        "少了一行：在文件开头加上 import {name}（或用 rsock run --fix 自动补上）。",
        "A line is missing: put import {name} at the top of the file (rsock run --fix does it).",
    ),
    "undefined.later": (
        "{name} 到第 {line} 行才定义，运行到这里时还没有：把它移到前面，放在循环之前。",
        "{name} is defined only on line {line}, which has not run yet: move it above the code "
        "that uses it, before the loop.",
    ),
    "undefined.error": (
        "要在 except 里用 {name}，得写成 except Exception as {name}:。",
        "To use {name} in the except block, write except Exception as {name}:.",
    ),
    "no_such_name": (
        "socket 模块里没有 {name}：UDP 用 SOCK_DGRAM，TCP 用 SOCK_STREAM，IPv4 用 AF_INET。",
        "The module socket has no {name}: UDP is SOCK_DGRAM, TCP is SOCK_STREAM, IPv4 is AF_INET.",
    ),
    "no_such_name.near": (
        "socket 模块里没有 {name}，应该是 {better}。",
        "The module socket has no {name}; it is called {better}.",
    ),
    "no_such_name.shadow": (
        "import socket 导入的是你自己的文件 {path}，不是标准库：给它改个名字。",
        "import socket finds your own file {path} instead of the library: give it another name.",
    ),
    "not_ready": (
        "非阻塞的 socket 现在还没准备好，这不算出错：用 select 或 selectors 等到可以收发，"
        "或者用 settimeout 代替 setblocking(False)。",
        "A non-blocking socket is not ready yet, which is no failure: wait with select or "
        "selectors until it is, or use settimeout in place of setblocking(False).",
    ),
    "not_connected": (
        "这个 socket 还没有连接：客户端要先 connect；服务器要用 accept() 返回的那个 socket 收发。",
        "This socket is not connected: a client calls connect first; a server sends and receives "
        "on the socket that accept() returned.",
    ),
    "not_connected.listener": (
        "这是监听用的 socket，不能收发：写 conn, addr = s.accept()，然后用 conn 收发。",
        "This socket only listens: write conn, addr = s.accept(), and send and receive on conn.",
    ),
    "no_permission": (
        "没有权限使用端口{port}：1024 以下的端口只给管理员，换一个大一点的，比如 8080。",
        "Port{port} is not for you: those below 1024 are the administrator's; take a higher one, "
        "such as 8080.",
    ),
    "no_permission.broadcast": (
        "发广播之前要打开开关：s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)。",
        "Broadcasts have to be switched on first: "
        "s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1).",
    ),
    "timed_out": (
        "{seconds}没有等到：对方可能没有发，或地址不对，或太慢；用 except TimeoutError 重试，"
        "或者把 settimeout 的秒数加大。",
        "Nothing came in time{seconds}: the other side was silent or slow, or the address is "
        "wrong. Catch TimeoutError and try again, or give settimeout more seconds.",
    ),
    "closed": (
        "这个 socket 已经关闭了{line}：close 要放在最后一次收发之后（通常在循环外面），或者用 with。",
        "This socket has been closed{line}: close it after its last use, which often means "
        "outside of the loop, or use with.",
    ),
    "not_mine": (
        '{bound}不是这台机器的地址：bind 写 "127.0.0.1"（只给本机）、"0.0.0.0"（所有网卡）或本机的 IP。',
        '{bound} is no address of this machine: bind "127.0.0.1" (this machine only), "0.0.0.0" '
        "(all interfaces), or an address that it has.",
    ),
    "address_shape": (
        '地址要写成一个元组，端口是整数：{call}(("127.0.0.1", 9999))，注意有两层括号。',
        'An address is one tuple, and its port a number: {call}(("127.0.0.1", 9999)), with two '
        "pairs of brackets.",
    ),
    "address_shape.sendto": (
        '地址要写成一个元组，端口是整数：sendto(data, ("127.0.0.1", 9999))。',
        'An address is one tuple, and its port a number: sendto(data, ("127.0.0.1", 9999)).',
    ),
    "address_shape.range": (
        "端口号只能是 0 到 65535。",
        "A port is a number from 0 to 65535.",
    ),
    "full_width": (
        "代码里有中文标点：括号、引号、逗号、冒号都要换成英文（半角）的。",
        "There is Chinese punctuation in the code: brackets, quotes, commas and colons have to be "
        "the ASCII ones.",
    ),
    "waits.accept": (
        "还没有客户端连接{port}：在另一个窗口运行客户端，并核对地址和端口。",
        "No client has connected{to} yet: start one in another window, and compare address and port.",
    ),
    "waits.connect": (
        "对方没有应答：地址可能不对，或被防火墙拦住了；可以先 settimeout。",
        "The other side does not answer: the address may be wrong, or a firewall is between; use "
        "settimeout first.",
    ),
    "waits.send": (
        "对方一直不收，缓冲区满了：看看它是不是停在别处，没有 recv。",
        "The other side does not take what was sent, and the buffers are full: see whether it is "
        "busy elsewhere and never calls recv.",
    ),
    "waits.datagram": (
        "还没有数据报发到{port}：客户端运行了吗，它的 sendto 写的是这个端口吗？",
        "No datagram has come{to}: does the client run, and does its sendto name this port?",
    ),
    "waits.nobody": (
        "数据报发给了 {where}，可是那里没有程序在收：先运行服务器，再核对端口。UDP 不会报错。",
        "The datagrams went to {where}, where no program receives: start the server first, and "
        "compare the ports. UDP does not complain.",
    ),
    "waits.reply": (
        "数据报发给了 {where}{holder}，却一直没有回复：服务器真的调用了 sendto 吗？数据报也可能丢了，"
        "用 settimeout 限时再重发。",
        "The datagrams went to {where}{holder}, and no reply was ever sent, or it was lost: does the "
        "server call sendto? Use settimeout and send again.",
    ),
    "waits.blank_line": (
        "最后发出的 HTTP 请求少了结尾的空行：请求头要以 \\r\\n\\r\\n 结束，否则服务器一直等下文。",
        "The last HTTP request lacks its blank line: a head ends with \\r\\n\\r\\n, and without it "
        "the server waits for the rest.",
    ),
    "waits.keep_alive": (
        "HTTP/1.1 的服务器发完响应不会断开：请求里加上 Connection: close，或者按 Content-Length 收够就停。",
        "An HTTP/1.1 server keeps the connection open after its reply: add Connection: close to the "
        "request, or stop after Content-Length bytes.",
    ),
    "waits.stream": (
        "对方没有发数据，也没有断开，可能它也在 recv 里等你：看看该谁先发。TCP 没有消息边界，"
        "几条消息可能已经粘在一起被一次 recv 收走了。",
        "The other side neither sends nor closes, and perhaps waits in recv as well: see whose turn "
        "it is. TCP keeps no borders: several messages may have come glued together in one recv.",
    ),
}
