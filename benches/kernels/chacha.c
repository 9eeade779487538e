// Encryption: additions and rotations that a compiler can put in vectors.
#include <stdint.h>

static uint32_t rol(uint32_t x, int by) { return x << by | x >> (32 - by); }
#define QUARTER(a, b, c, d) a += b; d = rol(d ^ a, 16); c += d; b = rol(b ^ c, 12); a += b; d = rol(d ^ a, 8); c += d; b = rol(b ^ c, 7);
uint64_t run(uint32_t n) {
  uint32_t key[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 9, 10 };
  uint64_t sum = 0;
  for (uint32_t block = 0; block < n; block++) {
    uint32_t x[16];
    key[12] = block;
    for (int i = 0; i < 16; i++) x[i] = key[i];
    for (int i = 0; i < 10; i++) {
      QUARTER(x[0], x[4], x[8], x[12]) QUARTER(x[1], x[5], x[9], x[13]) QUARTER(x[2], x[6], x[10], x[14]) QUARTER(x[3], x[7], x[11], x[15])
      QUARTER(x[0], x[5], x[10], x[15]) QUARTER(x[1], x[6], x[11], x[12]) QUARTER(x[2], x[7], x[8], x[13]) QUARTER(x[3], x[4], x[9], x[14])
    }
    for (int i = 0; i < 16; i++) sum = sum * 31 + (x[i] + key[i]);
  }
  return sum;
}
