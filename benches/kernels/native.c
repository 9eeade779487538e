// Runs a kernel as native code: `native SIZE ROUNDS` prints its result and the seconds of each round.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

uint64_t run(uint32_t n);

int main(int argc, char **argv) {
  uint32_t size = argc > 1 ? strtoul(argv[1], 0, 10) : 1;
  int rounds = argc > 2 ? atoi(argv[2]) : 5;
  for (int round = 0; round < rounds; round++) {
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    uint64_t result = run(size);
    clock_gettime(CLOCK_MONOTONIC, &to);
    if (round == 0) printf("%llu\n", (unsigned long long)result);
    printf("%.6f\n", (to.tv_sec - from.tv_sec) + (to.tv_nsec - from.tv_nsec) * 1e-9);
  }
}
