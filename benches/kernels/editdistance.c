// A table filled from its neighbours, with minima.
#include <stdint.h>

enum { N = 1500 };
static uint8_t one[N], other[N];
static uint32_t row[N + 1];
uint64_t run(uint32_t n) {
  uint64_t sum = 0;
  for (int i = 0; i < N; i++) { one[i] = i * i % 23; other[i] = i * 7 % 19; }
  for (uint32_t round = 0; round < n; round++) {
    for (int j = 0; j <= N; j++) row[j] = j;
    for (int i = 1; i <= N; i++) {
      uint32_t diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= N; j++) {
        uint32_t best = diagonal + (one[i - 1] != other[j - 1]);
        diagonal = row[j];
        if (row[j] + 1 < best) best = row[j] + 1;
        if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
        row[j] = best;
      }
    }
    sum += row[N];
    one[round % N]++;
  }
  return sum;
}
