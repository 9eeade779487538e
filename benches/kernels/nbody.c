// Floating point on few values, with divisions and square roots.
#include <stdint.h>

enum { BODIES = 5 };
struct body { double x, y, z, vx, vy, vz, mass; };
static struct body bodies[BODIES];
uint64_t run(uint32_t n) {
  for (int i = 0; i < BODIES; i++)
    bodies[i] = (struct body){ i * 1.5, i * 0.7 - 1, i * 0.3, 0.01 * i, -0.02 * i, 0.005, i == 0 ? 39.5 : 0.03 / (i + 1) };
  for (uint32_t step = 0; step < n; step++) {
    for (int i = 0; i < BODIES; i++)
      for (int j = i + 1; j < BODIES; j++) {
        struct body *p = &bodies[i], *q = &bodies[j];
        double dx = p->x - q->x, dy = p->y - q->y, dz = p->z - q->z;
        double d2 = dx * dx + dy * dy + dz * dz + 1e-3;
        double mag = 0.001 / (d2 * __builtin_sqrt(d2));
        p->vx -= dx * q->mass * mag; p->vy -= dy * q->mass * mag; p->vz -= dz * q->mass * mag;
        q->vx += dx * p->mass * mag; q->vy += dy * p->mass * mag; q->vz += dz * p->mass * mag;
      }
    for (int i = 0; i < BODIES; i++) {
      struct body *p = &bodies[i];
      p->x += 0.001 * p->vx; p->y += 0.001 * p->vy; p->z += 0.001 * p->vz;
    }
  }
  double e = 0;
  for (int i = 0; i < BODIES; i++) e += bodies[i].x + bodies[i].y * 2 + bodies[i].z * 3;
  return (uint64_t)(int64_t)(e * 1e6);
}
