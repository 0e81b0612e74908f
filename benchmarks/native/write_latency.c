/* How long one write(2) of a record takes while another thread syncs the file every second, as under everysec.
 * write_latency FILE SECONDS RECORD_BYTES PERIOD_NS; prints p50, p99, p99.9 and the longest, in microseconds. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BUCKETS = 4000000 };

static int file;
static volatile int done;

static long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void *syncer(void *unused) {
    (void)unused;
    struct timespec second = {1, 0};
    while (!done) {
        nanosleep(&second, NULL);
        fdatasync(file);
    }
    return NULL;
}

/* In tens of nanoseconds; what is longer than 40 ms shares the last bucket. */
static unsigned counts[BUCKETS];

static double percentile(long total, double share) {
    long seen = 0;
    for (long i = 0; i < BUCKETS; i++) {
        seen += counts[i];
        if (seen >= total * share) return i / 100.0;
    }
    return BUCKETS / 100.0;
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    long span = (long)(atof(argv[2]) * 1e9);
    size_t size = strtoul(argv[3], NULL, 10);
    long period = atol(argv[4]);
    char *record = malloc(size);
    file = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_TRUNC, 0600);
    pthread_t thread;
    if (record == NULL || file < 0 || pthread_create(&thread, NULL, syncer, NULL) != 0) return 1;
    memset(record, 'x', size);
    long began = now(), total = 0, longest = 0, start;
    while ((start = now()) - began < span) {
        if (write(file, record, size) != (ssize_t)size) return 1;
        long end = now(), took = end - start;
        long bucket = took / 10 < BUCKETS ? took / 10 : BUCKETS - 1;
        counts[bucket]++;
        total++;
        if (took > longest) longest = took;
        while (now() - start < period) {}
    }
    done = 1;
    pthread_join(thread, NULL);
    printf("%.2f %.2f %.2f %.2f\n", percentile(total, 0.5), percentile(total, 0.99), percentile(total, 0.999), longest / 1000.0);
    return 0;
}
