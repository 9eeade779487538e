// Vectors of 32-bit floats.
#include <stdint.h>

typedef float v4 __attribute__((vector_size(16), aligned(4)));
enum { W = 1024, H = 256 };
static float image[H][W], out[H][W];
uint64_t run(uint32_t n) {
  for (int y = 0; y < H; y++) for (int x = 0; x < W; x++) image[y][x] = (x * 7 + y * 13) & 255;
  for (uint32_t round = 0; round < n; round++) {
    for (int y = 1; y < H - 1; y++)
      for (int x = 4; x + 8 < W; x += 4) {
        v4 sum = { 0, 0, 0, 0 };
        for (int dy = -1; dy <= 1; dy++)
          for (int dx = -1; dx <= 1; dx++) sum += *(const v4 *)&image[y + dy][x + dx];
        *(v4 *)&out[y][x] = sum * (v4){ 1 / 9.f, 1 / 9.f, 1 / 9.f, 1 / 9.f };
      }
    image[1 + round % (H - 2)][5] += out[H / 2][W / 2];
  }
  double total = 0;
  for (int y = 0; y < H; y++) for (int x = 0; x < W; x++) total += out[y][x];
  return (uint64_t)total;
}
