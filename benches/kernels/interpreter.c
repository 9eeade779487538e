// A bytecode interpreter: one large switch in a loop.
#include <stdint.h>

enum { PUSH, ADD, SUB, MUL, XOR, SHR, DUP, SWAP, LOAD, STORE, JNZ, DEC, LESS, HALT };
static const int32_t program[] = {
  PUSH, 0, STORE, 1, PUSH, 12345, STORE, 2,
  /* 8: */ LOAD, 2, PUSH, 1103515245, MUL, PUSH, 12345, ADD, STORE, 2,
  LOAD, 2, PUSH, 16, SHR, LOAD, 1, XOR, STORE, 1,
  LOAD, 1, PUSH, 3, MUL, DUP, PUSH, 7, SHR, ADD, STORE, 1,
  LOAD, 0, DEC, DUP, STORE, 0, JNZ, 8, LOAD, 1, HALT };
uint64_t run(uint32_t n) {
  uint32_t stack[32], vars[8] = { n };
  int sp = 0;
  const int32_t *pc = program;
  for (;;) switch (*pc++) {
    case PUSH: stack[sp++] = *pc++; break;
    case ADD: sp--; stack[sp-1] += stack[sp]; break;
    case SUB: sp--; stack[sp-1] -= stack[sp]; break;
    case MUL: sp--; stack[sp-1] *= stack[sp]; break;
    case XOR: sp--; stack[sp-1] ^= stack[sp]; break;
    case SHR: sp--; stack[sp-1] >>= stack[sp] & 31; break;
    case DUP: stack[sp] = stack[sp-1]; sp++; break;
    case SWAP: { uint32_t t = stack[sp-1]; stack[sp-1] = stack[sp-2]; stack[sp-2] = t; break; }
    case LOAD: stack[sp++] = vars[*pc++]; break;
    case STORE: vars[*pc++] = stack[--sp]; break;
    case JNZ: { int32_t to = *pc++; if (stack[--sp]) pc = program + to; break; }
    case DEC: stack[sp-1]--; break;
    case LESS: sp--; stack[sp-1] = stack[sp-1] < stack[sp]; break;
    case HALT: return stack[sp-1];
  }
}
