/* A load for TCP servers that costs no more than the floor does.
 *
 *     load PORT CONNECTIONS SIZE hello|echo PID
 *
 * Opens the connections one after the other, each with what begins it (the greeting, or a first
 * echo), and prints "open". Then, for each line "go WARM WINDOW" (milliseconds) on its input, keeps
 * one message of SIZE bytes under way on each connection, and prints what load.h says. PID is the
 * server's, whose processor time is read as the window begins and ends.
 *
 * A server that answers what it received and not what was sent may answer a message in pieces, each
 * with "Hello, " and "!" around it. A message is answered when it came back in whole: when what
 * arrived ends with a mark, and is longer than the message by 8 bytes for each mark. */

#define _GNU_SOURCE
#include "load.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 1 << 18, EVENTS = 256, GREETING = 8 };

static struct connection {
    int fd;
    int waits;          /* for room to send */
    size_t sent, got;
    size_t marks;
    uint64_t asked_at;  /* 0: nothing is under way */
} *connections;

static int queue, hello, count, busy;
static size_t size;
static char *message;
static char buffer[ROOM];

static void watch(struct connection *connection, int operation, unsigned events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};

    if (epoll_ctl(queue, operation, connection->fd, &event))
        die("epoll_ctl");
}

static void push(struct connection *connection)
{
    ssize_t sent =
        send(connection->fd, message + connection->sent, size - connection->sent, MSG_NOSIGNAL);

    if (sent < 0 && errno != EAGAIN)
        die("send");
    if (sent > 0)
        connection->sent += sent;
    if (connection->waits != (connection->sent < size)) {
        connection->waits = connection->sent < size;
        watch(connection, EPOLL_CTL_MOD, connection->waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

static void ask(struct connection *connection, uint64_t time)
{
    connection->sent = connection->got = connection->marks = 0;
    connection->asked_at = time;
    push(connection);
}

static int whole(struct connection *connection, size_t got)
{
    if (!hello)
        return connection->got == size;
    for (char *at = buffer; (at = memchr(at, '!', buffer + got - at)); at++)
        connection->marks++;
    return buffer[got - 1] == '!' && connection->got == size + 8 * connection->marks;
}

static void take(struct connection *connection)
{
    ssize_t got = recv(connection->fd, buffer, sizeof buffer, 0);
    uint64_t time;

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        fprintf(stderr, "the server closed a connection\n");
        exit(1);
    }
    connection->got += got;
    if (!whole(connection, got))
        return;
    time = now();
    answered(time, connection->asked_at);
    connection->asked_at = 0;
    if (window.ended)
        busy--;
    else
        ask(connection, time);
}

/* Connect from an address of this run's own, so that no port is missed that an earlier one used. */
static void begin(struct connection *connection, int port, int run)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct timeval patience = {.tv_sec = PATIENCE};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    from.sin_addr.s_addr = htonl(0x7f010001 + ((run & 0x3fff) << 8));
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) ||
        connect(fd, (struct sockaddr *)&to, sizeof to))
        die("connect");
    if (hello) {
        if (recv(fd, buffer, GREETING, MSG_WAITALL) != GREETING)
            die("greeting");
    } else if (send(fd, "x", 1, MSG_NOSIGNAL) != 1 || recv(fd, buffer, 1, 0) != 1) {
        die("first echo");
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    connection->fd = fd;
    watch(connection, EPOLL_CTL_ADD, EPOLLIN);
}

static void run(void)
{
    struct epoll_event events[EVENTS];
    uint64_t last = now();

    for (int i = 0; i < count; i++)
        ask(&connections[i], now());
    start(count);
    for (busy = count; busy;) {
        int ready = epoll_wait(queue, events, EVENTS, 100);
        if (ready > 0) {
            last = 0;
        } else {
            uint64_t time = now();
            look(time);
            last = last ? last : time;
            if (time - last > PATIENCE * 1000000000ull) {
                fprintf(stderr, "%d messages were not answered\n", busy);
                exit(1);
            }
        }
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection->waits && events[i].events & EPOLLOUT)
                push(connection);
            if (events[i].events & ~EPOLLOUT)
                take(connection);
        }
    }
}

int main(int words, char **word)
{
    if (words != 6) {
        fprintf(stderr, "usage: load PORT CONNECTIONS SIZE hello|echo PID\n");
        return 2;
    }
    count = atoi(word[2]);
    size = atol(word[3]);
    hello = !strcmp(word[4], "hello");
    watch_process(atoi(word[5]));
    queue = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc(count, sizeof *connections);
    message = malloc(size);
    if (queue < 0 || !connections || !message)
        die("set-up");
    memset(message, 'x', size);
    for (int i = 0; i < count; i++)
        begin(&connections[i], atoi(word[1]), getpid());
    puts("open");
    fflush(stdout);
    while (asked()) {
        run();
        report();
    }
    return 0;
}
