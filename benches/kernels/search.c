// A pattern looked for in a text, byte by byte.
#include <stdint.h>

static uint8_t text[1 << 20];
static const uint8_t pattern[] = "the quick brown wasp";
uint64_t run(uint32_t n) {
  uint32_t seed = 5;
  for (uint32_t i = 0; i < sizeof text; i++) { seed = seed * 1103515245 + 12345; text[i] = pattern[(seed >> 20) % (sizeof pattern - 1)]; }
  uint64_t found = 0;
  for (uint32_t round = 0; round < n; round++) {
    for (uint32_t i = 0; i + sizeof pattern <= sizeof text; i++) {
      uint32_t j = 0;
      while (j < sizeof pattern - 1 && text[i + j] == pattern[j]) j++;
      found += j;
    }
    text[round * 4099 & (sizeof text - 1)] = 't';
  }
  return found;
}
