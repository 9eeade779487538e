// status: 1
// An uncaught error prints the line it comes from and its stack.
function inner() {
  throw new TypeError("uncaught");
}
inner();
