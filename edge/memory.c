/* memcpy, memmove, memset, memcmp and bcmp in place of musl's, whose memcmp takes a byte at a time, and whose memcpy on x86-64 is
 * `rep movsq`, which costs some 30 cycles however short the copy. Short ones are what telemetry is made of: every size up to 128 bytes is
 * two, four or eight loads, then as many stores, which overlap in the middle. build-runtime links it before musl.
 *
 * Compile with -ffreestanding, so that no loop in here becomes a call of the function that it is in. */
#include <stddef.h>
#include <stdint.h>

typedef uint16_t half __attribute__((aligned(1), may_alias));
typedef uint32_t word __attribute__((aligned(1), may_alias));
typedef uint64_t wide __attribute__((aligned(1), may_alias));
typedef uint8_t block __attribute__((vector_size(16), aligned(1), may_alias));

#define AT(type, pointer) (*(type *)(pointer))
#define SEEN(type, pointer) (*(const type *)(pointer))

/* Everything is read before anything is written, so it does not matter whether the two overlap. */
#define ENDS(type)                                                                                                                     \
    do {                                                                                                                               \
        type first = SEEN(type, s), last = SEEN(type, s + n - sizeof(type));                                                           \
        AT(type, d) = first;                                                                                                           \
        AT(type, d + n - sizeof(type)) = last;                                                                                         \
    } while (0)

static inline void few(uint8_t *d, const uint8_t *s, size_t n) {
    if (n >= 8)
        ENDS(wide);
    else if (n >= 4)
        ENDS(word);
    else if (n >= 2)
        ENDS(half);
    else if (n)
        *d = *s;
}

static inline void some(uint8_t *d, const uint8_t *s, size_t n) {
    if (n <= 32) {
        ENDS(block);
        return;
    }
    const uint8_t *s_end = s + n;
    uint8_t *d_end = d + n;
    block a = SEEN(block, s), b = SEEN(block, s + 16), y = SEEN(block, s_end - 32), z = SEEN(block, s_end - 16);
    if (n > 64) {
        block c = SEEN(block, s + 32), e = SEEN(block, s + 48), w = SEEN(block, s_end - 64), x = SEEN(block, s_end - 48);
        AT(block, d + 32) = c;
        AT(block, d + 48) = e;
        AT(block, d_end - 64) = w;
        AT(block, d_end - 48) = x;
    }
    AT(block, d) = a;
    AT(block, d + 16) = b;
    AT(block, d_end - 32) = y;
    AT(block, d_end - 16) = z;
}

static inline void forwards(uint8_t *d, const uint8_t *s, size_t n) {
    const uint8_t *s_end = s + n;
    uint8_t *d_end = d + n;
    block first = SEEN(block, s);
    block w = SEEN(block, s_end - 64), x = SEEN(block, s_end - 48), y = SEEN(block, s_end - 32), z = SEEN(block, s_end - 16);
    size_t skip = 16 - ((uintptr_t)d & 15);
    uint8_t *to = d + skip;
    for (s += skip; to < d_end - 64; to += 64, s += 64) {
        block a = SEEN(block, s), b = SEEN(block, s + 16), c = SEEN(block, s + 32), e = SEEN(block, s + 48);
        AT(block, to) = a;
        AT(block, to + 16) = b;
        AT(block, to + 32) = c;
        AT(block, to + 48) = e;
    }
    AT(block, d_end - 64) = w;
    AT(block, d_end - 48) = x;
    AT(block, d_end - 32) = y;
    AT(block, d_end - 16) = z;
    AT(block, d) = first;
}

static inline void backwards(uint8_t *d, const uint8_t *s, size_t n) {
    block last = SEEN(block, s + n - 16);
    block w = SEEN(block, s), x = SEEN(block, s + 16), y = SEEN(block, s + 32), z = SEEN(block, s + 48);
    size_t skip = (uintptr_t)(d + n) & 15;
    uint8_t *to = d + n - skip;
    const uint8_t *from = s + n - skip;
    for (; to > d + 64; to -= 64, from -= 64) {
        block a = SEEN(block, from - 64), b = SEEN(block, from - 48), c = SEEN(block, from - 32), e = SEEN(block, from - 16);
        AT(block, to - 16) = e;
        AT(block, to - 32) = c;
        AT(block, to - 48) = b;
        AT(block, to - 64) = a;
    }
    AT(block, d) = w;
    AT(block, d + 16) = x;
    AT(block, d + 32) = y;
    AT(block, d + 48) = z;
    AT(block, d + n - 16) = last;
}

void *memmove(void *to, const void *from, size_t n) {
    uint8_t *d = to;
    const uint8_t *s = from;
    if (n < 16)
        few(d, s, n);
    else if (n <= 128)
        some(d, s, n);
    else if ((uintptr_t)d - (uintptr_t)s >= n)
        forwards(d, s, n);
    else
        backwards(d, s, n);
    return to;
}

/* musl has Arm's memcpy and memset. */
#ifndef __aarch64__
void *memcpy(void *restrict to, const void *restrict from, size_t n) {
    if (n < 16)
        few(to, from, n);
    else if (n <= 128)
        some(to, from, n);
    else
        forwards(to, from, n);
    return to;
}

void *memset(void *to, int byte, size_t n) {
    uint8_t *d = to;
    uint64_t eight = (uint8_t)byte * UINT64_C(0x0101010101010101);
    if (n < 16) {
        if (n >= 8) {
            AT(wide, d) = eight;
            AT(wide, d + n - 8) = eight;
        } else if (n >= 4) {
            AT(word, d) = (uint32_t)eight;
            AT(word, d + n - 4) = (uint32_t)eight;
        } else if (n >= 2) {
            AT(half, d) = (uint16_t)eight;
            AT(half, d + n - 2) = (uint16_t)eight;
        } else if (n) {
            *d = (uint8_t)byte;
        }
        return to;
    }
    block all = (block){0} + (uint8_t)byte;
    uint8_t *end = d + n;
    AT(block, d) = all;
    AT(block, end - 16) = all;
    if (n <= 32)
        return to;
    AT(block, d + 16) = all;
    AT(block, end - 32) = all;
    if (n <= 64)
        return to;
    AT(block, end - 64) = all;
    AT(block, end - 48) = all;
    for (d += 32 - ((uintptr_t)d & 15); d < end - 64; d += 64) {
        AT(block, d) = all;
        AT(block, d + 16) = all;
        AT(block, d + 32) = all;
        AT(block, d + 48) = all;
    }
    return to;
}
#endif

static inline int order(uint64_t a, uint64_t b) {
    a = __builtin_bswap64(a);
    b = __builtin_bswap64(b);
    return (a > b) - (a < b);
}

int memcmp(const void *one, const void *other, size_t n) {
    const uint8_t *a = one, *b = other;
    if (n < 8) {
        if (n >= 4) {
            /* Both ends of it, as one number of eight bytes. */
            uint64_t left = SEEN(word, a) | (uint64_t)SEEN(word, a + n - 4) << 32;
            uint64_t right = SEEN(word, b) | (uint64_t)SEEN(word, b + n - 4) << 32;
            return order(left, right);
        }
        for (; n; a++, b++, n--)
            if (*a != *b)
                return *a - *b;
        return 0;
    }
    /* Where the second eight bytes of the last look lie; those of a short text overlap the first. */
    size_t second = n < 16 ? n - 8 : 8;
    if (n > 16) {
        const uint8_t *a_last = a + n - 16, *b_last = b + n - 16;
        while (a < a_last && !((SEEN(wide, a) ^ SEEN(wide, b)) | (SEEN(wide, a + 8) ^ SEEN(wide, b + 8)))) {
            a += 16;
            b += 16;
        }
        if (a > a_last) {
            a = a_last;
            b = b_last;
        }
    }
    uint64_t left = SEEN(wide, a), right = SEEN(wide, b);
    if (left != right)
        return order(left, right);
    return order(SEEN(wide, a + second), SEEN(wide, b + second));
}

int bcmp(const void *one, const void *other, size_t n) {
    const uint8_t *a = one, *b = other;
    if (n < 8) {
        if (n >= 4)
            return ((SEEN(word, a) ^ SEEN(word, b)) | (SEEN(word, a + n - 4) ^ SEEN(word, b + n - 4))) != 0;
        if (n >= 2)
            return ((SEEN(half, a) ^ SEEN(half, b)) | (SEEN(half, a + n - 2) ^ SEEN(half, b + n - 2))) != 0;
        return n && *a != *b;
    }
    const uint8_t *a_end = a + n, *b_end = b + n;
    for (; n > 16; a += 16, b += 16, n -= 16)
        if ((SEEN(wide, a) ^ SEEN(wide, b)) | (SEEN(wide, a + 8) ^ SEEN(wide, b + 8)))
            return 1;
    /* Of what is left, at most the first eight bytes are not among the last eight. */
    if (n > 8 && SEEN(wide, a) != SEEN(wide, b))
        return 1;
    return SEEN(wide, a_end - 8) != SEEN(wide, b_end - 8);
}
