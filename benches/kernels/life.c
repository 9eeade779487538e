// Bytes of a grid and their neighbours.
#include <stdint.h>

enum { N = 512 };
static uint8_t grid[N][N], after[N][N];
uint64_t run(uint32_t n) {
  uint32_t seed = 3;
  for (int y = 0; y < N; y++) for (int x = 0; x < N; x++) { seed = seed * 1664525 + 1013904223; grid[y][x] = seed >> 30 == 0; }
  for (uint32_t round = 0; round < n; round++) {
    for (int y = 0; y < N; y++)
      for (int x = 0; x < N; x++) {
        int count = 0;
        for (int dy = -1; dy <= 1; dy++) for (int dx = -1; dx <= 1; dx++) if (dx || dy) count += grid[(y + dy) & (N - 1)][(x + dx) & (N - 1)];
        after[y][x] = count == 3 || (count == 2 && grid[y][x]);
      }
    __builtin_memcpy(grid, after, sizeof grid);
  }
  uint64_t alive = 0;
  for (int y = 0; y < N; y++) for (int x = 0; x < N; x++) alive += grid[y][x];
  return alive;
}
