/* Holds memory.c to what the C library does: every length up to some hundred bytes, at every alignment, overlapping both ways. */
#define memcpy our_memcpy
#define memmove our_memmove
#define memset our_memset
#define memcmp our_memcmp
#define bcmp our_bcmp
#undef __aarch64__
#include "memory.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef bcmp
#include <stdio.h>
#include <string.h>

enum { LONGEST = 420, ROOM = 1024, MIDDLE = 300 };
static uint8_t source[ROOM], ours[ROOM], theirs[ROOM];

static int is_same(const char *what, size_t n, size_t at, size_t from) {
    if (memcmp(ours, theirs, ROOM) == 0)
        return 1;
    printf("%s of %zu bytes to %zu from %zu\n", what, n, at, from);
    return 0;
}

static int sign(int n) { return (n > 0) - (n < 0); }

static int copies(size_t n) {
    for (size_t at = 0; at < 17; at++) {
        memcpy(ours, source, ROOM);
        memcpy(theirs, source, ROOM);
        if (our_memset(ours + at, 0x1a5, n) != ours + at)
            return 0;
        memset(theirs + at, 0x1a5, n);
        if (!is_same("memset", n, at, 0))
            return 0;
        for (size_t from = 0; from < 17; from++) {
            if (our_memcpy(ours + at, source + from, n) != ours + at)
                return 0;
            memcpy(theirs + at, source + from, n);
            if (!is_same("memcpy", n, at, from))
                return 0;
        }
    }
    for (size_t from = MIDDLE - 150; from < MIDDLE + 150; from++) {
        memcpy(ours, source, ROOM);
        memcpy(theirs, source, ROOM);
        if (our_memmove(ours + MIDDLE, ours + from, n) != ours + MIDDLE)
            return 0;
        memmove(theirs + MIDDLE, theirs + from, n);
        if (!is_same("memmove", n, MIDDLE, from))
            return 0;
    }
    return 1;
}

static int comparisons(size_t n) {
    for (size_t at = 0; at < 9; at++) {
        /* What follows differs, and does not count. */
        memcpy(ours + at, source, n);
        ours[at + n] = (uint8_t)(source[n] + 1);
        if (our_memcmp(ours + at, source, n) != 0 || our_bcmp(ours + at, source, n) != 0) {
            printf("%zu equal bytes at %zu differ\n", n, at);
            return 0;
        }
        for (size_t other = 0; other < n; other++) {
            uint8_t was = ours[at + other];
            ours[at + other] = (uint8_t)(was + 0x81);
            /* What comes behind the first difference does not count either. */
            ours[at + n - 1] ^= other + 1 < n ? 0xff : 0;
            int expected = sign(memcmp(ours + at, source, n));
            int got = sign(our_memcmp(ours + at, source, n));
            if (got != expected || sign(our_memcmp(source, ours + at, n)) != -expected || our_bcmp(ours + at, source, n) == 0) {
                printf("%zu bytes at %zu that differ in %zu compare as %d\n", n, at, other, got);
                return 0;
            }
            ours[at + n - 1] ^= other + 1 < n ? 0xff : 0;
            ours[at + other] = was;
        }
    }
    return 1;
}

int main(void) {
    uint32_t state = 1;
    for (size_t i = 0; i < ROOM; i++) {
        state = state * 1664525 + 1013904223;
        source[i] = (uint8_t)(state >> 24);
    }
    for (size_t n = 0; n <= LONGEST; n++)
        if (!copies(n) || !comparisons(n))
            return 1;
    puts("as the C library's");
    return 0;
}
