// Butterflies of 32-bit floats.
#include <stdint.h>

enum { LOG = 12, N = 1 << LOG };
static float re[N], im[N];
uint64_t run(uint32_t n) {
  for (int i = 0; i < N; i++) { re[i] = (i * 37) & 127; im[i] = 0; }
  for (uint32_t round = 0; round < n; round++) {
    for (int i = 0, j = 0; i < N; i++) {
      if (i < j) { float t = re[i]; re[i] = re[j]; re[j] = t; t = im[i]; im[i] = im[j]; im[j] = t; }
      int bit = N >> 1;
      for (; j & bit; bit >>= 1) j ^= bit;
      j ^= bit;
    }
    float c = -1, s = 0;
    for (int len = 2; len <= N; len <<= 1) {
      for (int i = 0; i < N; i += len) {
        float wr = 1, wi = 0;
        for (int k = 0; k < len / 2; k++) {
          int a = i + k, b = a + len / 2;
          float tr = re[b] * wr - im[b] * wi, ti = re[b] * wi + im[b] * wr;
          re[b] = re[a] - tr; im[b] = im[a] - ti; re[a] += tr; im[a] += ti;
          float t = wr * c - wi * s; wi = wr * s + wi * c; wr = t;
        }
      }
      s = __builtin_sqrtf((1 - c) * 0.5f); c = __builtin_sqrtf((1 + c) * 0.5f);
    }
    for (int i = 0; i < N; i++) { re[i] *= 1.f / 64; im[i] *= 1.f / 64; }
  }
  double total = 0;
  for (int i = 0; i < N; i++) total += __builtin_fabsf(re[i]) + __builtin_fabsf(im[i]);
  return (uint64_t)total;
}
