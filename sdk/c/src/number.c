/* JSON numbers as doubles, rounded to the nearest. strtod would do, and bring ten times as much code into each plugin.
 */
#include "internal.h"

/* A whole number of up to 1,280 bits, the least significant word first. */
#define WORDS 40
typedef struct {
  uint32_t words[WORDS];
} big;

static void multiply(big *number, uint32_t by) {
  uint64_t carry = 0;
  for (int at = 0; at < WORDS; at++) {
    carry += (uint64_t)number->words[at] * by;
    number->words[at] = (uint32_t)carry;
    carry >>= 32;
  }
}

static bool is_below(const big *left, const big *right) {
  for (int at = WORDS - 1; at >= 0; at--) {
    if (left->words[at] != right->words[at]) return left->words[at] < right->words[at];
  }
  return false;
}

static void subtract(big *from, const big *what) {
  uint64_t borrow = 0;
  for (int at = 0; at < WORDS; at++) {
    uint64_t rest = (uint64_t)from->words[at] - what->words[at] - borrow;
    from->words[at] = (uint32_t)rest;
    borrow = rest >> 63;
  }
}

static bool is_zero(const big *number) {
  for (int at = 0; at < WORDS; at++) {
    if (number->words[at]) return false;
  }
  return true;
}

/* The double nearest to above / below; ties go to even. */
static double quotient(big above, big below) {
  int exponent = 0;
  uint64_t bits = 0;
  /* Scaled so that the quotient is from 1 to below 2. */
  for (big doubled = below; !is_below(&above, &doubled); exponent++) {
    below = doubled;
    multiply(&doubled, 2);
  }
  exponent -= exponent > 0;
  for (; is_below(&above, &below) && exponent > -1074; exponent--) multiply(&above, 2);
  /* 53 bits, or as many as a number this small has. */
  int count = exponent < -1022 ? 53 - (-1022 - exponent) : 53;
  for (int bit = 0; bit < count; bit++) {
    bits <<= 1;
    if (!is_below(&above, &below)) {
      subtract(&above, &below);
      bits |= 1;
    }
    multiply(&above, 2);
  }
  if (!is_below(&above, &below)) {
    subtract(&above, &below);
    if (!is_zero(&above) || (bits & 1)) bits++;
  }
  double number = (double)bits;
  for (int power = exponent - count + 1; power > 0; power--) number *= 2;
  for (int power = exponent - count + 1; power < 0; power++) number /= 2;
  return number;
}

/* Whether a text is a number of JSON's; value gets it. Of more than 18 digits the rest do not count. */
bool sm_read_number(const char *text, size_t length, double *value) {
  const char *end = text + length;
  bool is_negative = text < end && *text == '-', has_digits = false;
  uint64_t digits = 0;
  long exponent = 0;
  text += is_negative;
  for (bool is_fraction = false; text < end && ((*text >= '0' && *text <= '9') || (*text == '.' && !is_fraction));
       text++) {
    if (*text == '.') {
      is_fraction = true;
      continue;
    }
    has_digits = true;
    if (digits < UINT64_C(100000000000000000)) {
      digits = digits * 10 + (uint64_t)(*text - '0');
      exponent -= is_fraction;
    } else {
      exponent += !is_fraction;
    }
  }
  if (text < end && (*text == 'e' || *text == 'E') && has_digits) {
    text++;
    bool is_below_zero = text < end && *text == '-';
    long power = 0;
    text += text < end && (*text == '-' || *text == '+');
    has_digits = text < end;
    for (; text < end && *text >= '0' && *text <= '9'; text++)
      power = power > 9999 ? power : power * 10 + (*text - '0');
    exponent += is_below_zero ? -power : power;
  }
  if (!has_digits || text != end) return false;
  double number = 0;
  if (digits > 0 && exponent > 308) {
    number = __builtin_inf();
  } else if (digits > 0 && exponent > -343) {
    big above = {{(uint32_t)digits, (uint32_t)(digits >> 32)}}, below = {{1}};
    for (long power = exponent; power > 0; power--) multiply(&above, 10);
    for (long power = exponent; power < 0; power++) multiply(&below, 10);
    number = quotient(above, below);
  }
  *value = is_negative ? -number : number;
  return true;
}
