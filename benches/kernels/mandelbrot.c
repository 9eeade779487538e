// Floating point with an unforeseeable end of the loop.
#include <stdint.h>

uint64_t run(uint32_t n) {
  uint64_t sum = 0;
  for (uint32_t y = 0; y < n; y++)
    for (uint32_t x = 0; x < n; x++) {
      double cr = 3.0 * x / n - 2.25, ci = 2.5 * y / n - 1.25, zr = 0, zi = 0;
      uint32_t i = 0;
      while (i < 200 && zr * zr + zi * zi < 4) { double t = zr * zr - zi * zi + cr; zi = 2 * zr * zi + ci; zr = t; i++; }
      sum += i;
    }
  return sum;
}
