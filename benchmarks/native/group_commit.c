/* The floor of `always` with many threads: each appends a record to a shared buffer and waits until some thread has
 * written and synced it. One leader at a time takes the whole buffer; the others wait for it.
 * group_commit FILE SECONDS RECORD_BYTES THREADS; prints commits a second and fdatasyncs a second. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CAPACITY = 1 << 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t progress = PTHREAD_COND_INITIALIZER;
static char *filling, *writing;
static size_t filled, record_size;
static long appended, synced, commits, syncs;
static int leading, failed, file;
static double deadline;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

/* Called and left with the lock held; the disk is waited for without it. */
static void lead(void) {
    leading = 1;
    char *buffer = filling;
    filling = writing;
    writing = buffer;
    size_t size = filled;
    filled = 0;
    long target = appended;
    pthread_mutex_unlock(&lock);
    int wrong = write(file, buffer, size) != (ssize_t)size || fdatasync(file) != 0;
    pthread_mutex_lock(&lock);
    failed |= wrong;
    syncs++;
    synced = target;
    leading = 0;
    pthread_cond_broadcast(&progress);
}

static void *client(void *unused) {
    (void)unused;
    char record[4096];
    memset(record, 'x', sizeof record);
    while (now() < deadline && !failed) {
        pthread_mutex_lock(&lock);
        memcpy(filling + filled, record, record_size);
        filled += record_size;
        long mine = ++appended;
        while (synced < mine && !failed) {
            if (leading) pthread_cond_wait(&progress, &lock);
            else lead();
        }
        commits++;
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    double seconds = atof(argv[2]);
    record_size = strtoul(argv[3], NULL, 10);
    int count = atoi(argv[4]);
    if (record_size > 4096 || (size_t)count * record_size > CAPACITY) return 2;
    filling = malloc(CAPACITY);
    writing = malloc(CAPACITY);
    pthread_t *threads = calloc(count, sizeof *threads);
    file = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_TRUNC, 0600);
    if (filling == NULL || writing == NULL || threads == NULL || file < 0) return 1;
    double began = now();
    deadline = began + seconds;
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, client, NULL) != 0) return 1;
    for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
    double spent = now() - began;
    printf("%.1f %.1f\n", commits / spent, syncs / spent);
    return failed;
}
