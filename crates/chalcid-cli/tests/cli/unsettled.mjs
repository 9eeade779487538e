// status: 13
// A top-level await that can never settle is told.
console.log("before");
await new Promise(() => {});
