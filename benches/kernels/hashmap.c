// Open addressing with 64-bit keys.
#include <stdint.h>

enum { SLOTS = 1 << 16 };
static uint64_t keys[SLOTS], values[SLOTS];
uint64_t run(uint32_t n) {
  uint64_t sum = 0, key = 1;
  for (uint32_t i = 0; i < SLOTS; i++) keys[i] = values[i] = 0;
  for (uint32_t i = 0; i < n; i++) {
    key = key * 6364136223846793005ull + 1442695040888963407ull;
    uint64_t wanted = (key >> 40) % 40000 + 1;
    uint32_t slot = wanted * 0x9e3779b97f4a7c15ull >> 48;
    while (keys[slot] && keys[slot] != wanted) slot = (slot + 1) & (SLOTS - 1);
    keys[slot] = wanted;
    sum += values[slot] += i;
  }
  return sum;
}
