// status: 1
require("./support/syntax.cjs");
