// 64-bit products and remainders.
#include <stdint.h>

uint64_t run(uint32_t n) {
  uint64_t sum = 0;
  for (uint32_t i = 1; i <= n; i++) {
    uint64_t base = i * 2654435761u % 4294967291u, result = 1;
    for (uint32_t e = 4294967289u; e; e >>= 1) { if (e & 1) result = result * base % 4294967291u; base = base * base % 4294967291u; }
    sum += result;
  }
  return sum;
}
