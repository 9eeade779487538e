// Sorting by counting: scattered stores.
#include <stdint.h>

enum { COUNT = 1 << 18 };
static uint32_t one[COUNT], other[COUNT];
uint64_t run(uint32_t n) {
  uint64_t sum = 0;
  uint32_t seed = 9;
  for (uint32_t round = 0; round < n; round++) {
    for (uint32_t i = 0; i < COUNT; i++) { seed = seed * 1664525 + 1013904223; one[i] = seed ^ seed >> 13; }
    uint32_t *from = one, *to = other;
    for (int shift = 0; shift < 32; shift += 8) {
      uint32_t counts[257] = { 0 };
      for (uint32_t i = 0; i < COUNT; i++) counts[(from[i] >> shift & 255) + 1]++;
      for (int i = 0; i < 256; i++) counts[i + 1] += counts[i];
      for (uint32_t i = 0; i < COUNT; i++) to[counts[from[i] >> shift & 255]++] = from[i];
      uint32_t *t = from; from = to; to = t;
    }
    sum += from[round * 999 & (COUNT - 1)];
  }
  return sum;
}
