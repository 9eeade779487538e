export default 'default';
export const named = { a: 1 };
export let counter = 0;
export function increment() { counter++; }
