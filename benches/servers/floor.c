/* The floor: a server of one thread around epoll, recv and send, with nothing else.
 *
 *     floor hello|echo
 *
 * Listens on a free port of 127.0.0.1, prints its number, and serves until it is killed. What does
 * not fit into a socket at once is kept and sent later; everything else is left out, so that no
 * server that makes the same system calls can be faster. */

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 65536, EVENTS = 256, FILES = 1 << 16 };

static const char GREETING[] = "Welcome!";
static const char BEFORE[] = "Hello, ";

/* What waits to be sent, by descriptor. */
static struct rest {
    char *bytes;
    size_t from, to;
} rests[FILES];

static int queue;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(int fd, int operation, unsigned events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    if (epoll_ctl(queue, operation, fd, &event))
        die("epoll_ctl");
}

static void drop(int fd)
{
    free(rests[fd].bytes);
    rests[fd] = (struct rest){0};
    close(fd);
}

static void answer(int fd, const char *bytes, size_t size)
{
    ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);

    if (sent < 0 && errno != EAGAIN)
        return drop(fd);
    if (sent < 0)
        sent = 0;
    if ((size_t)sent < size) {
        rests[fd].bytes = malloc(size - sent);
        if (!rests[fd].bytes)
            die("malloc");
        rests[fd].to = size - sent;
        memcpy(rests[fd].bytes, bytes + sent, size - sent);
        watch(fd, EPOLL_CTL_MOD, EPOLLOUT);
    }
}

/* Go on sending; receive again when all is sent. */
static void go_on(int fd)
{
    struct rest *rest = &rests[fd];
    ssize_t sent = send(fd, rest->bytes + rest->from, rest->to - rest->from, MSG_NOSIGNAL);

    if (sent < 0 && errno != EAGAIN)
        return drop(fd);
    if (sent > 0)
        rest->from += sent;
    if (rest->from == rest->to) {
        free(rest->bytes);
        *rest = (struct rest){0};
        watch(fd, EPOLL_CTL_MOD, EPOLLIN);
    }
}

static void take_all(int listener, int hello)
{
    int one = 1;
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= FILES) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        watch(fd, EPOLL_CTL_ADD, EPOLLIN);
        if (hello)
            answer(fd, GREETING, sizeof GREETING - 1);
    }
}

int main(int count, char **words)
{
    static char buffer[ROOM + sizeof BEFORE];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct epoll_event events[EVENTS];
    int hello = count > 1 && !strcmp(words[1], "hello");
    size_t before = hello ? sizeof BEFORE - 1 : 0;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    queue = epoll_create1(EPOLL_CLOEXEC);
    if (listener < 0 || queue < 0 || bind(listener, (struct sockaddr *)&address, size) ||
        listen(listener, SOMAXCONN) || getsockname(listener, (struct sockaddr *)&address, &size))
        die("listen");
    watch(listener, EPOLL_CTL_ADD, EPOLLIN);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    memcpy(buffer, BEFORE, before);
    for (;;) {
        int ready = epoll_wait(queue, events, EVENTS, -1);

        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                take_all(listener, hello);
            } else if (rests[fd].bytes) {
                go_on(fd);
            } else {
                char *piece = buffer + before;
                ssize_t got = recv(fd, piece, ROOM, 0);
                if (got < 0 && errno == EAGAIN)
                    continue;
                if (got <= 0 || (hello && got == 4 && !memcmp(piece, "exit", 4))) {
                    drop(fd);
                    continue;
                }
                if (hello)
                    piece[got++] = '!';
                answer(fd, buffer, before + got);
            }
        }
    }
}
