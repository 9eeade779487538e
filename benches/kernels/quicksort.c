// Sorting with unforeseeable branches.
#include <stdint.h>

static uint32_t values[1 << 17];
static void sort(uint32_t *v, int lo, int hi) {
  while (lo < hi) {
    uint32_t pivot = v[(lo + hi) >> 1];
    int i = lo, j = hi;
    while (i <= j) {
      while (v[i] < pivot) i++;
      while (v[j] > pivot) j--;
      if (i <= j) { uint32_t t = v[i]; v[i] = v[j]; v[j] = t; i++; j--; }
    }
    if (j - lo < hi - i) { sort(v, lo, j); lo = i; } else { sort(v, i, hi); hi = j; }
  }
}
uint64_t run(uint32_t n) {
  uint64_t sum = 0;
  uint32_t seed = 7;
  for (uint32_t round = 0; round < n; round++) {
    for (uint32_t i = 0; i < 1 << 17; i++) { seed ^= seed << 13; seed ^= seed >> 17; seed ^= seed << 5; values[i] = seed; }
    sort(values, 0, (1 << 17) - 1);
    sum += values[round * 1000 & 0x1ffff];
  }
  return sum;
}
