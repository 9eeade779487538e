// status: 1
import "./support/throws.mjs";
console.log("never");
