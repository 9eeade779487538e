// Products of matrices of 64-bit floats.
#include <stdint.h>

enum { N = 192 };
static double a[N][N], b[N][N], c[N][N];
uint64_t run(uint32_t n) {
  for (int i = 0; i < N; i++) for (int j = 0; j < N; j++) { a[i][j] = (i * 3 + j) % 17; b[i][j] = (i + j * 5) % 13; }
  for (uint32_t round = 0; round < n; round++)
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) {
        double sum = 0;
        for (int k = 0; k < N; k++) sum += a[i][k] * b[k][j];
        c[i][j] = sum + c[i][j] * 0.5;
      }
  double total = 0;
  for (int i = 0; i < N; i++) for (int j = 0; j < N; j++) total += c[i][j];
  return (uint64_t)total;
}
