// Bits of a large array, set with growing strides.
#include <stdint.h>

static uint32_t bits[1 << 19];
uint64_t run(uint32_t n) {
  uint64_t sum = 0;
  const uint32_t limit = sizeof bits * 8;
  for (uint32_t round = 0; round < n; round++) {
    for (uint32_t i = 0; i < sizeof bits / 4; i++) bits[i] = 0;
    for (uint32_t p = 2; p < limit; p++) {
      if (bits[p >> 5] >> (p & 31) & 1) continue;
      sum += p;
      for (uint64_t q = (uint64_t)p * p; q < limit; q += p) bits[q >> 5] |= 1u << (q & 31);
    }
  }
  return sum;
}
