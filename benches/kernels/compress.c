// A compressor with a hash of the last places, and its decompressor.
#include <stdint.h>

enum { SIZE = 1 << 18 };
static uint8_t text[SIZE], packed[SIZE * 2], back[SIZE];
static uint32_t last[1 << 14];
static uint32_t pack(void) {
  uint32_t out = 0, at = 0;
  for (uint32_t i = 0; i < 1 << 14; i++) last[i] = 0;
  while (at + 4 < SIZE) {
    uint32_t word = text[at] | text[at+1] << 8 | text[at+2] << 16 | (uint32_t)text[at+3] << 24;
    uint32_t slot = word * 2654435761u >> 18, from = last[slot];
    last[slot] = at + 1;
    uint32_t length = 0;
    if (from && at - (from - 1) < 65536)
      while (length < 255 && at + length < SIZE && text[from - 1 + length] == text[at + length]) length++;
    if (length >= 4) {
      uint32_t distance = at - (from - 1);
      packed[out++] = 255; packed[out++] = length; packed[out++] = distance; packed[out++] = distance >> 8;
      at += length;
    } else {
      uint8_t byte = text[at++];
      packed[out++] = byte == 255 ? 254 : byte;
    }
  }
  return out;
}
static uint32_t unpack(uint32_t size) {
  uint32_t at = 0;
  for (uint32_t in = 0; in < size;) {
    if (packed[in] == 255) {
      uint32_t length = packed[in+1], distance = packed[in+2] | packed[in+3] << 8;
      for (uint32_t i = 0; i < length; i++, at++) back[at] = back[at - distance];
      in += 4;
    } else back[at++] = packed[in++];
  }
  return at;
}
uint64_t run(uint32_t n) {
  uint32_t seed = 1;
  for (uint32_t i = 0; i < SIZE; i++) { seed = seed * 1103515245 + 12345; text[i] = i > 300 && seed >> 28 ? text[i - 1 - (seed >> 20 & 255)] : 'a' + (seed >> 16) % 26; }
  uint64_t sum = 0;
  for (uint32_t round = 0; round < n; round++) { uint32_t size = pack(); sum += size + unpack(size) + back[size & (SIZE - 1) >> 1]; text[round * 37 & (SIZE - 1)]++; }
  return sum;
}
