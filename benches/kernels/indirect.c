// Calls through a table of functions.
#include <stdint.h>

typedef uint32_t (*step)(uint32_t);
static uint32_t s0(uint32_t x) { return x * 3 + 1; }
static uint32_t s1(uint32_t x) { return x ^ x >> 5; }
static uint32_t s2(uint32_t x) { return x + 0x9e3779b9; }
static uint32_t s3(uint32_t x) { return x << 7 | x >> 25; }
static uint32_t s4(uint32_t x) { return ~x; }
static uint32_t s5(uint32_t x) { return x - (x >> 3); }
static uint32_t s6(uint32_t x) { return x * 0x85ebca6b; }
static uint32_t s7(uint32_t x) { return x ^ 0xdeadbeef; }
static step volatile steps[8] = { s0, s1, s2, s3, s4, s5, s6, s7 };
uint64_t run(uint32_t n) {
  uint32_t x = 1;
  for (uint32_t i = 0; i < n; i++) x = steps[(x ^ i) & 7](x);
  return x;
}
