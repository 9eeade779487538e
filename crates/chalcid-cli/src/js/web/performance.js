// `performance`: the engine's clock, with marks and measures.
'use strict';

const { now } = native.engine;
const timeOrigin = Date.now() - now.call(native.engine);

class PerformanceEntry {
  constructor(entryType, name, startTime, duration, detail) {
    Object.assign(this, { name, entryType, startTime, duration, detail });
  }

  toJSON() { return { ...this }; }
}

class Performance {
  #entries = [];

  get timeOrigin() { return timeOrigin; }

  mark(name, options = {}) {
    const entry = new PerformanceEntry('mark', `${name}`, options.startTime ?? this.now(), 0, options.detail ?? null);
    this.#entries.push(entry);
    return entry;
  }

  measure(name, start, end) {
    let detail = null, duration;
    if (start !== null && typeof start === 'object') ({ start, end, duration, detail = null } = start);
    const from = this.#time(start) ?? (duration === undefined ? 0 : this.#time(end) - duration);
    const to = this.#time(end) ?? (duration === undefined ? this.now() : from + duration);
    const entry = new PerformanceEntry('measure', `${name}`, from, to - from, detail);
    this.#entries.push(entry);
    return entry;
  }

  #time(mark) {
    if (mark === undefined || typeof mark === 'number') return mark;
    const entry = this.#entries.findLast((known) => known.entryType === 'mark' && known.name === `${mark}`);
    if (entry === undefined) throw new DOMException(`The "${mark}" performance mark has not been set`, 'SyntaxError');
    return entry.startTime;
  }

  #sorted(keep) {
    return this.#entries.filter(keep).sort((left, right) => left.startTime - right.startTime);
  }

  getEntries() { return this.#sorted(() => true); }
  getEntriesByName(name, type) { return this.#sorted((entry) => entry.name === name && (type === undefined || entry.entryType === type)); }
  getEntriesByType(type) { return this.#sorted((entry) => entry.entryType === type); }
  clearMarks(name) { this.#clear('mark', name); }
  clearMeasures(name) { this.#clear('measure', name); }

  #clear(type, name) {
    this.#entries = this.#entries.filter((entry) => entry.entryType !== type || (name !== undefined && entry.name !== name));
  }

  toJSON() { return { timeOrigin, now: this.now() }; }
}

// The engine's own function: reading the clock costs nothing extra.
Object.defineProperty(Performance.prototype, 'now', { value: now, writable: true, enumerable: true, configurable: true });
Object.defineProperty(Performance.prototype, Symbol.toStringTag, { value: 'Performance', configurable: true });

Object.assign(exports, { performance: new Performance(), Performance, PerformanceEntry });
