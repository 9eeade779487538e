// A table looked up for each byte.
#include <stdint.h>

static uint32_t table[256];
static uint8_t bytes[1 << 16];
uint64_t run(uint32_t n) {
  for (uint32_t i = 0; i < 256; i++) { uint32_t c = i; for (int j = 0; j < 8; j++) c = c & 1 ? 0xedb88320 ^ c >> 1 : c >> 1; table[i] = c; }
  for (uint32_t i = 0; i < sizeof bytes; i++) bytes[i] = i * 31 + (i >> 7);
  uint32_t crc = ~0u;
  for (uint32_t round = 0; round < n; round++)
    for (uint32_t i = 0; i < sizeof bytes; i++) crc = table[(crc ^ bytes[i]) & 255] ^ crc >> 8;
  return crc;
}
