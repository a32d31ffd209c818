/* The floor of servers with a thread for each connection: accept, recv and send, with nothing else.
 *
 *     threads_floor hello|echo
 *
 * Listens on a free port of 127.0.0.1, prints its number, and serves until it is killed. */

#define _GNU_SOURCE
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 65536 };

static const char GREETING[] = "Welcome!";
static const char BEFORE[] = "Hello, ";

static int hello;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int send_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent < 0)
            return -1;
        bytes += sent;
        size -= sent;
    }
    return 0;
}

static void *serve(void *argument)
{
    int fd = (int)(intptr_t)argument;
    size_t before = hello ? sizeof BEFORE - 1 : 0;
    char *buffer = malloc(ROOM + sizeof BEFORE);
    char *piece = buffer + before;
    ssize_t got;

    if (!buffer)
        die("malloc");
    memcpy(buffer, BEFORE, before);
    if (hello && send_all(fd, GREETING, sizeof GREETING - 1))
        goto end;
    while ((got = recv(fd, piece, ROOM, 0)) > 0) {
        if (hello && got == 4 && !memcmp(piece, "exit", 4))
            break;
        if (hello)
            piece[got++] = '!';
        if (send_all(fd, buffer, before + got))
            break;
    }
end:
    free(buffer);
    close(fd);
    return NULL;
}

int main(int count, char **words)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_attr_t attributes;
    int one = 1;
    int fd;

    hello = count > 1 && !strcmp(words[1], "hello");
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) ||
        listen(listener, SOMAXCONN) || getsockname(listener, (struct sockaddr *)&address, &size))
        die("listen");
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 4 * PTHREAD_STACK_MIN);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        pthread_t thread;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (pthread_create(&thread, &attributes, serve, (void *)(intptr_t)fd))
            die("pthread_create");
    }
    die("accept4");
}
