/* What the two load clients share: clocks, percentiles, and the talk with the driver. */

#ifndef LOAD_H
#define LOAD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

enum { PATIENCE = 20 }; /* seconds without any answer, after which the load gives up */

/* A slice of a window is shorter than the turn that the system gives to another program, so that
 * some are undisturbed even on a busy machine; and so many rounds long that answers which were
 * already waiting when it began do not show in its rate. */
enum { SLICE = 2000000, ROUNDS = 20 };

static const char BEFORE[] = "Hello, ";

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static inline uint64_t read_clock(clockid_t clock)
{
    struct timespec time;

    if (clock_gettime(clock, &time))
        die("clock_gettime");
    return (uint64_t)time.tv_sec * 1000000000u + time.tv_nsec;
}

static inline uint64_t now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

/* How many answers took how long: 64 steps to each doubling, so that a step is 1.6 % at most. */
enum { STEPS = 64, DOUBLINGS = 59 };
static uint64_t histogram[STEPS * DOUBLINGS];

static inline void note(uint64_t took)
{
    int shift = took < STEPS ? 0 : 63 - __builtin_clzll(took) - 6;

    histogram[STEPS * shift + (took >> shift)]++;
}

/* The time that a share of the answers did not exceed, in nanoseconds. */
static uint64_t percentile(uint64_t count, double share)
{
    uint64_t wanted = (uint64_t)((double)count * share) + 1;
    uint64_t seen = 0;

    for (int i = 0; i < STEPS * DOUBLINGS; i++) {
        seen += histogram[i];
        if (seen >= wanted) {
            int shift = i < 2 * STEPS ? 0 : i / STEPS - 1;
            return (uint64_t)(i - STEPS * shift) << shift;
        }
    }
    return 0;
}

/* A window of time in which answers are counted, after a time to warm up. It lasts until there was
 * one answer at least. */
static struct window {
    uint64_t warm, length;        /* nanoseconds before it, and of it */
    uint64_t begin, end;          /* when it is to begin and to end */
    uint64_t begun, ended;        /* when it did; 0 is not yet */
    uint64_t count, lost;         /* answers, and datagrams without one */
    uint64_t spent;               /* what the server's process used of its processor */
    uint64_t slice, counted;      /* when the present slice began, and the count by then */
    uint64_t flight;              /* messages under way */
    double best;                  /* answers per second in the best slice */
    clockid_t server;
} window;

/* Wait for the driver's word, and set the window to what it says; 0 when there is no more to do. */
static int asked(void)
{
    unsigned warm, length;

    if (scanf(" go %u %u", &warm, &length) != 2)
        return 0;
    memset(histogram, 0, sizeof histogram);
    window.warm = warm * 1000000ull;
    window.length = length * 1000000ull;
    return 1;
}

/* Start the clock, when every connection has its first message under way. */
static void start(int flight)
{
    window.begin = now() + window.warm;
    window.begun = window.ended = window.count = window.lost = window.counted = 0;
    window.best = 0;
    window.flight = flight;
}

/* Look at the time; an answer that is counted afterwards belongs to the window if there is one. */
static inline void look(uint64_t time)
{
    if (!window.begun && time >= window.begin) {
        window.begun = time;
        window.slice = time;
        window.end = time + window.length;
        window.spent = read_clock(window.server);
    }
    if (window.count && !window.ended && time >= window.end) {
        window.ended = time;
        window.spent = read_clock(window.server) - window.spent;
    }
}

static inline void answered(uint64_t time, uint64_t asked_at)
{
    look(time);
    if (!window.begun || window.ended)
        return;
    window.count++;
    note(time - asked_at);
    if (time - window.slice >= SLICE && window.count - window.counted >= ROUNDS * window.flight) {
        double rate = (double)(window.count - window.counted) * 1e9 / (double)(time - window.slice);
        if (rate > window.best)
            window.best = rate;
        window.slice = time;
        window.counted = window.count;
    }
}

/* Tell the driver: answers, nanoseconds, nanoseconds of the server, p50, p99, lost, and the
 * rate of the best slice (0 if none was whole). */
static void report(void)
{
    printf("%llu %llu %llu %llu %llu %llu %.0f\n", (unsigned long long)window.count,
           (unsigned long long)(window.ended - window.begun), (unsigned long long)window.spent,
           (unsigned long long)percentile(window.count, 0.50),
           (unsigned long long)percentile(window.count, 0.99), (unsigned long long)window.lost,
           window.best);
    fflush(stdout);
}

static void watch_process(pid_t pid)
{
    if (clock_getcpuclockid(pid, &window.server)) {
        fprintf(stderr, "the server's processor time cannot be read\n");
        exit(1);
    }
}

#endif
