// SQLite compiled to WebAssembly: tables, ten thousand rows, queries, and the database as a file.
import { writeFileSync } from "node:fs";
import { createHash } from "./checksum.mjs";
import initSqlJs from "sql.js";

const SQL = await initSqlJs();
const db = new SQL.Database();
db.run("CREATE TABLE wasp (id INTEGER PRIMARY KEY, name TEXT NOT NULL, length REAL, host TEXT)");
db.run("CREATE INDEX by_host ON wasp (host)");

const hosts = ["beetle", "moth", "aphid", "fly", "sawfly"];
const insert = db.prepare("INSERT INTO wasp VALUES (?, ?, ?, ?)");
db.run("BEGIN");
for (let id = 1; id <= 10_000; id++) {
  insert.run([id, `wasp ${id} ü ${"x".repeat(id % 7)}`, (id % 97) / 8, id % 11 === 0 ? null : hosts[id % hosts.length]]);
}
db.run("COMMIT");
insert.free();

const [summary] = db.exec(
  "SELECT host, count(*), round(avg(length), 4), max(name) FROM wasp GROUP BY host ORDER BY host",
);
console.log(summary.columns.join(" | "));
for (const row of summary.values) console.log(row.join(" | "));

const select = db.prepare("SELECT name, length FROM wasp WHERE id = $id");
console.log(select.getAsObject({ $id: 4321 }));
select.free();

// A function of JavaScript, called by SQL.
db.create_function("shout", (text) => `${text.toUpperCase()}!`);
console.log(db.exec("SELECT shout(name) FROM wasp WHERE id = 13")[0].values[0][0]);

try {
  db.run("INSERT INTO wasp VALUES (1, 'again', 0, NULL)");
} catch (error) {
  console.log(error.message);
}

const file = db.export();
writeFileSync(new URL("out/wasps.sqlite", import.meta.url), file);
console.log("bytes:", file.length, "checksum:", createHash(file));
const again = new SQL.Database(file);
console.log("rows in the copy:", again.exec("SELECT count(*) FROM wasp")[0].values[0][0]);
again.close();
db.close();
