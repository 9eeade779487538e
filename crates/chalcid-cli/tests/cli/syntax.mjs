// status: 1
// A syntax error names its place.
let x = ;
