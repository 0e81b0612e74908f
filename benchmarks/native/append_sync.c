/* The floor of `always` with one thread: append a record, fdatasync, again.
 * append_sync FILE SECONDS RECORD_BYTES; prints commits a second. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    double seconds = atof(argv[2]);
    size_t size = strtoul(argv[3], NULL, 10);
    char *record = malloc(size);
    int file = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_TRUNC, 0600);
    if (record == NULL || file < 0) return 1;
    memset(record, 'x', size);
    double began = now(), ended;
    long commits = 0;
    do {
        if (write(file, record, size) != (ssize_t)size || fdatasync(file) != 0) return 1;
        commits++;
        ended = now();
    } while (ended - began < seconds);
    printf("%.1f\n", commits / (ended - began));
    return 0;
}
