// status: 1
import { nothing } from "./support/lib.mjs";
