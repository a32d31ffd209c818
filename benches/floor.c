/* The floor: what a 64-byte ping costs with nothing around the system calls.
 * calls.py builds this as a library and calls it in its own process, in turn with the modules. */

#include <sys/socket.h>
#include <sys/types.h>

/* Send and receive `count` times on connected sockets; return -1 when a call moved less than all. */
int ping(int near, int far, long count)
{
    char out[64] = {0};
    char in[64];

    for (long i = 0; i < count; i++) {
        if (send(near, out, sizeof out, 0) != (ssize_t)sizeof out)
            return -1;
        if (recv(far, in, sizeof in, 0) != (ssize_t)sizeof in)
            return -1;
    }
    return 0;
}

/* The same with datagrams to the address of `far`. */
int ping_datagram(int near, int far, long count)
{
    char out[64] = {0};
    char in[64];
    struct sockaddr_storage to, from;
    socklen_t size = sizeof to;

    if (getsockname(far, (struct sockaddr *)&to, &size))
        return -1;
    for (long i = 0; i < count; i++) {
        socklen_t room = sizeof from;
        if (sendto(near, out, sizeof out, 0, (struct sockaddr *)&to, size) != (ssize_t)sizeof out)
            return -1;
        if (recvfrom(far, in, sizeof in, 0, (struct sockaddr *)&from, &room) != (ssize_t)sizeof in)
            return -1;
    }
    return 0;
}
