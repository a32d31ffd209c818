/* A load for UDP servers that answer "Hello, ...!", cheaper than the floor: it moves batches.
 *
 *     udp_load PORT FLIGHT SIZE hello PID
 *
 * Keeps FLIGHT datagrams of SIZE bytes (16 at least) under way on one socket; otherwise as load.c.
 * A datagram carries when it was sent, and its generation: when none was answered for a fifth of a
 * second, those that are missing count as lost, and a new generation begins. */

#define _GNU_SOURCE
#include "load.h"
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, ROOM = 65536 };

struct head {
    uint64_t asked_at, generation;
};

static int fd;
static size_t size;
static uint64_t generation;
static char out[BATCH][ROOM], in[BATCH][ROOM];
static struct iovec out_parts[BATCH], in_parts[BATCH];
static struct mmsghdr outgoing[BATCH], incoming[BATCH];

static void ask(int count, uint64_t time)
{
    struct head head = {time, generation};

    for (int i = 0; i < count; i++)
        memcpy(out[i], &head, sizeof head);
    for (int sent = 0; sent < count;) {
        int done = sendmmsg(fd, outgoing + sent, count - sent, 0);
        if (done < 0)
            die("sendmmsg");
        sent += done;
    }
}

static void ask_all(int flight)
{
    generation++;
    for (int left = flight; left > 0; left -= BATCH)
        ask(left < BATCH ? left : BATCH, now());
}

static void run(int flight)
{
    int busy = flight;
    int silent = 0;

    ask_all(flight);
    start(flight);
    while (busy) {
        int got = recvmmsg(fd, incoming, BATCH, MSG_WAITFORONE, NULL);
        int fresh = 0;
        uint64_t time = now();

        if (got < 0 && errno != EAGAIN)
            die("recvmmsg");
        if (got < 0) {
            look(time);
            window.lost += busy;
            if (++silent > PATIENCE * 5) {
                fprintf(stderr, "the server does not answer\n");
                exit(1);
            }
            busy = window.ended ? 0 : flight;
            if (busy)
                ask_all(flight);
            continue;
        }
        for (int i = 0; i < got; i++) {
            struct head head;
            if (incoming[i].msg_len != size + sizeof BEFORE)
                continue;
            memcpy(&head, in[i] + sizeof BEFORE - 1, sizeof head);
            if (head.generation != generation)
                continue;
            answered(time, head.asked_at);
            fresh++;
        }
        silent = fresh ? 0 : silent;
        if (window.ended)
            busy -= fresh;
        else
            ask(fresh, time);
    }
}

int main(int words, char **word)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_usec = 200000};
    int room = 1 << 22;
    int flight;

    if (words != 6) {
        fprintf(stderr, "usage: udp_load PORT FLIGHT SIZE hello PID\n");
        return 2;
    }
    to.sin_port = htons(atoi(word[1]));
    flight = atoi(word[2]);
    size = atol(word[3]);
    watch_process(atoi(word[5]));
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (size < sizeof(struct head) || fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to))
        die("set-up");
    for (int i = 0; i < BATCH; i++) {
        out_parts[i] = (struct iovec){out[i], size};
        in_parts[i] = (struct iovec){in[i], ROOM};
        outgoing[i].msg_hdr = (struct msghdr){.msg_iov = &out_parts[i], .msg_iovlen = 1};
        incoming[i].msg_hdr = (struct msghdr){.msg_iov = &in_parts[i], .msg_iovlen = 1};
    }
    puts("open");
    fflush(stdout);
    while (asked()) {
        run(flight);
        report();
    }
    return 0;
}
