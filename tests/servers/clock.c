/* A wall clock that stands where a file says: 8 bytes, unix milliseconds, native order (FIXED_CLOCK names the file).
 * Preloaded into test servers; monotonic clocks stay real, so timers and time-outs work.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void) {
    static volatile int64_t *stamp;
    if (stamp == NULL) {
        const char *path = getenv("FIXED_CLOCK");
        int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
        void *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
        if (fd < 0 || page == MAP_FAILED) _exit(97);
        close(fd);
        stamp = page;
    }
    return *stamp;
}

int clock_gettime(clockid_t id, struct timespec *out) {
    if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE) return (int)syscall(SYS_clock_gettime, id, out);
    int64_t ms = now_ms();
    out->tv_sec = ms / 1000;
    out->tv_nsec = ms % 1000 * 1000000;
    return 0;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    (void)zone;
    int64_t ms = now_ms();
    out->tv_sec = ms / 1000;
    out->tv_usec = ms % 1000 * 1000;
    return 0;
}

time_t time(time_t *out) {
    time_t seconds = (time_t)(now_ms() / 1000);
    if (out != NULL) *out = seconds;
    return seconds;
}
