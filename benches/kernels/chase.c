// Pointers followed through more memory than the caches hold.
#include <stdint.h>

enum { NODES = 1 << 20 };
static uint32_t next[NODES];
uint64_t run(uint32_t n) {
  for (uint32_t i = 0; i < NODES; i++) next[i] = i;
  uint64_t seed = 88172645463325252ull;
  for (uint32_t i = NODES - 1; i > 0; i--) { seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17; uint32_t j = seed % i, t = next[i]; next[i] = next[j]; next[j] = t; }
  uint32_t at = 0;
  uint64_t sum = 0;
  for (uint32_t i = 0; i < n; i++) { at = next[at]; sum += at; }
  return sum;
}
