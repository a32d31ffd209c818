/* The floor for datagrams: recvfrom and sendto, in turn.
 *
 *     udp_floor
 *
 * Binds a free port of 127.0.0.1, prints its number, and answers "Hello, ...!" until it is killed. */

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const char BEFORE[] = "Hello, ";

int main(void)
{
    static char buffer[sizeof BEFORE + 65536];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    size_t before = sizeof BEFORE - 1;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) ||
        getsockname(fd, (struct sockaddr *)&address, &size)) {
        perror("bind");
        return 1;
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    memcpy(buffer, BEFORE, before);
    for (;;) {
        struct sockaddr_in from;
        socklen_t room = sizeof from;
        ssize_t got = recvfrom(fd, buffer + before, 65535, 0, (struct sockaddr *)&from, &room);
        if (got < 0)
            continue;
        buffer[before + got] = '!';
        sendto(fd, buffer, before + got + 1, 0, (struct sockaddr *)&from, room);
    }
}
