"""Programs in Python 2, as tutorials have them, with what Python 2.7 prints when they run.

Each is a server and its clients in one program, on a port that the system chooses.
"""

from typing import NamedTuple


class Script(NamedTuple):
    """A program, and what it prints."""

    name: str
    code: str
    printed: str


SCRIPTS = [
    Script(
        "text, files and methods of their own",
        """# -*- coding: utf-8 -*-
import json, os, tempfile

data = '你好'
print unicode(data, 'utf-8').encode('utf-8'), len(unicode(data, 'utf-8')), unicode('abc')
print u'%s!' % unicode(data, encoding='utf-8') == u'\\u4f60\\u597d!', u'%s' % 'x', u'%d' % 7
print isinstance(u'%s' % 'x', unicode), isinstance('%s' % u'x', basestring)

handle, path = tempfile.mkstemp()
os.close(handle)
f = file(path, 'wb')
f.write('a\\xff\\n')
f.close()
print repr(file(path).read()), file(path, 'rb').readline() == 'a\\xff\\n', isinstance(f, file)
os.remove(path)

class Message:
    def encode(self):
        return 'encoded'
    def decode(self, first, second=1):
        return first + second

print Message().encode(), Message().decode(2), Message().decode(2, second=3)
print json.JSONEncoder().encode([1, 'a']), json.JSONDecoder().decode('[1]')
""",
        "你好 2 abc\nTrue x 7\nTrue True\n'a\\xff\\n' True True\nencoded 3 5\n[1, \"a\"] [1]\n",
    ),
    Script(
        "threads",
        """# -*- coding: utf-8 -*-
import socket, threading

def serve(sock, addr):
    print 'from %s' % addr[0]
    sock.send('欢迎!')
    while True:
        data = sock.recv(1024)
        if data == 'exit' or not data:
            break
        sock.send('Hello, %s!' % data)
    sock.close()

s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.bind(('127.0.0.1', 0))
s.listen(5)

def client():
    c = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    c.connect(s.getsockname())
    print c.recv(1024)
    for data in ['Michael', '小明', u'\\u5c0f\\u7ea2'.encode('utf-8')]:
        c.send(data)
        print c.recv(1024)
    c.send('exit')
    c.close()

t = threading.Thread(target=client)
t.setDaemon(True)
t.start()
sock, addr = s.accept()
worker = threading.Thread(target=serve, args=(sock, addr))
worker.start()
worker.join()
t.join()
print t.isAlive()
""",
        "from 127.0.0.1\n欢迎!\nHello, Michael!\nHello, 小明!\nHello, 小红!\nFalse\n",
    ),
    Script(
        "select chat",
        """import select, socket, sys

server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(('localhost', 0))
server.listen(2)
ann, bob = socket.socket(), socket.socket()
ann.connect(server.getsockname())
names = {}
inputs = [server]
def wait(want):
    done = 0
    while done < want:
        readable, _, _ = select.select(inputs, [], [], 5)
        for sock in readable:
            done += 1
            if sock is server:
                conn, addr = server.accept()
                inputs.append(conn)
                names[conn] = ['ann', 'bob'][len(names)]
                print >>sys.stdout, names[conn], 'came'
            else:
                data = sock.recv(100)
                if data:
                    for other in names.keys():
                        if other <> sock:
                            other.sendall('<%s> %s' % (names[sock], data))
                else:
                    print names[sock], "left"
                    inputs.remove(sock)
                    for key in names.keys():
                        if key is sock: del names[key]
                    sock.close()
wait(1)
bob.connect(server.getsockname())
wait(1)
ann.send('hi')
wait(1)
print bob.recv(100)
bob.close()
wait(1)
print len(names), names.has_key(ann), names.values()
""",
        "ann came\nbob came\n<ann> hi\nbob left\n1 False ['ann']\n",
    ),
    Script(
        "epoll web server",
        """import select, socket
EOL1 = b'\\n\\n'
EOL2 = b'\\n\\r\\n'
response  = b'HTTP/1.0 200 OK\\r\\nContent-Length: 13\\r\\n\\r\\n'
response += b'Hello, world!'
server = socket.socket()
server.bind(('127.0.0.1', 0)); server.listen(1); server.setblocking(0)
client = socket.socket()
client.connect(server.getsockname())
client.send('GET / HTTP/1.0\\r\\n\\r\\n')
epoll = select.epoll()
epoll.register(server.fileno(), select.EPOLLIN)
try:
    connections = {}; requests = {}; responses = {}
    running = 1
    while running:
        for fileno, event in epoll.poll(1):
            if fileno == server.fileno():
                connection, address = server.accept()
                connection.setblocking(0)
                epoll.register(connection.fileno(), select.EPOLLIN)
                connections[connection.fileno()] = connection
                requests[connection.fileno()] = b''
                responses[connection.fileno()] = response
            elif event & select.EPOLLIN:
                requests[fileno] += connections[fileno].recv(1024)
                if EOL1 in requests[fileno] or EOL2 in requests[fileno]:
                    epoll.modify(fileno, select.EPOLLOUT)
                    print('-' * 10 + '\\n' + requests[fileno].decode()[:-2])
            elif event & select.EPOLLOUT:
                sent = connections[fileno].send(responses[fileno])
                responses[fileno] = responses[fileno][sent:]
                if len(responses[fileno]) == 0:
                    epoll.unregister(fileno)
                    connections[fileno].close()
                    del connections[fileno]
                    running = 0
finally:
    epoll.close()
    server.close()
print client.makefile().read().split('\\r\\n\\r\\n', 1)[1]
exec "print 'done'"
""",
        "----------\nGET / HTTP/1.0\r\n\nHello, world!\ndone\n",
    ),
    Script(
        "SocketServer",
        """import SocketServer, socket, threading

class Handler(SocketServer.BaseRequestHandler):
    def handle(self):
        self.data = self.request.recv(1024).strip()
        self.request.sendall(self.data.upper())

class Lines(SocketServer.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write('> ' + line)

class Packets(SocketServer.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        sock.sendto(data[::-1], self.client_address)

class Many(SocketServer.ThreadingMixIn, SocketServer.TCPServer):
    allow_reuse_address = True
    daemon_threads = True

def ask(server, text):
    t = threading.Thread(target=server.handle_request)
    t.start()
    if server.socket_type == socket.SOCK_DGRAM:
        c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        c.sendto(text, server.server_address)
        print c.recv(100)
    else:
        c = socket.create_connection(server.server_address)
        c.sendall(text)
        c.shutdown(socket.SHUT_WR)
        print repr(c.makefile('r', 0).read())
    c.close()
    t.join()
    server.server_close()

ask(SocketServer.TCPServer(('127.0.0.1', 0), Handler), 'hello\\n')
ask(Many(('127.0.0.1', 0), Lines), 'a\\nb\\n')
ask(SocketServer.UDPServer(('127.0.0.1', 0), Packets), 'abc')
""",
        "'HELLO'\n'> a\\n> b\\n'\ncba\n",
    ),
    Script(
        "file transfer",
        """import os, socket, struct, tempfile, thread, threading, hashlib

path = tempfile.mktemp()
content = ''.join(chr(n % 256) for n in xrange(100000))
with open(path, 'wb') as f:
    f.write(content)
head = '!32sL'
done = threading.Event()
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(1)

def receive():
    conn, addr = s.accept()
    name, size = struct.unpack(head, conn.recv(struct.calcsize(head)))
    print name.strip('\\00'), size
    out = open(path + '.copy', 'wb')
    left = size
    while left > 0:
        data = conn.recv(min(left, 1024))
        if not data: break
        left -= len(data)
        out.write(data)
    out.close()
    conn.close()
    done.set()

thread.start_new_thread(receive, ())
c = socket.socket(); c.connect(s.getsockname())
c.send(struct.pack(head, 'data.bin', os.path.getsize(path)))
fp = open(path, 'rb')
while 1:
    data = fp.read(4096)
    if not data:
        break
    c.sendall(data)
c.close()
done.wait(5)
print hashlib.md5(open(path + '.copy', 'rb').read()).hexdigest() == hashlib.md5(content).hexdigest()
os.remove(path); os.remove(path + '.copy')
""",
        "data.bin 100000\nTrue\n",
    ),
    Script(
        "length prefixes",
        """import socket, struct
a, b = socket.socketpair()
def send(sock, text):
    sock.sendall(struct.pack('>I', len(text)) + text)
def recvall(sock, count):
    buf = ''
    while len(buf) < count:
        part = sock.recv(count - len(buf))
        if not part: raise EOFError, 'closed after %d of %d' % (len(buf), count)
        buf += part
    return buf
def receive(sock):
    size, = struct.unpack('>I', recvall(sock, 4))
    return recvall(sock, size)
send(a, 'plain')
send(a, 'x' * 300)
print receive(b), len(receive(b))
a.send('\\x00\\x00\\x00\\x09abc')
a.close()
try:
    receive(b)
except EOFError, e:
    print e
    print e.message, e.args
print `struct.pack('<HB', 0xFFFE, 010)`, 7 / 2, 7 // 2, -7 / 2, 7 / 2.0, 10L
""",
        "plain 300\nclosed after 3 of 9\nclosed after 3 of 9 ('closed after 3 of 9',)\n"
        "'\\xfe\\xff\\x08' 3 3 -4 3.5 10\n",
    ),
    Script(
        "broadcast",
        """from socket import *
import time
host, BUF = '', 1024
r = socket(AF_INET, SOCK_DGRAM)
r.bind((host, 0))
s = socket(AF_INET, SOCK_DGRAM)
s.setsockopt(SOL_SOCKET, SO_BROADCAST, 1)
print s.getsockopt(SOL_SOCKET, SO_BROADCAST) <> 0
s.sendto('Is anyone there?', ('127.0.0.1', r.getsockname()[1]))
msg, (host, port) = r.recvfrom(BUF)
print 'from', host, ':', msg
print repr(inet_aton('127.0.0.1')), inet_ntoa('\\x7f\\x00\\x00\\x01')
s.settimeout(0.01)
try:
    s.recv(10)
except timeout, e:
    print 'timeout:', e
""",
        "True\nfrom 127.0.0.1 : Is anyone there?\n'\\x7f\\x00\\x00\\x01' 127.0.0.1\n"
        "timeout: timed out\n",
    ),
    Script(
        "fork",
        """import os, socket, sys
s = socket.socket()
s.bind(('127.0.0.1', 0))
s.listen(1)
sys.stdout.flush()
pid = os.fork()
if pid == 0:
    conn, addr = s.accept()
    conn.send('child: ' + conn.recv(100))
    conn.close()
    os._exit(3)
c = socket.socket()
c.connect(s.getsockname())
c.send('hello')
print c.recv(100)
print os.waitpid(pid, 0)[1] / 256
r, w = os.pipe()
os.write(w, 'pipe')
print os.read(r, 10)
""",
        "child: hello\n3\npipe\n",
    ),
    Script(
        "errors as they were",
        """import socket, sys
s = socket.socket()
s.bind(('127.0.0.1', 0))
addr = s.getsockname()
s.close()
c = socket.socket()
try:
    c.connect(addr)
except socket.error, msg:
    print 'Failed. Error Code : ' + str(msg[0]) + ' Message ' + msg[1]
    code, text = msg
    print code, text
try:
    c = socket.socket()
    c.connect(addr)
except socket.error, (value, message):
    if c:
        c.close()
    print "Could not connect: " + message, value
except:
    raise
try:
    raise ValueError, 'no'
except (TypeError, ValueError), e:
    print >>sys.stderr, 'unseen'
    print e, isinstance(e, StandardError)
""",
        "Failed. Error Code : 111 Message Connection refused\n111 Connection refused\n"
        "Could not connect: Connection refused 111\nno True\n",
    ),
    Script(
        "mail by hand",
        """import socket, threading, base64
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(1)
def serve():
    conn, _ = s.accept()
    f = conn.makefile('rw')
    f.write('220 ready\\r\\n'); f.flush()
    while True:
        line = f.readline()
        if not line: break
        word = line.split()[0].upper()
        if word == 'DATA':
            f.write('354 go on\\r\\n'); f.flush()
            body = []
            while True:
                line = f.readline()
                if line == '.\\r\\n': break
                body.append(line)
            print ''.join(body).replace('\\r\\n', '|')
        f.write({'HELO': '250 hi', 'QUIT': '221 bye'}.get(word, '250 ok') + '\\r\\n'); f.flush()
        if word == 'QUIT': break
    conn.close()
t = threading.Thread(target=serve); t.start()
c = socket.socket(); c.connect(s.getsockname())
recv = c.recv(1024)
print recv,
if recv[:3] != '220':
    print '220 reply not received from server.'
def say(text):
    c.send(text + '\\r\\n')
    return c.recv(1024)[:-2]
print say('HELO Alice'), say('MAIL FROM: <a@b>'), say('RCPT TO: <c@d>')
print say('DATA')
c.send('Subject: hi\\r\\n\\r\\n' + base64.b64encode('user:\\xff') + '\\r\\n')
print say('.')
print say('QUIT')
t.join()
""",
        "220 ready\r\n250 hi 250 ok 250 ok\n354 go on\nSubject: hi||dXNlcjr/|\n250 ok\n221 bye\n",
    ),
    Script(
        "web by hand",
        """#coding=utf-8
import BaseHTTPServer, urllib2, urllib, threading, StringIO, socket, urlparse
class Handler(BaseHTTPServer.BaseHTTPRequestHandler):
    def do_GET(self):
        query = urlparse.parse_qs(urlparse.urlparse(self.path).query)
        self.send_response(200)
        self.send_header('Content-type', 'text/html')
        self.end_headers()
        self.wfile.write('<p>%s</p>' % query['name'][0])
    def do_POST(self):
        data = self.rfile.read(int(self.headers.getheader('content-length')))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(data[::-1])
    def log_message(self, *args):
        pass
server = BaseHTTPServer.HTTPServer(('127.0.0.1', 0), Handler)
port = server.server_port
t = threading.Thread(target=lambda: [server.handle_request() for _ in range(3)])
t.start()
url = 'http://127.0.0.1:%d/?' % port + urllib.urlencode({'name': '你好'})
print urllib2.urlopen(url).read()
print urllib2.urlopen('http://127.0.0.1:%d/' % port, 'abc').read()
s = socket.create_connection(('127.0.0.1', port))
s.send("GET /?name=x HTTP/1.0\\r\\n\\r\\n")
out = StringIO.StringIO()
while True:
    buf = s.recv(1024)
    if not len(buf):
        break
    out.write(buf)
head, body = out.getvalue().split('\\r\\n\\r\\n', 1)
print head.split('\\r\\n')[0].split(' ', 1)[1], body
t.join()
server.server_close()
""",
        "<p>你好</p>\ncba\n200 OK <p>x</p>\n",
    ),
    Script(
        "queues and words",
        """import Queue, threading, string, time, cPickle, commands
import ConfigParser, subprocess, itertools
q = Queue.Queue()
for n in range(3): q.put(n)
try:
    while 1: print q.get_nowait(),
except Queue.Empty:
    print 'empty'
class Numbers:
    def __init__(self, top): self.n, self.top = 0, top
    def __iter__(self): return self
    def next(self):
        if self.n == self.top: raise StopIteration
        self.n += 1
        return self.n
    def __nonzero__(self): return False
it = Numbers(3)
print it.next(), list(it), bool(it)
d = {'b': 2, 'a': 1}
items = d.items()
items.sort(lambda x, y: cmp(x[1], y[1]))
print items, sorted(d.iteritems(), key=lambda (k, v): -v), d.has_key('a')
print sorted([3, 1, 2], cmp=lambda a, b: b - a), map(None, [1, 2]), zip('ab', [1, 2])
print reduce(lambda a, b: a + b, filter(lambda n: n % 2, xrange(6)))
print string.join(['a', 'b'], '-'), string.upper('x'), 'abc'.encode('hex'), '616263'.decode('hex')
print cPickle.loads(cPickle.dumps({'k': [1, 'two']})), commands.getoutput('echo out')
print subprocess.Popen('cat', shell=True, stdin=-1, stdout=-1).communicate('in')[0]
print [`n` for n in (1, 'a', u'b')][:2], 0777, 0xFFL, 1 <> 2, 'a' 'b', ur'\\d', r'\\n'
print 0.1 + 0.2, [0.5], '%s' % (1 / 3.0), '%r %d' % ('x', 3.7), 1e20, 5.0, round(2.5)
print "%-5s|%5.2f|%(none)s" % {'none': 1} if 0 else "%(k)s" % {'k': [1, 'b']}
print isinstance('x', basestring), isinstance(u'x', unicode), type(1L) is long
exec 'y = 4' in globals()
print y, eval('7 / 2'), (lambda (a, b), c: a + b + c)((1, 2), 3) if 0 else 6
print
print 'tab\\t', 'x', 'end',
""",
        "0 1 2 empty\n1 [2, 3] False\n[('a', 1), ('b', 2)] [('b', 2), ('a', 1)] True\n"
        "[3, 2, 1] [1, 2] [('a', 1), ('b', 2)]\n9\na-b X 616263 abc\n"
        "{'k': [1, 'two']} out\nin\n['1', \"'a'\"] 511 255 True ab \\d \\n\n"
        "0.3 [0.5] 0.333333333333 'x' 3 1e+20 5.0 3.0\n[1, 'b']\nTrue True True\n"
        "4 3 6\n\ntab\tx end\n",
    ),
]
